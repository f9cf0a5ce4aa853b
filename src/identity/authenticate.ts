import { LRUCache } from 'lru-cache';
import type { ClientStore } from '../delivery/client.ts';
import { CLIENT_ROLES } from '../delivery/client.ts';
import { type Clock, toTime } from '../model/clock.ts';
import { type ErrorCode, WaymarkError } from '../model/errors.ts';
import type { ApiKey, ApiKeyStore } from './api-key.ts';
import type { Caller } from './caller.ts';
import { isSameHash, type ParsedToken, parseToken } from './keys.ts';
import { permissionsOf } from './roles.ts';

export interface Authenticator {
  /** The caller of a token that was accepted in the last minute; asks nothing and nobody. */
  peek(token: string): Caller | undefined;
  /** @throws {WaymarkError} `AUTH_TOKEN_INVALID`, `AUTH_TOKEN_EXPIRED`, `AUTH_TOKEN_REVOKED` */
  authenticate(token: string): Promise<Caller>;
  /** Forgets what rests on a key or client, or everything: a revocation counts at once. */
  invalidate(id?: string): void;
}

interface Deps {
  apiKeys: Pick<ApiKeyStore, 'find' | 'touch'>;
  clients: Pick<ClientStore, 'findByToken'>;
  clock: Clock;
}

/** A caller, and what it rests on. */
interface Known {
  caller: Caller;
  /** Ids of the key, and of the client, that it rests on. */
  basis: readonly string[];
  untilMs: number;
}

const KNOWN_FOR_MS = 60_000;
const KNOWN_LIMIT = 20_000;

/** A revocation by another process counts within a minute; one by this process at once. */
export function createAuthenticator({ apiKeys, clients, clock }: Deps): Authenticator {
  const known = new LRUCache<string, Known>({ max: KNOWN_LIMIT });
  let generation = 0;

  function peek(token: string): Caller | undefined {
    const found = known.get(token);
    if (!found) return undefined;
    if (clock() < found.untilMs) return found.caller;
    known.delete(token);
    return undefined;
  }

  async function authenticate(token: string): Promise<Caller> {
    const caller = peek(token);
    if (caller) return caller;
    const before = generation;
    const parsed = parseToken(token);
    if (!parsed) throw refused('AUTH_TOKEN_INVALID');
    const found = parsed.kind === 'key' ? await findKey(parsed) : await findClient(parsed);
    // A revocation that came meanwhile has found nothing here to forget.
    if (generation === before) known.set(token, found);
    return found.caller;
  }

  async function findKey(parsed: ParsedToken & { kind: 'key' }): Promise<Known> {
    const key = await apiKeys.find(parsed.id);
    if (!key || !isSameHash(key.secretHash, parsed.secretHash)) throw refused('AUTH_TOKEN_INVALID');
    if (key.revokedAt !== null) throw refused('AUTH_TOKEN_REVOKED');
    if (isExpired(key)) throw refused('AUTH_TOKEN_EXPIRED');
    noteUse(key);
    return { caller: callerOfKey(key), basis: [key.id], untilMs: untilOf(key) };
  }

  async function findClient({ secretHash }: ParsedToken): Promise<Known> {
    const client = await clients.findByToken(secretHash);
    if (!client) throw refused('AUTH_TOKEN_INVALID');
    if (client.revokedAt !== null) throw refused('AUTH_TOKEN_REVOKED');
    const enroller = await apiKeys.find(client.enrolledBy);
    // A client never has more than its enroller, and so nothing once that has nothing.
    if (!enroller || enroller.revokedAt !== null || isExpired(enroller)) {
      throw refused(
        'AUTH_TOKEN_REVOKED',
        'the key that enrolled this client has ended: enrol anew',
      );
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
    return { caller, basis: [client.id, enroller.id], untilMs: untilOf(enroller) };
  }

  const isExpired = ({ expiresAt }: ApiKey): boolean =>
    // Negated so that a time that does not parse counts as past.
    expiresAt !== null && !(clock() < Date.parse(expiresAt));

  const untilOf = ({ expiresAt }: ApiKey): number =>
    Math.min(clock() + KNOWN_FOR_MS, expiresAt === null ? Infinity : Date.parse(expiresAt));

  /** Once a minute at most, since a known caller does not come here; what fails is only a date. */
  function noteUse({ id }: ApiKey): void {
    apiKeys.touch(id, toTime(clock())).catch(() => {});
  }

  function invalidate(id?: string): void {
    generation += 1;
    if (id === undefined) known.clear();
    for (const [token, { basis }] of known.entries()) {
      if (id !== undefined && basis.includes(id)) known.delete(token);
    }
  }

  return { peek, authenticate, invalidate };
}

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
