import { describe, expect, it } from 'vitest';
import { checkNewPassword, createPasswords } from '../../src/identity/password.ts';
import { cheapPasswords } from '../support/passwords.ts';

const RIGHT = 'correct horse battery';

describe('hash', () => {
  it('says what a guess costs, as OWASP asks, and never the password', async () => {
    const hash = await createPasswords().hash(RIGHT);

    expect(hash).toMatch(/^\$scrypt\$ln=15,r=8,p=3\$[\w+/]{22}\$[\w+/]{43}$/);
  });

  it('is another one each time', async () => {
    expect(await cheapPasswords.hash(RIGHT)).not.toBe(await cheapPasswords.hash(RIGHT));
  });
});

describe('isRight', () => {
  it('knows the password, and only it', async () => {
    const hash = await cheapPasswords.hash(RIGHT);

    expect(await cheapPasswords.isRight(RIGHT, hash)).toBe(true);
    for (const wrong of ['', RIGHT.toUpperCase(), `${RIGHT} `, 'x'.repeat(5000)]) {
      expect(await cheapPasswords.isRight(wrong, hash)).toBe(false);
    }
  });

  it('takes one text for the same, however its letters are composed', async () => {
    const hash = await cheapPasswords.hash('Zürich, im März 2026');

    expect(await cheapPasswords.isRight('Zürich, im März 2026'.normalize('NFD'), hash)).toBe(true);
  });

  it('checks a hash of another cost by what it says', async () => {
    const hash = await createPasswords({ logN: 5, r: 2, p: 2 }).hash(RIGHT);

    expect(await cheapPasswords.isRight(RIGHT, hash)).toBe(true);
  });

  it.each([null, undefined])('is false, after the same work, for the hash %s', async (hash) => {
    expect(await cheapPasswords.isRight(RIGHT, hash)).toBe(false);
  });

  it('refuses to check more at once than this machine can', async () => {
    const hash = await cheapPasswords.hash(RIGHT);

    const checks = await Promise.allSettled(
      Array.from({ length: 50 }, () => cheapPasswords.isRight(RIGHT, hash)),
    );

    const refused = checks.filter(({ status }) => status === 'rejected');
    expect(refused).toHaveLength(16);
    expect(refused[0]).toMatchObject({ reason: { code: 'RES_UNAVAILABLE' } });
  });
});

describe('isRight, first asked in a crowd', () => {
  it('knows those without a password again once it is over', async () => {
    const passwords = createPasswords({ logN: 4, r: 1, p: 1 });
    const stored = await passwords.hash(RIGHT);
    const crowd = Array.from({ length: 34 }, () => passwords.hash(RIGHT));

    const early = await Promise.allSettled([
      passwords.isRight(RIGHT, stored),
      passwords.isRight(RIGHT, null),
    ]);

    expect(early.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    await Promise.all(crowd);
    expect(await passwords.isRight(RIGHT, null)).toBe(false);
    expect(await passwords.isRight(RIGHT, stored)).toBe(true);
  });
});

describe('checkNewPassword', () => {
  it.each([
    ['elevenchars', 'minLength'],
    ['👩‍🚀👩‍🚀👩‍🚀', 'minLength'],
    ['ﬀ'.repeat(5), 'minLength'],
    ['x'.repeat(1025), 'maxLength'],
    ['ü'.repeat(513), 'maxLength'],
  ])('refuses %j', (password, code) => {
    expect(() => checkNewPassword(password)).toThrow(
      expect.objectContaining({
        code: 'VAL_FAILED',
        facts: { validationErrors: [expect.objectContaining({ field: 'password', code })] },
      }),
    );
  });

  it.each(['twelve chars', 'ü'.repeat(512), '密码密码密码密码密码密码'])('takes %j', (password) => {
    expect(() => checkNewPassword(password)).not.toThrow();
  });
});
