import type { Logger } from '../audit/logger.ts';
import type { OrgRuntime } from '../delivery/runtime.ts';
import { formatDiagnostic } from '../model/diagnostic.ts';
import { ZERO_OID } from '../model/names.ts';
import { noteWrite } from './fault.ts';
import { openProvider, type ProviderDeps } from './provider/open.ts';
import type { UpstreamStore } from './upstream.ts';
import { checkFetched } from './verify.ts';

export interface StatusDeps extends ProviderDeps {
  upstreams: Pick<UpstreamStore, 'find' | 'saveWriteError'>;
  /** Where people find this server. */
  publicUrl: string | null;
  log: Logger;
}

const CONTEXT = 'waymark/validate';

/**
 * Says beside a fetched commit, at the provider, what the gate says of it.
 * Nothing happens where no provider is set up.
 *
 * @throws what may go better the next time
 */
export async function reportValidation(
  runtime: OrgRuntime,
  commit: string,
  deps: StatusDeps,
): Promise<void> {
  const { upstreams, publicUrl: targetUrl } = deps;
  const upstream = await upstreams.find(runtime.org.slug);
  // Its branch may be gone since, and the commit with it.
  if (!upstream || (await runtime.pool.find(commit))?.type !== 'commit') return;
  const report = async () => {
    const provider = await openProvider(upstream, deps);
    if (!provider) return;
    const common = { commit, context: CONTEXT, targetUrl };
    await provider.reportStatus({ ...common, state: 'pending', description: 'checking' });
    await provider.reportStatus({ ...common, ...(await judge(runtime, commit)) });
  };
  await noteWrite(upstream, 'status', report, deps);
}

async function judge(runtime: OrgRuntime, commit: string) {
  const main = (await runtime.refs.read('refs/heads/main')) ?? ZERO_OID;
  const [first, ...others] = await checkFetched(runtime, commit, main);
  if (!first) return { state: 'success', description: 'the registry is valid' } as const;
  const more = others.length === 0 ? '' : `${others.length + 1} errors: `;
  return { state: 'failure', description: more + formatDiagnostic(first) } as const;
}
