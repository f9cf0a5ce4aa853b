import { CLIENT_ROLES, type Client, type ClientStore } from '../delivery/client.ts';
import { type Clock, toTime } from '../model/clock.ts';
import type { ApiKey, ApiKeyStore } from './api-key.ts';
import type { Caller } from './caller.ts';
import { isJwt } from './jwt.ts';
import { callerOfKey, findKeyOwner, makersOf } from './key-caller.ts';
import { isSameHash, type ParsedToken, parseToken } from './keys.ts';
import { refused } from './refused.ts';
import { permissionsOf } from './roles.ts';
import { callerOfUser, findActiveUser, type PersonStores } from './user-caller.ts';

export interface TokenStores extends PersonStores {
  apiKeys: Pick<ApiKeyStore, 'find' | 'touch'>;
  clients: Pick<ClientStore, 'findByToken'>;
  /** Undefined where no token counts that somebody has signed. */
  resolveJwt?: ResolveJwt;
  clock: Clock;
}

/**
 * @param ofKey who has the API key of an id now, which a token of ours rests on
 * @throws {WaymarkError} as `resolveToken` does, and `RES_UNAVAILABLE`
 */
export type ResolveJwt = (
  token: string,
  ofKey: (id: string) => Promise<Resolved>,
) => Promise<Resolved>;

/** Whose a credential is, and what that rests on. */
export interface Resolved {
  caller: Caller;
  /** Ids of the key, client, session and person that it rests on. */
  basis: readonly string[];
  /** Milliseconds since the Unix epoch; Infinity for what does not expire. */
  expiresAtMs: number;
}

/** @throws {WaymarkError} `AUTH_TOKEN_INVALID`, `AUTH_TOKEN_EXPIRED`, `AUTH_TOKEN_REVOKED` */
export async function resolveToken(token: string, stores: TokenStores): Promise<Resolved> {
  const { resolveJwt } = stores;
  if (resolveJwt && isJwt(token)) return resolveJwt(token, (id) => resolveKeyOf(id, stores));
  const parsed = parseToken(token);
  if (!parsed) throw refused('AUTH_TOKEN_INVALID');
  return parsed.kind === 'key' ? resolveKey(parsed, stores) : resolveClient(parsed, stores);
}

async function resolveKey(
  { id, secretHash }: ParsedToken & { kind: 'key' },
  stores: TokenStores,
): Promise<Resolved> {
  const { apiKeys, clock } = stores;
  const key = await apiKeys.find(id);
  if (!key || !isSameHash(key.secretHash, secretHash)) throw refused('AUTH_TOKEN_INVALID');
  const resolved = await resolveInForce(key, stores);
  // Only a date: what fails here must not keep the caller out.
  apiKeys.touch(id, toTime(clock())).catch(() => {});
  return resolved;
}

/** For who has proved otherwise that the key is theirs. */
async function resolveKeyOf(id: string, stores: TokenStores): Promise<Resolved> {
  const key = await stores.apiKeys.find(id);
  if (!key) throw refused('AUTH_TOKEN_INVALID');
  return resolveInForce(key, stores);
}

async function resolveInForce(key: ApiKey, stores: TokenStores): Promise<Resolved> {
  if (key.revokedAt !== null) throw refused('AUTH_TOKEN_REVOKED');
  if (isExpired(key, stores.clock)) throw refused('AUTH_TOKEN_EXPIRED');
  return resolvedOf(key, stores);
}

async function resolvedOf(key: ApiKey, stores: TokenStores): Promise<Resolved> {
  const owner = await findKeyOwner(key, stores);
  const caller = callerOfKey(key, owner, await makersOf(key, stores.apiKeys));
  const basis = key.userId === null ? [key.id] : [key.id, key.userId];
  return { caller, basis, expiresAtMs: expiryOf(key) };
}

async function resolveClient({ secretHash }: ParsedToken, stores: TokenStores): Promise<Resolved> {
  const client = await stores.clients.findByToken(secretHash);
  if (!client) throw refused('AUTH_TOKEN_INVALID');
  if (client.revokedAt !== null) throw refused('AUTH_TOKEN_REVOKED');
  const enroller = await resolveEnroller(client, stores);
  const caller = callerOfClient(client, enroller.caller);
  return { ...enroller, caller, basis: [client.id, ...enroller.basis] };
}

/** A client never has more than its enroller. */
function callerOfClient(client: Client, enroller: Caller): Caller {
  const {
    user,
    teams,
    roles,
    grantRoles,
    permissions,
    scopes,
    within = [],
    departments,
  } = enroller;
  return {
    kind: 'client',
    id: client.id,
    actor: `client:${client.id}`,
    org: client.org,
    user,
    teams,
    roles: CLIENT_ROLES,
    grantRoles,
    permissions: permissionsOf(CLIENT_ROLES).intersection(permissions),
    within: [roles, ...within],
    isSiteAdmin: false,
    client,
    ...(scopes && { scopes }),
    ...(departments && { departments }),
  };
}

/** A client has nothing once who enrolled it has nothing. */
async function resolveEnroller(client: Client, stores: TokenStores): Promise<Resolved> {
  const { enrolledBy, org } = client;
  const key = await stores.apiKeys.find(enrolledBy);
  if (key && key.revokedAt === null && !isExpired(key, stores.clock)) {
    return resolvedOf(key, stores);
  }
  const user = key ? undefined : await findActiveUser(stores, enrolledBy);
  const caller = user && callerOfUser(user, await stores.members.listOf(user.id), { org });
  if (user && caller?.org === org) {
    return { caller, basis: [user.id], expiresAtMs: Number.POSITIVE_INFINITY };
  }
  throw refused('AUTH_TOKEN_REVOKED', 'who enrolled this client has ended: enrol anew');
}

const expiryOf = ({ expiresAt }: ApiKey): number =>
  expiresAt === null ? Number.POSITIVE_INFINITY : Date.parse(expiresAt);

// Negated so that a time that does not parse (NaN) counts as past.
const isExpired = (key: ApiKey, clock: Clock): boolean => !(clock() < expiryOf(key));
