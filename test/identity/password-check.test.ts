import { beforeEach, describe, expect, it } from 'vitest';
import type { Stores } from '../../src/database/stores.ts';
import { checkPassword } from '../../src/identity/password-check.ts';
import { createMemoryStores } from '../support/fakes/memory-stores.ts';
import { cheapPasswords } from '../support/passwords.ts';
import { makeEntry, makeUser } from '../support/records.ts';

const RIGHT = 'correct horse battery';
const HOUR_MS = 3_600_000;

let stores: Stores;
let nowMs: number;
let passwordHash: string;

beforeEach(async () => {
  stores = createMemoryStores();
  nowMs = Date.parse('2026-03-01T12:00:00Z');
  passwordHash = await cheapPasswords.hash(RIGHT);
  await stores.users.insert(makeUser('ada', { passwordHash }), makeEntry());
});

const check = (password: string, username = 'ada', address = '192.0.2.1') =>
  checkPassword(
    { ...stores, passwords: cheapPasswords, clock: () => nowMs },
    { username, password, address },
  );

const failed = { code: 'AUTH_LOGIN_FAILED' };

async function guess(times: number, username = 'ada', address?: string): Promise<void> {
  for (let i = 0; i < times; i += 1) {
    await expect(check('a wrong password', username, address)).rejects.toMatchObject(failed);
  }
}

describe('checkPassword', () => {
  it('gives the user, in whatever case the name is typed', async () => {
    expect((await check(RIGHT, 'Ada')).id).toBe('id-of-ada');
  });

  it.each([
    ['one that is not there', 'eve', {}],
    ['one without a password', 'oidc', {}],
    ['one who is disabled', 'gone', { disabledAt: '2026-01-01T00:00:00.000Z' }],
  ])('refuses %s like a wrong password', async (_who, username, part) => {
    if (username === 'oidc') await stores.users.insert(makeUser('oidc'), makeEntry());
    const gone = makeUser('gone', { passwordHash, ...part });
    await stores.users.insert(gone, makeEntry());
    const wrong = await check('a wrong password').catch((error: unknown) => error);

    const refusal = await check(RIGHT, username).catch((error: unknown) => error);

    expect(refusal).toMatchObject(failed);
    expect(String(refusal)).toBe(String(wrong));
  });

  it('does the same work for one that is not there', async () => {
    const seen: unknown[] = [];
    const passwords = {
      isRight: async (_password: string, hash: string | null | undefined) => {
        seen.push(hash);
        return false;
      },
    };
    const attempt = { username: 'eve', password: RIGHT, address: undefined };

    const refusal = checkPassword({ ...stores, passwords, clock: () => nowMs }, attempt);

    await expect(refusal).rejects.toMatchObject(failed);
    expect(seen).toEqual([null]);
  });
});

describe('after too many wrong passwords', () => {
  it('refuses even the right one, and says until when', async () => {
    await guess(5);

    await expect(check(RIGHT)).rejects.toMatchObject({
      code: 'RATE_LIMITED',
      facts: { details: { scope: 'password', retryAfterSec: 30 } },
    });
    nowMs += 10_500;
    await expect(check(RIGHT)).rejects.toMatchObject({
      facts: { details: { retryAfterSec: 20 } },
    });
  });

  it('takes the right one once the lock is over, and forgets the wrong ones', async () => {
    await guess(5);
    nowMs += 30_000;

    await check(RIGHT);

    await guess(4);
    await check(RIGHT);
  });

  it('locks for longer each time, a quarter of an hour at most', async () => {
    await guess(5);
    const waits: number[] = [];
    for (let i = 0; i < 7; i += 1) {
      const refusal = (await check(RIGHT).catch((error: unknown) => error)) as {
        facts: { details: { retryAfterSec: number } };
      };
      waits.push(refusal.facts.details.retryAfterSec);
      nowMs += refusal.facts.details.retryAfterSec * 1000;
      await guess(1);
    }

    expect(waits).toEqual([30, 60, 120, 240, 480, 900, 900]);
  });

  it('locks a name that nobody has alike', async () => {
    await guess(5, 'eve');

    await expect(check(RIGHT, 'eve')).rejects.toMatchObject({ code: 'RATE_LIMITED' });
  });

  it('keeps nobody out who comes from elsewhere', async () => {
    for (let i = 0; i < 12; i += 1) {
      await check('a wrong password').catch(() => {});
      nowMs += 900_000;
    }
    await check('a wrong password').catch(() => {});
    await expect(check(RIGHT)).rejects.toMatchObject({ code: 'RATE_LIMITED' });

    await check(RIGHT, 'ada', '198.51.100.7');
  });

  it('locks a name that is tried from everywhere', async () => {
    for (let i = 0; i < 200; i += 1) await guess(1, 'ada', `198.51.${i}.1`);

    await expect(check(RIGHT, 'ada', '203.0.113.1')).rejects.toMatchObject({
      code: 'RATE_LIMITED',
    });
  });

  it('locks nobody else', async () => {
    await guess(5, 'eve');

    await check(RIGHT, 'ada', '192.0.2.2');
  });

  it('locks an address that tries many names', async () => {
    for (let i = 0; i < 50; i += 1) await guess(1, `name-${i}`, '192.0.2.9');

    await expect(check(RIGHT, 'ada', '192.0.2.9')).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    await check(RIGHT, 'ada', '192.0.2.8');
  });

  it('does not lock an address for what went right', async () => {
    for (let i = 0; i < 60; i += 1) await check(RIGHT);
  });

  it('begins anew after a day', async () => {
    await guess(4);
    nowMs += 24 * HOUR_MS;

    await guess(4);

    await check(RIGHT);
  });
});
