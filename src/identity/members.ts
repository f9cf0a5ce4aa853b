import { type Clock, toTime } from '../model/clock.ts';
import { invalidField, WaymarkError } from '../model/errors.ts';
import type { Caller } from './caller.ts';
import { checkHandingOut, checkKnown } from './handing-out.ts';
import type { Member, MemberOutcome, MemberStore, NamedMember } from './member.ts';
import type { OrgPolicy } from './org-policy.ts';
import { type Role, seesEverything } from './roles.ts';
import type { UserStore } from './user.ts';

export interface MemberRequest {
  roles?: readonly Role[];
  departments?: readonly string[];
}

interface Deps {
  members: MemberStore;
  users: Pick<UserStore, 'find'>;
  clock: Clock;
}

interface Acting {
  caller: Caller;
  org: string;
  policy: OrgPolicy | undefined;
  requestId: string;
  ifMatch?: number | undefined;
}

/**
 * Makes a person a member, or changes what they are.
 *
 * @throws {WaymarkError} `VAL_FAILED`, `PERM_DENIED` for more than the caller has, or for a change
 * of somebody who has more; `RES_NOT_FOUND`, `RES_VERSION_CONFLICT`, `RES_STATE_CONFLICT`
 */
export async function setMember(
  deps: Deps,
  userId: string,
  request: MemberRequest,
  acting: Acting,
): Promise<{ member: NamedMember; isNew: boolean }> {
  const before = await deps.members.find(acting.org, userId);
  if (before) return { member: await changeMember(deps, before, request, acting), isNew: false };
  return { member: await addMember(deps, userId, request, acting), isNew: true };
}

async function addMember(
  { members, users, clock }: Deps,
  userId: string,
  { roles, departments = [] }: MemberRequest,
  acting: Acting,
): Promise<NamedMember> {
  const { org, ifMatch } = acting;
  if (roles === undefined) throw invalidField('roles', 'is missing', 'required');
  checkAsked({ roles, departments }, acting);
  const user = await users.find(userId);
  if (!user) throw noSuchMember(userId);
  if (ifMatch !== undefined) throw changedMeanwhile(userId);
  const createdAt = toTime(clock());
  const member: Member = { org, userId, roles, departments, createdAt, version: 1 };
  const entry = entryOf(acting, 'member.add', member, clock);
  if (!(await members.insert(member, entry))) throw changedMeanwhile(userId);
  return { ...member, username: user.username, displayName: user.displayName };
}

async function changeMember(
  { members, clock }: Deps,
  before: NamedMember,
  { roles = before.roles, departments = before.departments }: MemberRequest,
  acting: Acting,
): Promise<NamedMember> {
  checkGiven(before, acting);
  checkAsked({ roles, departments }, acting);
  const member = { ...before, roles, departments, version: before.version + 1 };
  checkVersion(before, acting);
  const entry = entryOf(acting, 'member.change', member, clock, before);
  checkOutcome(await members.replace(member, before.version, entry), member);
  return member;
}

/** @throws {WaymarkError} `RES_NOT_FOUND` */
export async function getMember(
  members: Pick<MemberStore, 'find'>,
  org: string,
  userId: string,
): Promise<NamedMember> {
  const member = await members.find(org, userId);
  if (member) return member;
  throw noSuchMember(userId);
}

/** @throws {WaymarkError} as `setMember` does */
export async function removeMember(
  { members, clock }: Pick<Deps, 'members' | 'clock'>,
  userId: string,
  acting: Acting,
): Promise<void> {
  const member = await getMember(members, acting.org, userId);
  checkGiven(member, acting);
  checkVersion(member, acting);
  const entry = entryOf(acting, 'member.remove', undefined, clock, member);
  checkOutcome(await members.remove(member, entry.at, entry), member);
}

function checkAsked(asked: Pick<Member, 'roles' | 'departments'>, acting: Acting): void {
  if (asked.roles.includes('client')) {
    throw invalidField('roles', 'a client has a token of its own: enrol it');
  }
  checkKnown(asked.roles, acting.policy);
  checkGiven(asked, acting);
}

/** Nobody gives, or takes away, what they do not have themselves. */
function checkGiven(
  { roles, departments }: Pick<Member, 'roles' | 'departments'>,
  { caller, policy }: Acting,
): void {
  checkHandingOut(roles, caller, { policy });
  const isGlobal = caller.isSiteAdmin || seesEverything(caller.grantRoles);
  const foreign = departments.find((id) => !isGlobal && !caller.departments?.includes(id));
  if (foreign === undefined) return;
  throw new WaymarkError('PERM_DENIED', `you are not in the department ${foreign} yourself`);
}

function checkVersion({ userId, version }: Member, { ifMatch }: Acting): void {
  if (ifMatch !== undefined && ifMatch !== version) throw changedMeanwhile(userId);
}

function checkOutcome(outcome: MemberOutcome, { userId }: Member): void {
  if (outcome === 'changed-meanwhile') throw changedMeanwhile(userId);
  if (outcome === 'done') return;
  const message = 'this is the last owner: make another member one first';
  throw new WaymarkError('RES_STATE_CONFLICT', message);
}

function entryOf(
  { caller, org, requestId }: Acting,
  action: string,
  after: Member | undefined,
  clock: Clock,
  before?: Member,
) {
  const resource = (after ?? before)?.userId ?? '';
  return {
    at: toTime(clock()),
    tenant: org,
    actor: caller.actor,
    action,
    resource,
    requestId,
    ...(before && { before: heldBy(before) }),
    ...(after && { after: heldBy(after) }),
  };
}

const heldBy = ({ roles, departments }: Member) => ({ roles, departments });

const noSuchMember = (userId: string): WaymarkError =>
  new WaymarkError('RES_NOT_FOUND', `there is no user ${userId}`);

const changedMeanwhile = (userId: string): WaymarkError =>
  new WaymarkError('RES_VERSION_CONFLICT', `member ${userId} has changed: read it, then retry`);
