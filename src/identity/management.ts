import { LRUCache } from 'lru-cache';
import type { Clock } from '../model/clock.ts';
import { WaymarkError } from '../model/errors.ts';
import { isSameText } from './keys.ts';
import { networkOf } from './network.ts';

export interface ManagementAuth {
  /**
   * Lets only the holder of the management key through.
   *
   * @param address where the request comes from
   * @throws {WaymarkError} `AUTH_TOKEN_MISSING`, `AUTH_TOKEN_INVALID`; `PERM_BANNED` also for the
   * right key, once an address has guessed too often
   */
  check(address: string | undefined, presented: string | undefined): void;
}

interface Guesses {
  count: number;
  lastAtMs: number;
}

const FREE_GUESSES = 5;
const BANNED_FOR_MS = 30 * 60_000;
const ADDRESSES = 10_000;

export function createManagementAuth({
  key,
  clock,
}: {
  key: string;
  clock: Clock;
}): ManagementAuth {
  const guesses = new LRUCache<string, Guesses>({ max: ADDRESSES });

  function check(address: string | undefined, presented: string | undefined): void {
    const network = networkOf(address);
    const made = guessesOf(network);
    if (made.count >= FREE_GUESSES) throw banned(made.lastAtMs + BANNED_FOR_MS - clock());
    if (presented === undefined) {
      const message = 'this needs the management key: send it as `X-Management-Key`';
      throw new WaymarkError('AUTH_TOKEN_MISSING', message);
    }
    if (isSameText(presented, key)) return void guesses.delete(network);
    guesses.set(network, { count: made.count + 1, lastAtMs: clock() });
    throw new WaymarkError('AUTH_TOKEN_INVALID', 'this is not the management key');
  }

  function guessesOf(network: string): Guesses {
    const made = guesses.get(network);
    const counts = made && clock() < made.lastAtMs + BANNED_FOR_MS;
    return counts ? made : { count: 0, lastAtMs: clock() };
  }

  return { check };
}

function banned(forMs: number): WaymarkError {
  const retryAfterSec = Math.max(1, Math.ceil(forMs / 1000));
  const message = `too many wrong management keys: this address may try again in ${retryAfterSec} s`;
  return new WaymarkError('PERM_BANNED', message, { details: { retryAfterSec } });
}
