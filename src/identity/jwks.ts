import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import type { Clock } from '../model/clock.ts';
import { WaymarkError } from '../model/errors.ts';

interface Deps {
  /** The key set as its publisher has it now, not checked yet. */
  read: () => Promise<unknown>;
  clock: Clock;
  onFailure: (error: unknown) => void;
}

interface Known {
  find: ReturnType<typeof createLocalJWKSet>;
  readAtMs: number;
}

const REFRESH_MS = 600_000;
const KEPT_MS = 3_600_000;
const COOLDOWN_MS = 10_000;

/**
 * Finds the key that a token names, in another's key set. The set is read anew
 * every ten minutes and for a key that it lacks, but never twice in ten seconds:
 * what a stranger writes into a header must not make us ask all day. While the
 * set cannot be read, the one that is known counts for up to an hour.
 *
 * @returns what `jwtVerify` asks; it throws `RES_UNAVAILABLE`, or jose's own errors
 */
export function createJwks({ read, clock, onFailure }: Deps): JWTVerifyGetKey {
  let known: Known | undefined;
  let triedAtMs = Number.NEGATIVE_INFINITY;
  let reading: Promise<void> | undefined;

  // Either way round: the clock may be set back.
  const isWithin = (ms: number, sinceMs: number) => Math.abs(clock() - sinceMs) < ms;

  async function refresh(): Promise<void> {
    triedAtMs = clock();
    try {
      const find = createLocalJWKSet((await read()) as JSONWebKeySet);
      known = { find, readAtMs: clock() };
    } catch (error) {
      onFailure(error);
      throw unavailable(error);
    }
  }

  /** False when it was done a moment ago. */
  async function refreshOnce(): Promise<boolean> {
    if (!reading && isWithin(COOLDOWN_MS, triedAtMs)) return false;
    reading ??= refresh().finally(() => {
      reading = undefined;
    });
    await reading;
    return true;
  }

  async function current(): Promise<Known> {
    if (known && isWithin(REFRESH_MS, known.readAtMs)) return known;
    await refreshOnce().catch(() => false);
    if (known && isWithin(KEPT_MS, known.readAtMs)) return known;
    throw unavailable();
  }

  return async (header, token) => {
    const { find } = await current();
    try {
      return await find(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey) || !(await refreshOnce())) throw error;
      return (await current()).find(header, token);
    }
  };
}

const unavailable = (cause?: unknown): WaymarkError => {
  const message = 'the keys of the token’s issuer cannot be read now: retry in a moment';
  return new WaymarkError('RES_UNAVAILABLE', message, {}, { cause });
};
