import { fetchRefs, listRemote } from '../git/remote.ts';
import { openRemote } from './open-remote.ts';
import { TAG_PATTERNS, upstreamRef } from './plan.ts';
import type { SyncDeps } from './sync.ts';

/**
 * Brings what an org follows of its upstream into an empty repository, in place
 * of one that was damaged. False for an org without an upstream.
 *
 * @throws {MirrorError | RemoteError | WaymarkError}
 */
export async function refetchUpstream(
  org: string,
  dir: string,
  { upstreams, scratchDir, ...deps }: Omit<SyncDeps, 'clock' | 'log'>,
  signal: AbortSignal,
): Promise<boolean> {
  const upstream = await upstreams.find(org);
  if (!upstream) return false;
  const remote = await openRemote(upstream, deps);
  const work = { repo: dir, scratchDir, signal };
  const patterns = [`refs/heads/${upstream.branch}`, ...TAG_PATTERNS];
  const listed = await listRemote(remote, patterns, work);
  const wanted = [...listed].map(([ref, oid]) => ({ oid, ref: upstreamRef(ref), isForced: false }));
  if (wanted.length > 0) await fetchRefs(remote, wanted, work);
  return true;
}
