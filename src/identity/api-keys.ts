import { type Clock, toTime } from '../model/clock.ts';
import { invalidField, WaymarkError } from '../model/errors.ts';
import type { ApiKey, ApiKeyStore } from './api-key.ts';
import type { Caller } from './caller.ts';
import { mintApiKey } from './keys.ts';
import { permissionsOf, type Role, seesEverything } from './roles.ts';

export interface KeyRequest {
  name: string;
  roles: readonly Role[];
  user?: string;
  teams?: readonly string[];
  /** RFC 3339. */
  expiresAt?: string;
}

interface Acting {
  caller: Caller;
  /** Null for site admins' keys. */
  org: string | null;
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
  apiKeys: Pick<ApiKeyStore, 'insert'>,
  { name, roles, user, teams = [], expiresAt }: KeyRequest,
  { caller, org, requestId, clock }: Acting,
): Promise<ShownKey & { key: string }> {
  checkRoles(roles, caller, org);
  if (expiresAt !== undefined && !(clock() < Date.parse(expiresAt))) {
    throw invalidField('expiresAt', 'is in the past');
  }
  const { id, token, secretHash } = mintApiKey();
  const at = toTime(clock());
  const key: ApiKey = {
    id,
    org,
    name,
    secretHash,
    user: user ?? null,
    teams,
    roles,
    createdAt: at,
    createdBy: caller.actor,
    // In one form, whatever offset it was given with: it is compared with others.
    expiresAt: expiresAt === undefined ? null : toTime(Date.parse(expiresAt)),
    revokedAt: null,
    lastUsedAt: null,
  };
  const after = { name, roles, teams, user: key.user, expiresAt: key.expiresAt };
  const what = { at, actor: caller.actor, action: 'api-key.create', resource: id };
  await apiKeys.insert(key, { ...what, tenant: org ?? '*', after, requestId });
  return { ...shownKey(key), key: token };
}

/** Nobody hands out what they do not have: an admin makes no owner. */
function checkRoles(roles: readonly Role[], caller: Caller, org: string | null): void {
  if (org === null && !(roles.length === 1 && roles[0] === 'owner')) {
    throw invalidField('roles', 'a key of the site has the role owner alone');
  }
  if (roles.includes('client')) {
    throw invalidField('roles', 'a client has a token of its own: enrol it');
  }
  const lacks = [...permissionsOf(roles)].find((permission) => !caller.permissions.has(permission));
  const isWider = seesEverything(roles) && !seesEverything(caller.grantRoles);
  if (lacks === undefined && !isWider) return;
  const message = `the roles ${roles.join(', ')} allow more than your own credential does`;
  throw new WaymarkError('PERM_DENIED', message, { details: { permission: lacks } });
}

/** @throws {WaymarkError} `RES_NOT_FOUND` also for another org's key, and one revoked before */
export async function revokeApiKey(
  apiKeys: Pick<ApiKeyStore, 'revoke'>,
  id: string,
  { caller, org, requestId, clock }: Acting,
): Promise<void> {
  const at = toTime(clock());
  const what = { at, actor: caller.actor, action: 'api-key.revoke', resource: id };
  const entry = { ...what, tenant: org ?? '*', requestId };
  if (await apiKeys.revoke(org, id, at, entry)) return;
  throw new WaymarkError('RES_NOT_FOUND', `there is no API key ${id} in force`);
}
