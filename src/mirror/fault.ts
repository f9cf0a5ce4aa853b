import type { Logger } from '../audit/logger.ts';
import { RemoteError, type RemoteReason } from '../git/remote-error.ts';
import { WaymarkError } from '../model/errors.ts';
import { MirrorError } from './open-remote.ts';
import { ProviderError } from './provider/port.ts';
import type { SyncFault, Upstream, UpstreamStore, WriteFault } from './upstream.ts';

/** For the org's people: it names no host, path or secret. */
export function faultOf(error: unknown): SyncFault {
  const isOurs =
    error instanceof MirrorError || error instanceof RemoteError || error instanceof ProviderError;
  if (isOurs) return { reason: error.reason, message: error.message };
  if (error instanceof WaymarkError) return { reason: error.code, message: error.message };
  return { reason: 'internal', message: 'internal error' };
}

const LASTING: ReadonlySet<RemoteReason> = new Set([
  'credentials-refused',
  'host-key-refused',
  'certificate-refused',
  'redirected',
  'not-found',
  'push-refused',
]);

/** Whether it takes a person to change it: another try would fail alike. */
export function isLasting(error: unknown): boolean {
  if (error instanceof ProviderError) return error.isLasting;
  if (error instanceof RemoteError) return LASTING.has(error.reason);
  return error instanceof MirrorError || error instanceof WaymarkError;
}

/**
 * Writes something upstream, and keeps why that failed where people see it.
 *
 * @throws what may go better the next time
 */
export async function noteWrite(
  { org, lastWriteError }: Upstream,
  what: WriteFault['what'],
  work: () => Promise<void>,
  { upstreams, log }: { upstreams: Pick<UpstreamStore, 'saveWriteError'>; log: Logger },
): Promise<void> {
  try {
    await work();
    if (lastWriteError?.what === what) await upstreams.saveWriteError(org, null);
  } catch (error) {
    await upstreams.saveWriteError(org, { what, ...faultOf(error) });
    if (!isLasting(error)) throw error;
    log.warn({ org, what, error }, 'this could not be written upstream');
  }
}
