import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { ChangeRequest, ChangeRequestStore } from '../changes/change-request.ts';
import type { ProposeUpstream } from '../changes/change-requests.ts';
import type { OrgRuntime } from '../delivery/runtime.ts';
import { pushRefs, type Remote } from '../git/remote.ts';
import { RemoteError } from '../git/remote-error.ts';
import { toTime } from '../model/clock.ts';
import { invalidField } from '../model/errors.ts';
import { ZERO_OID } from '../model/names.ts';
import { openRemote, type RemoteDeps } from './open-remote.ts';
import { notProposed, readOnly } from './propose-refused.ts';
import { openProvider } from './provider/open.ts';
import {
  type NewPullRequest,
  type Provider,
  ProviderError,
  type PullRequest,
} from './provider/port.ts';
import { requestOf } from './pull-requests.ts';
import type { Upstream, UpstreamStore } from './upstream.ts';

export interface ProposeDeps extends RemoteDeps {
  upstreams: Pick<UpstreamStore, 'find'>;
  changeRequests: Pick<ChangeRequestStore, 'follow' | 'find'>;
  scratchDir: string;
}

/** Somebody waits for the answer. */
const PUSH_TIMEOUT_SEC = 15;
const TRIES = 2;
const PAUSE_MS = 500;
/**
 * Where alone branches are written over there. What the mirror's credential may push to is more than
 * what people here may: else an editor could forward any branch of the upstream.
 */
const OWN = 'waymark/';

type Wanted = Parameters<ProposeUpstream>[1];

/**
 * Proposes a commit where a mirror's changes are decided about: as a branch of the
 * upstream and a pull request. The same edit, proposed again, is the same one.
 *
 * @throws {WaymarkError} `REG_MIRROR_READ_ONLY` with `details.reason` where that
 *   cannot be; `UPSTREAM_FAILED`, `UPSTREAM_TIMEOUT` where it may be later
 */
export function proposeUpstream(deps: ProposeDeps): ProposeUpstream {
  return async ({ runtime, actor, requestId, clock }, wanted) => {
    const { slug: org } = runtime.org;
    if (wanted.target !== 'main') throw invalidField('target', 'of a mirror only main can be');
    const upstream = await deps.upstreams.find(org);
    const pull = await propose(runtime, upstream, { ...wanted, actor }, deps).catch(notProposed);
    const request = requestOf({ org }, pull);
    await deps.changeRequests.follow([request], {
      at: toTime(clock()),
      tenant: org,
      actor,
      action: 'change.propose',
      resource: `change-requests/${request.number}`,
      after: { source: request.source, head: request.head, url: request.url },
      ...(requestId && { requestId }),
    });
    return (await deps.changeRequests.find(org, request.number)) as ChangeRequest;
  };
}

async function propose(
  runtime: OrgRuntime,
  upstream: Upstream | undefined,
  { source, head, title, description, draft, actor }: Wanted & { actor: string },
  deps: ProposeDeps,
): Promise<PullRequest> {
  const provider = upstream && (await openProvider(upstream, deps));
  if (!provider) throw readOnly('no-provider');
  const { branch: base } = upstream;
  const branch = OWN + (source ?? (await nameFor(runtime, head)));
  if (source === base || branch === base)
    throw invalidField('source', `${base} is what the mirror follows`);
  const found = await provider.findPullRequest(branch, base);
  if (found && source === null) return found;
  const remote = await openRemote(upstream, deps);
  await push(runtime, remote, { branch, oid: head, isNamedByContent: source === null }, deps);
  if (found) return { ...found, head };
  const body = `${description}\n\nProposed by ${actor} through Waymark.`.trim();
  const wanted = { branch, base, title, body, isDraft: draft };
  try {
    return await open(provider, wanted);
  } catch (error) {
    const isOrphan = source === null && error instanceof ProviderError && error.isLasting;
    if (isOrphan) await removeBranch(runtime, remote, branch, deps);
    throw error;
  }
}

/** By what is changed rather than by the commit, whose time is another at each try. */
async function nameFor({ pool }: OrgRuntime, commit: string): Promise<string> {
  const { tree, parents, message, author } = await pool.readCommit(commit);
  const said = [tree, ...parents, author.name, author.email, message].join('\n');
  return createHash('sha256').update(said).digest('hex').slice(0, 16);
}

interface Pushed {
  branch: string;
  oid: string;
  isNamedByContent: boolean;
}

async function push(
  runtime: OrgRuntime,
  remote: Remote,
  { branch, oid, isNamedByContent }: Pushed,
  { scratchDir }: ProposeDeps,
): Promise<void> {
  const work = { repo: runtime.repo, scratchDir, signal: runtime.closing };
  try {
    await pushRefs(remote, [{ oid, ref: `refs/heads/${branch}` }], work, PUSH_TIMEOUT_SEC);
  } catch (error) {
    // A try before this one has pushed the same edit under another time.
    const isThere = error instanceof RemoteError && error.reason === 'push-refused';
    if (!(isThere && isNamedByContent)) throw error;
  }
}

/** It says nothing without a pull request. Where it cannot be removed it does no harm. */
async function removeBranch(
  runtime: OrgRuntime,
  remote: Remote,
  branch: string,
  { scratchDir }: ProposeDeps,
): Promise<void> {
  const work = { repo: runtime.repo, scratchDir, signal: runtime.closing };
  const refs = [{ oid: ZERO_OID, ref: `refs/heads/${branch}` }];
  await pushRefs(remote, refs, work, PUSH_TIMEOUT_SEC).catch(() => {});
}

/** A try whose answer was lost may have opened it. */
async function open(provider: Provider, wanted: NewPullRequest): Promise<PullRequest> {
  for (let attempt = 1; ; attempt++) {
    try {
      const { branch, base } = wanted;
      const found = attempt === 1 ? undefined : await provider.findPullRequest(branch, base);
      return found ?? (await provider.openPullRequest(wanted));
    } catch (error) {
      const isOver = !(error instanceof ProviderError) || error.isLasting || attempt === TRIES;
      if (isOver) throw error;
    }
    await pause(PAUSE_MS * attempt);
  }
}
