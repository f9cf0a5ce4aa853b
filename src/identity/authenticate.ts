import { LRUCache } from 'lru-cache';
import type { Caller } from './caller.ts';
import { type Resolved, resolveToken, type TokenStores } from './resolve-token.ts';

export interface Authenticator {
  /** The caller of a token that was accepted in the last minute; asks nothing and nobody. */
  peek(token: string): Caller | undefined;
  /** @throws {WaymarkError} `AUTH_TOKEN_INVALID`, `AUTH_TOKEN_EXPIRED`, `AUTH_TOKEN_REVOKED` */
  authenticate(token: string): Promise<Caller>;
  /** Forgets what rests on a key or client, or everything: a revocation counts at once. */
  invalidate(id?: string): void;
}

type Known = Pick<Resolved, 'caller' | 'basis'> & { untilMs: number };

const KNOWN_FOR_MS = 60_000;
const KNOWN_LIMIT = 20_000;

/** A revocation by another process counts within a minute; one by this process at once. */
export function createAuthenticator(stores: TokenStores): Authenticator {
  const { clock } = stores;
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
    const seen = peek(token);
    if (seen) return seen;
    const before = generation;
    const { caller, basis, expiresAtMs } = await resolveToken(token, stores);
    const untilMs = Math.min(clock() + KNOWN_FOR_MS, expiresAtMs);
    // A revocation that came meanwhile has found nothing here to forget.
    if (generation === before) known.set(token, { caller, basis, untilMs });
    return caller;
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
