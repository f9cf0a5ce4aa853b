import { createHmac, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Caller } from './caller.ts';
import type { Attempt } from './password-check.ts';
import { type LogInStores, resolveSession } from './resolve-session.ts';
import { type Resolved, resolveToken, type TokenStores } from './resolve-token.ts';
import type { User } from './user.ts';
import { callerOfUser } from './user-caller.ts';

export interface Authenticator {
  /** The caller of a token that was accepted in the last minute; asks nothing and nobody. */
  peek(token: string): Caller | undefined;
  /** @throws {WaymarkError} `AUTH_TOKEN_INVALID`, `AUTH_TOKEN_EXPIRED`, `AUTH_TOKEN_REVOKED` */
  authenticate(token: string): Promise<Caller>;
  /** @throws {WaymarkError} as `authenticate` does */
  authenticateSession(token: string): Promise<Caller>;
  /** @throws {WaymarkError} `AUTH_LOGIN_FAILED`, `RATE_LIMITED` */
  authenticatePassword(attempt: Attempt): Promise<Caller>;
  /** Forgets what rests on a key, client, session or person, or everything: it counts at once. */
  invalidate(id?: string): void;
}

interface Deps extends TokenStores, LogInStores {
  checkPassword(attempt: Attempt): Promise<User>;
}

type Known = Pick<Resolved, 'caller' | 'basis'> & { untilMs: number };

const KNOWN_FOR_MS = 60_000;
const KNOWN_LIMIT = 20_000;

/** A revocation by another process counts within a minute; one by this process at once. */
export function createAuthenticator(deps: Deps): Authenticator {
  const { clock } = deps;
  const known = new LRUCache<string, Known>({ max: KNOWN_LIMIT });
  const passwordKey = randomBytes(32);
  let generation = 0;

  function peek(key: string): Caller | undefined {
    const found = known.get(key);
    if (!found) return undefined;
    if (clock() < found.untilMs) return found.caller;
    known.delete(key);
    return undefined;
  }

  async function remember(key: string, resolve: () => Promise<Resolved>): Promise<Caller> {
    const seen = peek(key);
    if (seen) return seen;
    const before = generation;
    const { caller, basis, expiresAtMs } = await resolve();
    const untilMs = Math.min(clock() + KNOWN_FOR_MS, expiresAtMs);
    // A revocation that came meanwhile has found nothing here to forget.
    if (generation === before) known.set(key, { caller, basis, untilMs });
    return caller;
  }

  // The line break keeps what is no bearer token from being asked for as one: a header has none.
  const authenticateSession = (token: string) =>
    remember(`session\n${token}`, () => resolveSession(token, deps));

  /** Git asks several times for one fetch: a password takes long to check, and is not kept. */
  function authenticatePassword(attempt: Attempt): Promise<Caller> {
    const { username, password } = attempt;
    const mac = createHmac('sha256', passwordKey).update(`${username}\n${password}`).digest('hex');
    return remember(`password\n${mac}`, () => resolvePassword(attempt));
  }

  async function resolvePassword(attempt: Attempt): Promise<Resolved> {
    const user = await deps.checkPassword(attempt);
    const caller = callerOfUser(user, await deps.members.listOf(user.id), { org: null });
    return { caller, basis: [user.id], expiresAtMs: Number.POSITIVE_INFINITY };
  }

  function invalidate(id?: string): void {
    generation += 1;
    if (id === undefined) known.clear();
    for (const [key, { basis }] of known.entries()) {
      if (id !== undefined && basis.includes(id)) known.delete(key);
    }
  }

  return {
    peek,
    authenticate: (token) => remember(token, () => resolveToken(token, deps)),
    authenticateSession,
    authenticatePassword,
    invalidate,
  };
}
