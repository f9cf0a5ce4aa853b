import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createMasterKey } from '../../src/signing/master-key.ts';

const secret = Buffer.from('the secret');

describe('createMasterKey', () => {
  it('refuses a key of another length', () => {
    expect(() => createMasterKey(randomBytes(31))).toThrow('a master key has 32 bytes, not 31');
  });
});

describe('wrap and unwrap', () => {
  const master = createMasterKey(randomBytes(32));

  it('gives back what was wrapped in the same place', () => {
    expect(master.unwrap(master.wrap(secret, 'acme/root'), 'acme/root')).toEqual(secret);
  });

  it('takes nothing at all as a secret too', () => {
    expect(master.unwrap(master.wrap(new Uint8Array(), 'a'), 'a')).toHaveLength(0);
  });

  it('never writes the same secret twice alike', () => {
    expect(master.wrap(secret, 'a')).not.toBe(master.wrap(secret, 'a'));
  });

  it('refuses a secret that was moved to another place', () => {
    expect(() => master.unwrap(master.wrap(secret, 'acme/root'), 'evil/root')).toThrow(
      expect.objectContaining({ code: 'SIGN_KEY_MISSING' }),
    );
  });

  it('refuses a secret of another master key', () => {
    const other = createMasterKey(randomBytes(32));

    expect(() => other.unwrap(master.wrap(secret, 'a'), 'a')).toThrow('does not open');
  });

  it('refuses each byte that was altered', () => {
    const wrapped = Buffer.from(master.wrap(secret, 'a'), 'base64');

    for (let at = 0; at < wrapped.length; at++) {
      const altered = Buffer.from(wrapped);
      altered[at]! ^= 1;
      expect(() => master.unwrap(altered.toString('base64'), 'a')).toThrow('a stored secret');
    }
  });

  it.each([0, 1, 13, 28])('refuses a text cut to %i bytes', (length) => {
    const wrapped = Buffer.from(master.wrap(secret, 'a'), 'base64').subarray(0, length);

    expect(() => master.unwrap(wrapped.toString('base64'), 'a')).toThrow('a stored secret');
  });
});
