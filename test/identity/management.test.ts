import { beforeEach, describe, expect, it } from 'vitest';
import { createManagementAuth, type ManagementAuth } from '../../src/identity/management.ts';

const KEY = 'the-management-key-of-tests';
const HERE = '192.0.2.1';
const BAN_MS = 30 * 60_000;

let nowMs: number;
let auth: ManagementAuth;

beforeEach(() => {
  nowMs = 0;
  auth = createManagementAuth({ key: KEY, clock: () => nowMs });
});

const codeOf = (presented: string | undefined, address = HERE): string | undefined => {
  try {
    auth.check(address, presented);
    return undefined;
  } catch (error) {
    return (error as { code: string }).code;
  }
};

function guess(times: number, address = HERE): void {
  for (let i = 0; i < times; i += 1)
    expect(codeOf(`guess-${i}`, address)).toBe('AUTH_TOKEN_INVALID');
}

describe('check', () => {
  it('lets the key through, and nothing else', () => {
    expect(codeOf(KEY)).toBeUndefined();
    expect(codeOf(undefined)).toBe('AUTH_TOKEN_MISSING');
    for (const wrong of ['', KEY.slice(1), `${KEY} `, KEY.toUpperCase()]) {
      auth = createManagementAuth({ key: KEY, clock: () => nowMs });
      expect(codeOf(wrong)).toBe('AUTH_TOKEN_INVALID');
    }
  });

  it('bans an address after five guesses, also with the right key', () => {
    guess(5);

    expect(codeOf('a sixth')).toBe('PERM_BANNED');
    expect(codeOf(KEY)).toBe('PERM_BANNED');
    expect(codeOf(undefined)).toBe('PERM_BANNED');
  });

  it('bans nobody else, but all addresses of one IPv6 network', () => {
    guess(5, '2001:db8::1');

    expect(codeOf(KEY, '2001:db8::ffff')).toBe('PERM_BANNED');
    expect(codeOf(KEY, '2001:db8:0:1::1')).toBeUndefined();
  });

  it('ends the ban after half an hour, however often it was tried meanwhile', () => {
    guess(5);
    nowMs += BAN_MS - 1;
    expect(codeOf(KEY)).toBe('PERM_BANNED');

    nowMs += 1;

    expect(codeOf(KEY)).toBeUndefined();
  });

  it('says how long it lasts', () => {
    guess(5);
    nowMs += 1000;

    expect(() => auth.check(HERE, KEY)).toThrow(
      expect.objectContaining({ facts: { details: { retryAfterSec: 1799 } } }),
    );
  });

  it('counts no request without a key, and forgets guesses at the right one', () => {
    for (let i = 0; i < 10; i += 1) codeOf(undefined);
    guess(4);
    expect(codeOf(KEY)).toBeUndefined();

    guess(4);

    expect(codeOf(KEY)).toBeUndefined();
  });
});
