import type { Logger } from '../audit/logger.ts';
import type { OrgRuntime } from '../delivery/runtime.ts';
import { isAncestor } from '../git/history.ts';
import { fetchRefs, listRemote } from '../git/remote.ts';
import { type Clock, toTime } from '../model/clock.ts';
import { failpoint } from '../model/failpoint.ts';
import { BRANCH_PATTERN, type Branches, type Listing } from './branches.ts';
import { type Finding, settleConditions } from './conditions.ts';
import { faultOf } from './fault.ts';
import { MirrorError, openRemote, type RemoteDeps } from './open-remote.ts';
import { planFetch, TAG_PATTERNS, upstreamRef } from './plan.ts';
import type { Releases } from './releases.ts';
import type { Upstream, UpstreamStore } from './upstream.ts';
import type { Verifier } from './verify.ts';

export interface SyncDeps extends RemoteDeps {
  upstreams: UpstreamStore;
  /** For private keys while ssh runs: for its owner alone, emptied at every start. */
  scratchDir: string;
  clock: Clock;
  log: Logger;
}

/** What remembers from one sync of an org to the next. */
interface Following {
  verifier: Verifier;
  branches: Branches;
  releases: Releases;
}

/** Who or what asked. */
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
  { verifier, branches, releases }: Following,
  deps: SyncDeps,
  { reason }: { reason: SyncReason },
): Promise<void> {
  const { upstreams, clock, log } = deps;
  const org = runtime.org.slug;
  const upstream = await upstreams.find(org);
  if (!upstream) throw new MirrorError('unset', 'the organisation has no upstream');
  const lastAttemptAt = toTime(clock());
  try {
    const { head, listing } = await follow(runtime, upstream, verifier, deps);
    const isAgain = reason === 'request';
    if (upstream.provider?.tokenRef) await branches.report(listing, isAgain);
    await releases.order(upstream, listing.listed, isAgain);
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

async function follow(
  runtime: OrgRuntime,
  upstream: Upstream,
  verifier: Verifier,
  deps: SyncDeps,
): Promise<{ head: string | null; listing: Listing }> {
  runtime.checkWritable();
  const remote = await openRemote(upstream, deps);
  const work = { repo: runtime.repo, scratchDir: deps.scratchDir, signal: runtime.closing };
  const branch = `refs/heads/${upstream.branch}`;
  const branches = upstream.provider?.tokenRef ? BRANCH_PATTERN : branch;
  const listed = await listRemote(remote, [branches, ...TAG_PATTERNS], work);
  if (!listed.has(branch)) {
    throw new MirrorError('branch-missing', `the upstream: it has no branch ${upstream.branch}`);
  }
  const listing = { remote, work, branch, listed };
  const findings = await fetchListed(runtime, listing, deps);
  const head = await runtime.refs.read(upstreamRef(branch));
  if (head !== undefined) findings.push(...(await verifier.promote(head, branch)));
  await verifier.takeTags();
  await settleConditions(runtime.org.slug, findings, deps);
  return { head: head ?? null, listing };
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
