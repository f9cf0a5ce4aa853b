import type { OrgRuntime } from '../delivery/runtime.ts';
import { isAncestor } from '../git/history.ts';
import type { StandingStores } from '../identity/standing.ts';
import { toTime } from '../model/clock.ts';
import { invalidField, WaymarkError } from '../model/errors.ts';
import type { Listing, Page } from '../model/listing.ts';
import { approvalCreated, touchedPlugins } from './approval-events.ts';
import {
  type ChangeRequest,
  isActive,
  isBranchName,
  LONGEST_TITLE,
  type NewChangeRequest,
  refOf,
} from './change-request.ts';
import { type Settling, settle } from './change-request-settle.ts';
import type { Evaluating, Heads } from './checks.ts';
import { composeEdit, type Edit } from './edit.ts';

/** Someone who works on an org's change requests. */
export interface Changing extends Settling, Evaluating, StandingStores {
  actor: string;
  /** Of a key: who else can act by it. */
  makers?: readonly string[];
  requestId?: string;
  /** Where the org is a mirror. */
  proposeUpstream: ProposeUpstream;
}

/** Opens a request where a mirror's changes are decided about: at its upstream. */
export type ProposeUpstream = (
  by: Pick<Changing, 'runtime' | 'clock' | 'actor' | 'requestId'>,
  wanted: Required<Terms> & { source: string | null; head: string },
) => Promise<ChangeRequest>;

interface Terms {
  title: string;
  description?: string;
  /** Default `main`. */
  target?: string;
  draft?: boolean;
}

const MAIN = 'main';

/**
 * Opens a request for a branch that was pushed.
 *
 * @throws {WaymarkError} `VAL_FAILED` for a branch that is not there, or has
 *   nothing that its target lacks; `RES_DUPLICATE` where it has an active request
 */
export async function createFromBranch(
  changing: Changing,
  { source, target = MAIN, ...terms }: Terms & { source: string },
): Promise<ChangeRequest> {
  const { repo } = changing.runtime;
  if (source === target) throw invalidField('source', `${source} is the target itself`);
  const [head, targetHead] = [
    await findBranch(changing.runtime, 'source', source),
    await findBranch(changing.runtime, 'target', target),
  ];
  if (await isAncestor(repo, head, targetHead)) {
    throw invalidField('source', `${source} has no commit that ${target} lacks: push one`);
  }
  return await insert(changing, { source, target, head, pending: null, ...terms });
}

/**
 * Opens a request for a commit that no ref holds yet, on a branch of its own.
 * A crash leaves all of it or nothing: the row says that the branch is to be made.
 */
export async function openChangeRequest(
  changing: Changing,
  { commit: head, target = MAIN, ...terms }: Terms & { commit: string },
): Promise<ChangeRequest> {
  const { requestId } = changing;
  const pending = { step: 'branch', ...(requestId && { requestId }) } as const;
  const made = await insert(changing, { source: null, target, head, pending, ...terms });
  const [settled] = await settle(changing, [made]);
  return settled!;
}

/**
 * Opens a request for an edit, on a branch of its own.
 *
 * @throws {WaymarkError} `VAL_FAILED` as `composeEdit`, and for a base that the target has not
 */
export async function createFromEdit(
  changing: Changing,
  { base, message, operations, ...terms }: Terms & Edit,
): Promise<ChangeRequest> {
  const { target = MAIN } = terms;
  const targetHead = await findBranch(changing.runtime, 'target', target);
  const commit = await composeEdit(changing, { base, message, operations });
  if (!(await isAncestor(changing.runtime.repo, base, targetHead))) {
    throw invalidField('base', `${base} is no commit of ${target}`);
  }
  return await openChangeRequest(changing, { ...terms, commit });
}

async function insert(
  changing: Changing,
  {
    title,
    description = '',
    draft = false,
    ...place
  }: Terms & Pick<NewChangeRequest, 'source' | 'target' | 'head' | 'pending'>,
): Promise<ChangeRequest> {
  const { changeRequests, runtime, actor, requestId, clock } = changing;
  if (runtime.org.mode === 'mirror') {
    const { source, target, head } = place;
    const wanted = { title, description, draft, source, target, head };
    return await changing.proposeUpstream(changing, wanted);
  }
  const at = toTime(clock());
  const org = runtime.org.slug;
  const request: NewChangeRequest = {
    org,
    title: title.replace(/\p{Cc}/gu, ' ').slice(0, LONGEST_TITLE),
    description,
    ...place,
    author: actor,
    status: draft ? 'draft' : 'open',
    createdAt: at,
    updatedAt: at,
    mergedAt: null,
    mergeCommit: null,
    mergeBase: null,
    url: null,
    version: 1,
  };
  // First: of a crash in between nothing is left that somebody could approve.
  await runtime.authors.add(place.head, [actor, ...(changing.makers ?? [])]);
  const entryOf = ({ number, source, head }: ChangeRequest) => ({
    at,
    tenant: org,
    actor,
    action: 'change.create',
    resource: `change-requests/${number}`,
    after: { title, source, target: place.target, head },
    ...(requestId && { requestId }),
  });
  const plugins = draft ? [] : await touchedPlugins(runtime, place);
  const made = await changeRequests.insert(request, entryOf, (asked) =>
    draft ? [] : [approvalCreated(asked, plugins)],
  );
  if (made) return made;
  throw new WaymarkError('RES_DUPLICATE', `${place.source} has an open change request already`);
}

async function findBranch(runtime: OrgRuntime, field: string, name: string): Promise<string> {
  const head = isBranchName(name) ? await runtime.refs.read(refOf(name)) : undefined;
  if (head !== undefined) return head;
  throw invalidField(field, `there is no branch ${name}: push it first`, 'not_found');
}

/**
 * One request, as its branches stand now.
 *
 * @throws {WaymarkError} `RES_NOT_FOUND`
 */
export async function getCurrent(changing: Settling, number: number): Promise<ChangeRequest> {
  const { changeRequests, runtime } = changing;
  const found = await changeRequests.find(runtime.org.slug, number);
  if (!found) throw new WaymarkError('RES_NOT_FOUND', `there is no change request ${number}`);
  if (!isActive(found)) return found;
  const [current] = await settle(changing, [found]);
  return current!;
}

export function listChangeRequests(
  { changeRequests, runtime }: Settling,
  listing: Listing,
): Promise<Page<ChangeRequest>> {
  return changeRequests.list(runtime.org.slug, listing);
}

/** A mirror has the branches of its upstream, and none of the forks of it. */
export const isHere = async ({ pool }: OrgRuntime, { head }: ChangeRequest): Promise<boolean> =>
  (await pool.find(head))?.type === 'commit';

/** One of our own: those of a mirror's upstream are decided about there. */
export async function getOwn(changing: Settling, number: number): Promise<ChangeRequest> {
  const request = await getCurrent(changing, number);
  if (changing.runtime.org.mode !== 'mirror') return request;
  const { url } = request;
  const message = `change request ${number} is the upstream's: go on with it there`;
  throw new WaymarkError('REG_MIRROR_READ_ONLY', message, { details: { url } });
}

/** What a merged request brought together when it was merged; of any other what it would now. */
export async function headsOf(runtime: OrgRuntime, request: ChangeRequest): Promise<Heads> {
  const { head, target, mergeBase } = request;
  const targetHead = mergeBase ?? (await runtime.refs.read(refOf(target)));
  if (targetHead === undefined) {
    throw new WaymarkError('RES_STATE_CONFLICT', `the target branch ${target} is gone`);
  }
  if (!(await isHere(runtime, request))) {
    throw new WaymarkError('RES_STATE_CONFLICT', 'its commits are not here: they are of a fork');
  }
  return { head, targetHead, isMain: target === MAIN };
}

export interface NewWords {
  title?: string | undefined;
  description?: string | undefined;
  status?: 'draft' | 'open' | undefined;
}

/** @throws {WaymarkError} `RES_NOT_FOUND`, `RES_STATE_CONFLICT`, `RES_VERSION_CONFLICT` */
export async function editChangeRequest(
  changing: Changing,
  number: number,
  words: NewWords,
  ifMatch: number | undefined,
): Promise<ChangeRequest> {
  const request = await getOwn(changing, number);
  const { title = request.title, description = request.description } = words;
  const { status = request.status } = words;
  return await change(changing, request, { title, description, status }, 'change.edit', ifMatch);
}

/** The branch stays: a new request can be opened for it. */
export async function closeChangeRequest(
  changing: Changing,
  number: number,
  ifMatch?: number,
): Promise<ChangeRequest> {
  const request = await getOwn(changing, number);
  const closed = await change(changing, request, { status: 'closed' }, 'change.close', ifMatch);
  // What it had stopped until this goes on now, and not only when nodes are next compared.
  await changing.runtime.follow();
  return closed;
}

async function change(
  { changeRequests, runtime, clock, actor, requestId }: Changing,
  request: ChangeRequest,
  changes: Partial<ChangeRequest>,
  action: string,
  ifMatch: number | undefined,
): Promise<ChangeRequest> {
  const { org, number, version, status } = request;
  if (!isActive(request)) {
    throw new WaymarkError('RES_STATE_CONFLICT', `change request ${number} is ${status}`);
  }
  const at = toTime(clock());
  const changed = { ...request, ...changes, updatedAt: at, version: version + 1 };
  const isCurrent = (ifMatch === undefined || ifMatch === version) && request.pending === null;
  const names = Object.keys(changes) as (keyof ChangeRequest)[];
  const entry = {
    at,
    tenant: org,
    actor,
    action,
    resource: `change-requests/${number}`,
    before: Object.fromEntries(names.map((name) => [name, request[name]])),
    after: changes,
    ...(requestId && { requestId }),
  };
  const isAsked = request.status === 'draft' && changed.status === 'open';
  const events = isAsked ? [approvalCreated(changed, await touchedPlugins(runtime, changed))] : [];
  if (isCurrent && (await changeRequests.replace(changed, version, entry, events))) return changed;
  const message = `change request ${number} has changed or is being merged: read it, then retry`;
  throw new WaymarkError('RES_VERSION_CONFLICT', message);
}
