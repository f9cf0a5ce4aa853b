import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { version as versionOf } from 'uuid';
import { describe, expect, it } from 'vitest';
import {
  CHOSEN_KEY_ID,
  isSameHash,
  mintApiKey,
  mintClientToken,
  parseToken,
} from '../../src/identity/keys.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

describe('mintApiKey', () => {
  it('names its id, and is stored as the hash of its secret alone', () => {
    const { id, token, secretHash } = mintApiKey();

    const [, named, secret = ''] = /^wmk_([0-9a-f-]{36})_([\w-]{43})$/.exec(token) ?? [];
    expect(named).toBe(id);
    expect(versionOf(id)).toBe(7);
    expect(secretHash).toBe(sha256(secret));
  });

  it('is never the same', () => {
    const tokens = Array.from({ length: 100 }, () => mintApiKey().token);

    expect(new Set(tokens).size).toBe(100);
  });
});

describe('parseToken', () => {
  it('reads an API key', () => {
    const { id, token, secretHash } = mintApiKey();

    expect(parseToken(token)).toEqual({ kind: 'key', id, secretHash });
  });

  it('reads an API key of the first versions', () => {
    const token = `wmk_0123456789abcdef_${'s'.repeat(43)}`;

    expect(parseToken(token)).toMatchObject({ kind: 'key', id: '0123456789abcdef' });
  });

  it('reads a client token', () => {
    const { token, secretHash } = mintClientToken();

    expect(parseToken(token)).toEqual({ kind: 'client', secretHash });
  });

  it('takes any other long text for the key that an operator chose', () => {
    const token = 'a-text-of-twenty-or-more';

    expect(parseToken(token)).toEqual({
      kind: 'key',
      id: CHOSEN_KEY_ID,
      secretHash: sha256(token),
    });
  });

  it.each(['', 'short', 'x'.repeat(19), 'x'.repeat(513)])('looks %j up nowhere', (token) => {
    expect(parseToken(token)).toBeUndefined();
  });

  it('never takes a client’s token for a key, whatever stands behind the prefix', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Za-z0-9_-]{32,64}$/), (secret) => {
        expect(parseToken(`wmc_0123456789abcdef_${secret}`)?.kind).toBe('client');
      }),
    );
  });
});

describe('isSameHash', () => {
  it('compares texts of any length', () => {
    expect(isSameHash('ab', 'ab')).toBe(true);
    expect(isSameHash('ab', 'ac')).toBe(false);
    expect(isSameHash('ab', 'abc')).toBe(false);
  });
});
