import { type Clock, toTime } from '../model/clock.ts';
import { invalidField, WaymarkError } from '../model/errors.ts';
import { isPluginScope, type PluginScope } from '../model/permissions.ts';
import type { ApiKey, ApiKeyStore } from './api-key.ts';
import type { Caller } from './caller.ts';
import { checkHandingOut, checkKnown, checkSight } from './handing-out.ts';
import { mintApiKey } from './keys.ts';
import type { MemberStore } from './member.ts';
import type { OrgPolicy } from './org-policy.ts';
import { checkPluginScope } from './plugin-scope.ts';
import type { Permission, Role } from './roles.ts';
import type { UserStore } from './user.ts';

export interface KeyRequest {
  name: string;
  roles: readonly Role[];
  /** Narrows the roles' permissions, and names plugins; absent for all of them. */
  scopes?: readonly (Permission | PluginScope)[];
  /** Whom it stands for. Absent: a person's own; of another credential, nobody. */
  user?: string | null;
  teams?: readonly string[];
  /** RFC 3339. */
  expiresAt?: string;
}

export interface KeyStores {
  apiKeys: Pick<ApiKeyStore, 'insert' | 'find' | 'revoke'>;
  users: Pick<UserStore, 'findByName'>;
  members: Pick<MemberStore, 'find'>;
}

interface Acting {
  caller: Caller;
  /** Null for site admins' keys. */
  org: string | null;
  policy: OrgPolicy | undefined;
  requestId: string;
  clock: Clock;
}

/** A key as it may be shown: without the hash of its secret. */
export type ShownKey = Omit<ApiKey, 'secretHash'>;

export function shownKey({ secretHash: _secretHash, ...shown }: ApiKey): ShownKey {
  return shown;
}

/**
 * Makes a key. `key` in the answer is the only time that it is shown.
 *
 * @throws {WaymarkError} `PERM_DENIED` for more than the caller has itself, `VAL_FAILED`
 */
export async function createApiKey(
  stores: KeyStores,
  request: KeyRequest,
  { caller, org, policy, requestId, clock }: Acting,
): Promise<ShownKey & { key: string }> {
  const { name, roles, scopes = null, teams = [] } = request;
  const user = userOf(request, caller);
  checkMayMake(user, teams, caller);
  checkSight({ user, teams }, caller, policy);
  checkRoles(roles, org);
  checkKnown(roles, policy);
  checkHandingOut(roles, caller, { policy, scopes });
  for (const scope of scopes ?? []) if (isPluginScope(scope)) checkPluginScope(caller, scope);
  const { id, token, secretHash } = mintApiKey();
  const at = toTime(clock());
  const userId = user === null ? null : await userIdOf(user, org, stores);
  const expiresAt = expiryOf(request, clock);
  const what = { name, user, userId, teams, roles, scopes, expiresAt };
  const made = { createdAt: at, createdBy: makerOf(caller), revokedAt: null, lastUsedAt: null };
  const key: ApiKey = { id, org, secretHash, ...what, ...made };
  const entry = { at, actor: caller.actor, action: 'api-key.create', resource: id, after: what };
  await stores.apiKeys.insert(key, { ...entry, tenant: org ?? '*', requestId });
  return { ...shownKey(key), key: token };
}

/** A key is not the person that it stands for: else it could make one that passes for their own. */
const makerOf = ({ kind, id, actor }: Caller): string => (kind === 'key' ? `key:${id}` : actor);

function userOf({ user }: KeyRequest, caller: Caller): string | null {
  if (user !== undefined) return user;
  return caller.kind === 'user' ? caller.user : null;
}

/** A person's own need no permission. A key makes none: it would outlive itself in it. */
function checkMayMake(user: string | null, teams: readonly string[], caller: Caller): void {
  const isOwn = caller.kind === 'user' && user === caller.user && teams.length === 0;
  if (isOwn) return;
  checkHas(caller, 'api-keys:write');
  if (user !== null && user !== caller.user) checkHas(caller, 'members:write');
}

function checkHas(caller: Caller, permission: Permission): void {
  if (caller.permissions.has(permission)) return;
  const message = `a key that is not your own log-in's needs the permission ${permission}`;
  throw new WaymarkError('PERM_DENIED', message, { details: { permission } });
}

function checkRoles(roles: readonly Role[], org: string | null): void {
  if (org === null && !(roles.length === 1 && roles[0] === 'owner')) {
    throw invalidField('roles', 'a key of the site has the role owner alone');
  }
  if (roles.includes('client')) {
    throw invalidField('roles', 'a client has a token of its own: enrol it');
  }
}

/** In one form, whatever offset it was given with: it is compared with others. */
function expiryOf({ expiresAt }: KeyRequest, clock: Clock): string | null {
  if (expiresAt === undefined) return null;
  if (!(clock() < Date.parse(expiresAt))) throw invalidField('expiresAt', 'is in the past');
  return toTime(Date.parse(expiresAt));
}

/** Null for a name that only the registry knows: such a key stands for nobody in the database. */
async function userIdOf(
  username: string,
  org: string | null,
  { users, members }: Pick<KeyStores, 'users' | 'members'>,
): Promise<string | null> {
  const user = await users.findByName(username);
  if (!user) return null;
  if (user.isSiteAdmin) return user.id;
  const member = org === null ? undefined : await members.find(org, user.id);
  return member ? user.id : null;
}

/**
 * @param org null for site admins' keys
 * @param owner whose it must be; undefined for anybody's
 * @throws {WaymarkError} `RES_NOT_FOUND` also for another org's key
 */
export async function getApiKey(
  apiKeys: Pick<ApiKeyStore, 'find'>,
  id: string,
  { org, owner }: { org: string | null; owner: string | undefined },
): Promise<ShownKey> {
  const key = await apiKeys.find(id);
  const isSeen = key?.org === org && (owner === undefined || key.userId === owner);
  if (key && isSeen) return shownKey(key);
  throw new WaymarkError('RES_NOT_FOUND', `there is no API key ${id}`);
}

/** @throws {WaymarkError} `RES_NOT_FOUND` also for another org's key, and one revoked before */
export async function revokeApiKey(
  { apiKeys }: Pick<KeyStores, 'apiKeys'>,
  id: string,
  { caller, org, requestId, clock }: Omit<Acting, 'policy'>,
): Promise<void> {
  const at = toTime(clock());
  const what = { at, actor: caller.actor, action: 'api-key.revoke', resource: id };
  const entry = { ...what, tenant: org ?? '*', requestId };
  const isAllowed = caller.permissions.has('api-keys:write') || (await isOwn(apiKeys, id, caller));
  if (isAllowed && (await apiKeys.revoke(org, id, at, entry))) return;
  throw new WaymarkError('RES_NOT_FOUND', `there is no API key ${id} in force`);
}

async function isOwn(
  apiKeys: Pick<ApiKeyStore, 'find'>,
  id: string,
  { kind, userId }: Caller,
): Promise<boolean> {
  if (kind !== 'user') return false;
  return (await apiKeys.find(id))?.userId === userId;
}
