import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FlattenedJWSInput, JWTVerifyGetKey } from 'jose';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createJwks } from '../../src/identity/jwks.ts';
import { readJwks } from '../../src/identity/jwks-source.ts';
import { type JwksServer, makeSigningKey, type SigningKey, serveJwks } from '../support/jwks.ts';

const MINUTE_MS = 60_000;

let first: SigningKey;
let second: SigningKey;
let server: JwksServer;
let failures: unknown[];
let nowMs: number;
let find: JWTVerifyGetKey;

beforeAll(async () => {
  first = await makeSigningKey('first');
  second = await makeSigningKey('second');
});

beforeEach(async () => {
  server = await serveJwks([first.publicJwk]);
  failures = [];
  nowMs = Date.parse('2026-03-01T12:00:00Z');
  find = createJwks({
    read: () => readJwks(server.url),
    clock: () => nowMs,
    onFailure: (error) => failures.push(error),
  });
});

afterEach(() => server.close());

const ask = async (kid: string) => find({ alg: 'ES256', kid }, {} as FlattenedJWSInput);

describe('a key set', () => {
  it('is asked for once, however many tokens come at once', async () => {
    await Promise.all([ask('first'), ask('first'), ask('first')]);
    await ask('first');

    expect(server.asked()).toBe(1);
  });

  it('is read anew after ten minutes', async () => {
    await ask('first');
    server.serve([second.publicJwk]);

    nowMs += 10 * MINUTE_MS;

    await expect(ask('first')).rejects.toMatchObject({ code: 'ERR_JWKS_NO_MATCHING_KEY' });
    expect(await ask('second')).toBeDefined();
  });

  it('is read anew for a key that it lacks', async () => {
    await ask('first');
    server.serve([first.publicJwk, second.publicJwk]);

    nowMs += 10_000;

    expect(await ask('second')).toBeDefined();
    expect(server.asked()).toBe(2);
  });

  it('is not asked for by every token with an invented key', async () => {
    await ask('first');

    const asking = Array.from({ length: 20 }, (_, i) => ask(`invented-${i}`));
    const settled = await Promise.allSettled(asking);

    expect(settled.every(({ status }) => status === 'rejected')).toBe(true);
    expect(server.asked()).toBe(1);
  });

  it('is asked for also when the clock was set back a day', async () => {
    await ask('first');
    server.serve([second.publicJwk]);

    nowMs -= 24 * 60 * MINUTE_MS;

    expect(await ask('second')).toBeDefined();
  });

  it('counts for an hour while it cannot be read', async () => {
    await ask('first');
    server.answer(500, 'out of order');

    nowMs += 59 * MINUTE_MS;
    expect(await ask('first')).toBeDefined();
    nowMs += MINUTE_MS;

    await expect(ask('first')).rejects.toMatchObject({ code: 'RES_UNAVAILABLE' });
    expect(failures).toHaveLength(2);
  });

  it('is not asked for again and again while it cannot be read', async () => {
    server.answer(500, 'out of order');
    await expect(ask('first')).rejects.toMatchObject({ code: 'RES_UNAVAILABLE' });
    await expect(ask('first')).rejects.toMatchObject({ code: 'RES_UNAVAILABLE' });
    expect(server.asked()).toBe(1);
    server.serve([first.publicJwk]);

    nowMs += 10_000;

    expect(await ask('first')).toBeDefined();
  });

  it.each<[string, () => void]>([
    ['is no JSON', () => server.answer(200, '<html>')],
    ['is no key set', () => server.answer(200, '{"keys": "none"}')],
    ['is larger than 256 KiB', () => server.answer(200, `{"keys": []}${' '.repeat(262_144)}`)],
    ['is elsewhere', () => server.answer(302, '', { location: server.url })],
  ])('that %s is RES_UNAVAILABLE, and told to the log', async (_what, arrange) => {
    arrange();

    await expect(ask('first')).rejects.toMatchObject({ code: 'RES_UNAVAILABLE' });
    expect(failures).toHaveLength(1);
  });

  it('does not name its address to the caller', async () => {
    server.answer(500, 'out of order');

    await expect(ask('first')).rejects.toThrow(
      'the keys of the token’s issuer cannot be read now: retry in a moment',
    );
  });
});

describe('readJwks', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'waymark-jwks-'));
  });

  afterAll(() => rm(folder, { recursive: true }));

  it('reads a file', async () => {
    const file = join(folder, 'keys.json');
    await writeFile(file, JSON.stringify({ keys: [first.publicJwk] }));

    expect(await readJwks(file)).toEqual({ keys: [first.publicJwk] });
  });

  it('fails where there is none', async () => {
    await expect(readJwks(join(folder, 'nowhere.json'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
