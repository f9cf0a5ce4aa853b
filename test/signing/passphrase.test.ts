import { describe, expect, it } from 'vitest';
import { openByPassphrase, sealByPassphrase } from '../../src/signing/passphrase.ts';

const KEY = Buffer.alloc(32, 7);
const PASSPHRASE = 'correct horse battery staple';

describe('something sealed by a passphrase', () => {
  it('opens with it, in whatever form Unicode has it', async () => {
    const sealed = await sealByPassphrase(KEY, 'caf\u00e9 corr\u00e8ct');

    const opened = await openByPassphrase(sealed, 'cafe\u0301 corre\u0300ct');

    expect(Buffer.from(opened)).toEqual(KEY);
  });

  it('is another each time, and holds nothing of what it seals', async () => {
    const [one, other] = await Promise.all([
      sealByPassphrase(KEY, PASSPHRASE),
      sealByPassphrase(KEY, PASSPHRASE),
    ]);

    expect(one.salt).not.toBe(other.salt);
    expect(one.sealed).not.toBe(other.sealed);
    expect(Buffer.from(one.sealed, 'base64').includes(KEY)).toBe(false);
  });

  it('does not open with another, or with another salt', async () => {
    const sealed = await sealByPassphrase(KEY, PASSPHRASE);
    const salt = Buffer.alloc(16).toString('base64');

    const tries = await Promise.allSettled([
      openByPassphrase(sealed, `${PASSPHRASE} `),
      openByPassphrase(sealed, ''),
      openByPassphrase({ ...sealed, salt }, PASSPHRASE),
    ]);

    const code = 'SIGN_KEY_MISSING';
    expect(tries).toMatchObject(tries.map(() => ({ status: 'rejected', reason: { code } })));
  });
});
