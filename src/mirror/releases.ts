import type { Logger } from '../audit/logger.ts';
import type { OrgRuntime } from '../delivery/runtime.ts';
import type { Refs } from '../git/refs.ts';
import { listRemote, pushRefs } from '../git/remote.ts';
import { ZERO_OID } from '../model/names.ts';
import type { Errands } from './errands.ts';
import { noteWrite } from './fault.ts';
import { openRemote, type RemoteDeps } from './open-remote.ts';
import { goneRef, TAG_PATTERNS, upstreamRef } from './plan.ts';
import type { Upstream, UpstreamStore } from './upstream.ts';

export interface ReleasePushing extends RemoteDeps {
  upstreams: Pick<UpstreamStore, 'find' | 'saveWriteError'>;
  scratchDir: string;
  log: Logger;
}

/** Releases that were made here and that the upstream has not. */
export class Releases {
  readonly #runtime: OrgRuntime;
  readonly #errands: Errands;
  #ordered = '';

  constructor(runtime: OrgRuntime, { errands }: { errands: Errands }) {
    this.#runtime = runtime;
    this.#errands = errands;
  }

  /**
   * Has them pushed, once: where the upstream refuses them it would refuse them
   * every minute.
   *
   * @param isAgain also those that were ordered before
   */
  async order(
    { secretRef }: Upstream,
    listed: ReadonlyMap<string, string>,
    isAgain: boolean,
  ): Promise<void> {
    if (secretRef === null) return;
    const unpushed = await unpushedTags(this.#runtime.refs, listed);
    const ordered = unpushed.map(({ oid }) => oid).join(' ');
    if (ordered === '' || (ordered === this.#ordered && !isAgain)) return;
    await this.#errands.pushReleases(this.#runtime.org.slug);
    this.#ordered = ordered;
  }
}

/** But for those that somebody has removed over there. */
async function unpushedTags(refs: Refs, listed: ReadonlyMap<string, string>) {
  const known = await refs.list('refs/upstream/');
  return [...(await refs.list('refs/tags/'))]
    .map(([ref, oid]) => ({ ref, oid }))
    .filter(
      ({ ref }) => !listed.has(ref) && !known.has(upstreamRef(ref)) && !known.has(goneRef(ref)),
    );
}

/**
 * Pushes the releases that the upstream has not, where the credentials allow it.
 *
 * @throws what may go better the next time
 */
export async function pushReleases(
  runtime: OrgRuntime,
  deps: ReleasePushing,
  stopping: AbortSignal,
): Promise<void> {
  const upstream = await deps.upstreams.find(runtime.org.slug);
  if (!upstream) return;
  const { repo, refs } = runtime;
  const signal = AbortSignal.any([stopping, runtime.closing]);
  const work = { repo, scratchDir: deps.scratchDir, signal };
  const push = async () => {
    const remote = await openRemote(upstream, deps);
    const unpushed = await unpushedTags(refs, await listRemote(remote, TAG_PATTERNS, work));
    if (unpushed.length === 0) return;
    await pushRefs(remote, unpushed, work);
    for (const { ref, oid } of unpushed) {
      await refs.updateRef({ ref: upstreamRef(ref), oldOid: ZERO_OID, newOid: oid });
    }
  };
  await noteWrite(upstream, 'release', push, deps);
}
