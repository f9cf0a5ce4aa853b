import { type Clock, toTime } from '../model/clock.ts';
import { invalidField, WaymarkError } from '../model/errors.ts';
import type { Caller } from './caller.ts';
import { checkNewPassword, type Passwords } from './password.ts';
import type { Attempt } from './password-check.ts';
import type { User, UserStore } from './user.ts';
import { newUser, USERNAME } from './users.ts';

export interface UserRequest {
  username: string;
  displayName?: string;
  email?: string | null;
  /** Absent: they cannot log in with one. */
  password?: string;
  isSiteAdmin?: boolean;
}

export type UserChange = Partial<Omit<UserRequest, 'username'>> & { disabled?: boolean };

export interface OwnChange {
  displayName?: string;
  currentPassword?: string;
  password?: string;
}

export interface UserDeps {
  users: UserStore;
  passwords: Pick<Passwords, 'hash'>;
  checkPassword: (attempt: Attempt) => Promise<User>;
  clock: Clock;
}

interface Acting {
  caller: Caller;
  requestId: string;
  ifMatch?: number | undefined;
}

/** A user as they may be shown: without what their password could be guessed by. */
export type ShownUser = Omit<User, 'passwordHash'> & { hasPassword: boolean };

export function shownUser({ passwordHash, ...shown }: User): ShownUser {
  return { ...shown, hasPassword: passwordHash !== null };
}

/** @throws {WaymarkError} `VAL_FAILED`, `RES_DUPLICATE` */
export async function createUser(
  { users, passwords, clock }: UserDeps,
  { username, displayName = username, email = null, password, isSiteAdmin = false }: UserRequest,
  { caller, requestId }: Acting,
): Promise<User> {
  if (!USERNAME.test(username)) {
    const form = 'lower-case letters, digits and . _ @ + -, but not git';
    throw invalidField('username', `use ${form}`, 'pattern');
  }
  const passwordHash = await hashOf(password, passwords);
  const user = newUser({ username, displayName, email, passwordHash, isSiteAdmin }, clock);
  const after = { username, displayName, email, isSiteAdmin };
  const what = { at: user.createdAt, tenant: '*', actor: caller.actor, requestId };
  const entry = { ...what, action: 'user.create', resource: user.id, after };
  if (await users.insert(user, entry)) return user;
  throw new WaymarkError('RES_DUPLICATE', `the user name ${username} is taken`);
}

/** @throws {WaymarkError} `VAL_FAILED`, `RES_NOT_FOUND`, `RES_VERSION_CONFLICT`, `RES_STATE_CONFLICT` */
export async function changeUser(
  deps: UserDeps,
  id: string,
  { password, disabled, ...plain }: UserChange,
  acting: Acting,
): Promise<User> {
  const { passwords, clock } = deps;
  const before = await getUser(deps.users, id);
  const losesSite = disabled === true || plain.isSiteAdmin === false;
  if (acting.caller.userId === id && losesSite) {
    throw new WaymarkError('RES_STATE_CONFLICT', 'nobody takes their own access away');
  }
  const isDisabled = disabled ?? before.disabledAt !== null;
  const user = {
    ...before,
    ...plain,
    passwordHash: (await hashOf(password, passwords)) ?? before.passwordHash,
    disabledAt: isDisabled ? (before.disabledAt ?? toTime(clock())) : null,
  };
  return replaceUser(deps, before, user, acting);
}

/**
 * What people change of themselves. Another password ends every session of theirs.
 *
 * @throws {WaymarkError} `VAL_FAILED`, `AUTH_LOGIN_FAILED`, `RATE_LIMITED`, `RES_STATE_CONFLICT`,
 * `RES_NOT_FOUND` for a caller who is nobody in the database
 */
export async function changeOwnUser(
  deps: UserDeps,
  { displayName, currentPassword, password }: OwnChange,
  acting: Acting & Pick<Attempt, 'address'>,
): Promise<User> {
  const before = await getOwnUser(deps.users, acting.caller);
  if (password !== undefined) await checkCurrent(deps, before, currentPassword, acting.address);
  const user = {
    ...before,
    displayName: displayName ?? before.displayName,
    passwordHash: (await hashOf(password, deps.passwords)) ?? before.passwordHash,
  };
  return replaceUser(deps, before, user, acting);
}

async function checkCurrent(
  { checkPassword }: UserDeps,
  { username, passwordHash }: User,
  password: string | undefined,
  address: string | undefined,
): Promise<void> {
  if (passwordHash === null) {
    const message = 'you log in without a password: ask an administrator of the site for one';
    throw new WaymarkError('RES_STATE_CONFLICT', message);
  }
  if (password === undefined) throw invalidField('currentPassword', 'is missing', 'required');
  await checkPassword({ username, password, address });
}

/** @throws {WaymarkError} `RES_NOT_FOUND`, `RES_STATE_CONFLICT`, `RES_VERSION_CONFLICT` */
export async function removeUser(
  { users, clock }: Pick<UserDeps, 'users' | 'clock'>,
  id: string,
  { caller, requestId, ifMatch }: Acting,
): Promise<void> {
  if (caller.userId === id) {
    throw new WaymarkError('RES_STATE_CONFLICT', 'nobody takes their own access away');
  }
  const { username, version } = await getUser(users, id);
  if (ifMatch !== undefined && ifMatch !== version) throw changedMeanwhile(id);
  const at = toTime(clock());
  const what = { at, tenant: '*', actor: caller.actor, requestId, before: { username } };
  const isGone = await users.remove(id, at, { ...what, action: 'user.remove', resource: id });
  if (!isGone) throw noSuchUser(id);
}

async function replaceUser(
  { users, clock }: UserDeps,
  before: User,
  changed: User,
  { caller, requestId, ifMatch }: Acting,
): Promise<User> {
  const user = { ...changed, version: before.version + 1 };
  const what = { at: toTime(clock()), tenant: '*', actor: caller.actor, requestId };
  const change = { before: auditedOf(before), after: auditedOf(user, before) };
  const entry = { ...what, action: 'user.change', resource: user.id, ...change };
  const isCurrent = ifMatch === undefined || ifMatch === before.version;
  if (isCurrent && (await users.replace(user, before.version, entry))) return user;
  throw changedMeanwhile(user.id);
}

/** That a password is another one is told, and of it nothing. */
function auditedOf(user: User, before = user) {
  const { displayName, email, isSiteAdmin, disabledAt, passwordHash } = user;
  const isOther = passwordHash !== before.passwordHash;
  return { displayName, email, isSiteAdmin, disabledAt, ...(isOther && { password: 'changed' }) };
}

async function hashOf(
  password: string | undefined,
  passwords: Pick<Passwords, 'hash'>,
): Promise<string | null> {
  if (password === undefined) return null;
  checkNewPassword(password);
  return passwords.hash(password);
}

/** @throws {WaymarkError} `RES_NOT_FOUND` */
export async function getUser(users: Pick<UserStore, 'find'>, id: string): Promise<User> {
  const user = await users.find(id);
  if (user) return user;
  throw noSuchUser(id);
}

/** @throws {WaymarkError} `RES_NOT_FOUND` for a credential that is no person's own */
export async function getOwnUser(
  users: Pick<UserStore, 'find'>,
  { kind, userId }: Caller,
): Promise<User> {
  const user = kind === 'user' && userId !== undefined ? await users.find(userId) : undefined;
  if (user) return user;
  throw new WaymarkError('RES_NOT_FOUND', 'this credential is of no person who has logged in');
}

const changedMeanwhile = (id: string): WaymarkError =>
  new WaymarkError('RES_VERSION_CONFLICT', `user ${id} has changed: read it, then retry`);

const noSuchUser = (id: string): WaymarkError =>
  new WaymarkError('RES_NOT_FOUND', `there is no user ${id}`);
