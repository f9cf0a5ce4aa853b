import type { Logger } from '../audit/logger.ts';
import type { OrgRuntime } from '../delivery/runtime.ts';
import { isAncestor } from '../git/history.ts';
import { fetchRefs, listRemote, type Remote, type RemoteWork } from '../git/remote.ts';
import { RemoteError } from '../git/remote-error.ts';
import { type Clock, toTime } from '../model/clock.ts';
import { WaymarkError } from '../model/errors.ts';
import { failpoint } from '../model/failpoint.ts';
import { type Finding, settleConditions } from './conditions.ts';
import { MirrorError, openRemote, type RemoteDeps } from './open-remote.ts';
import { planFetch, TAG_PATTERNS, upstreamRef } from './plan.ts';
import type { SyncFault, Upstream, UpstreamStore } from './upstream.ts';
import type { Verifier } from './verify.ts';

export interface SyncDeps extends RemoteDeps {
  upstreams: UpstreamStore;
  /** For private keys while ssh runs: for its owner alone, emptied at every start. */
  scratchDir: string;
  clock: Clock;
  log: Logger;
}

/** Who or what asked: in the log. */
export type SyncReason = 'poll' | 'hint' | 'request';

/**
 * Brings an org up to its upstream, as far as it may be followed: what may not is
 * left as it is, with a condition. How it went is stored, whatever that was.
 *
 * @throws {MirrorError | RemoteError | WaymarkError} when the upstream could not be
 *   followed at all; what is served stays
 */
export async function syncUpstream(
  runtime: OrgRuntime,
  verifier: Verifier,
  deps: SyncDeps,
  { reason }: { reason: SyncReason },
): Promise<void> {
  const { upstreams, clock, log } = deps;
  const org = runtime.org.slug;
  const upstream = await upstreams.find(org);
  if (!upstream) throw new MirrorError('unset', 'the organisation has no upstream');
  const lastAttemptAt = toTime(clock());
  try {
    const head = await follow(runtime, upstream, verifier, deps);
    const status = { head, lastAttemptAt, lastSuccessAt: toTime(clock()), lastError: null };
    await upstreams.saveStatus(org, status);
  } catch (error) {
    // Stopped by us: that says nothing about the upstream.
    if (runtime.closing.aborted) throw error;
    log.warn({ org, reason, error }, 'the upstream could not be followed');
    const { head, lastSuccessAt } = upstream;
    const status = { head, lastAttemptAt, lastSuccessAt, lastError: faultOf(error) };
    await upstreams.saveStatus(org, status);
    throw error;
  }
}

/** For the org's people: it names no host, path or secret. */
export function faultOf(error: unknown): SyncFault {
  if (error instanceof MirrorError || error instanceof RemoteError) {
    return { reason: error.reason, message: error.message };
  }
  if (error instanceof WaymarkError) return { reason: error.code, message: error.message };
  return { reason: 'internal', message: 'internal error' };
}

async function follow(
  runtime: OrgRuntime,
  upstream: Upstream,
  verifier: Verifier,
  deps: SyncDeps,
): Promise<string | null> {
  runtime.checkWritable();
  const remote = await openRemote(upstream, deps);
  const work = { repo: runtime.repo, scratchDir: deps.scratchDir, signal: runtime.closing };
  const branch = `refs/heads/${upstream.branch}`;
  const listed = await listRemote(remote, [branch, ...TAG_PATTERNS], work);
  if (!listed.has(branch)) {
    throw new MirrorError('branch-missing', `the upstream: it has no branch ${upstream.branch}`);
  }
  const findings = await fetchListed(runtime, { remote, work, branch, listed }, deps);
  const head = await runtime.refs.read(upstreamRef(branch));
  if (head !== undefined) findings.push(...(await verifier.promote(head, branch)));
  await verifier.takeTags();
  await settleConditions(runtime.org.slug, findings, deps);
  return head ?? null;
}

interface Listing {
  remote: Remote;
  work: RemoteWork;
  branch: string;
  listed: ReadonlyMap<string, string>;
}

async function fetchListed(
  runtime: OrgRuntime,
  { remote, work, branch, listed }: Listing,
  { upstreams }: SyncDeps,
): Promise<Finding[]> {
  const conditions = await upstreams.conditions(runtime.org.slug);
  const plan = await planFetch(runtime.refs, { branch, listed, conditions });
  const { wanted, gone, findings } = plan;
  for (const update of gone) await runtime.refs.updateRef(update);
  if (wanted.length === 0) return findings;
  const ref = upstreamRef(branch);
  const old = await runtime.refs.read(ref);
  const head = listed.get(branch)!;
  try {
    await fetchRefs(remote, wanted, work);
    await failpoint('mirror.fetched');
    return findings;
  } catch (error) {
    const isForced = wanted.some((one) => one.ref === ref && one.isForced);
    if (isForced || !(await isElsewhere(runtime, old, head))) throw error;
  }
  // Git took nothing. What else is new does not wait for a person.
  const others = wanted.filter((one) => one.ref !== ref);
  if (others.length > 0) await fetchRefs(remote, others, work);
  return [...findings, { kind: 'force-push', ref: branch, old: old!, new: head }];
}

/** Whether git refused a commit because it does not lead on from the one before. */
async function isElsewhere(runtime: OrgRuntime, old: string | undefined, head: string) {
  if (old === undefined || !(await runtime.pool.find(head))) return false;
  return !(await isAncestor(runtime.repo, old, head));
}
