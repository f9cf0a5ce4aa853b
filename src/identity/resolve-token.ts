import { CLIENT_ROLES, type ClientStore } from '../delivery/client.ts';
import { type Clock, toTime } from '../model/clock.ts';
import { type ErrorCode, WaymarkError } from '../model/errors.ts';
import type { ApiKey, ApiKeyStore } from './api-key.ts';
import type { Caller } from './caller.ts';
import { isSameHash, type ParsedToken, parseToken } from './keys.ts';
import { permissionsOf } from './roles.ts';

export interface TokenStores {
  apiKeys: Pick<ApiKeyStore, 'find' | 'touch'>;
  clients: Pick<ClientStore, 'findByToken'>;
  clock: Clock;
}

/** Whose a token is, and what that rests on. */
export interface Resolved {
  caller: Caller;
  /** Ids of the key, and of the client, that it rests on. */
  basis: readonly string[];
  /** Milliseconds since the Unix epoch; Infinity for what does not expire. */
  expiresAtMs: number;
}

/** @throws {WaymarkError} `AUTH_TOKEN_INVALID`, `AUTH_TOKEN_EXPIRED`, `AUTH_TOKEN_REVOKED` */
export async function resolveToken(token: string, stores: TokenStores): Promise<Resolved> {
  const parsed = parseToken(token);
  if (!parsed) throw refused('AUTH_TOKEN_INVALID');
  return parsed.kind === 'key' ? resolveKey(parsed, stores) : resolveClient(parsed, stores);
}

async function resolveKey(
  { id, secretHash }: ParsedToken & { kind: 'key' },
  { apiKeys, clock }: TokenStores,
): Promise<Resolved> {
  const key = await apiKeys.find(id);
  if (!key || !isSameHash(key.secretHash, secretHash)) throw refused('AUTH_TOKEN_INVALID');
  if (key.revokedAt !== null) throw refused('AUTH_TOKEN_REVOKED');
  if (isExpired(key, clock)) throw refused('AUTH_TOKEN_EXPIRED');
  // Only a date: what fails here must not keep the caller out.
  apiKeys.touch(id, toTime(clock())).catch(() => {});
  return { caller: callerOfKey(key), basis: [id], expiresAtMs: expiryOf(key) };
}

async function resolveClient(
  { secretHash }: ParsedToken,
  { apiKeys, clients, clock }: TokenStores,
): Promise<Resolved> {
  const client = await clients.findByToken(secretHash);
  if (!client) throw refused('AUTH_TOKEN_INVALID');
  if (client.revokedAt !== null) throw refused('AUTH_TOKEN_REVOKED');
  const enroller = await apiKeys.find(client.enrolledBy);
  // A client never has more than its enroller, and so nothing once that has nothing.
  if (!enroller || enroller.revokedAt !== null || isExpired(enroller, clock)) {
    throw refused('AUTH_TOKEN_REVOKED', 'the key that enrolled this client has ended: enrol anew');
  }
  const caller: Caller = {
    ...callerOfKey(enroller),
    kind: 'client',
    id: client.id,
    actor: `client:${client.id}`,
    org: client.org,
    roles: CLIENT_ROLES,
    permissions: permissionsOf(CLIENT_ROLES),
    isSiteAdmin: false,
    client,
  };
  return { caller, basis: [client.id, enroller.id], expiresAtMs: expiryOf(enroller) };
}

const expiryOf = ({ expiresAt }: ApiKey): number =>
  expiresAt === null ? Number.POSITIVE_INFINITY : Date.parse(expiresAt);

// Negated so that a time that does not parse (NaN) counts as past.
const isExpired = (key: ApiKey, clock: Clock): boolean => !(clock() < expiryOf(key));

function callerOfKey({ id, org, user, teams, roles }: ApiKey): Caller {
  const isSiteAdmin = org === null;
  const permissions = permissionsOf(roles);
  return {
    kind: 'key',
    id,
    actor: user === null ? `key:${id}` : `user:${user}`,
    org,
    user,
    teams,
    roles,
    grantRoles: roles,
    permissions: isSiteAdmin ? new Set([...permissions, 'sites:manage']) : permissions,
    isSiteAdmin,
  };
}

const reasons = {
  AUTH_TOKEN_INVALID: 'the credential is not known here',
  AUTH_TOKEN_EXPIRED: 'the credential has expired: ask for a new one',
  AUTH_TOKEN_REVOKED: 'the credential was revoked: ask for a new one',
} as const satisfies Partial<Record<ErrorCode, string>>;

const refused = (code: keyof typeof reasons, message: string = reasons[code]): WaymarkError =>
  new WaymarkError(code, message);
