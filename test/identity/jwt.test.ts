import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import fc from 'fast-check';
import {
  createLocalJWKSet,
  exportJWK,
  exportSPKI,
  type JWTPayload,
  SignJWT,
  UnsecuredJWT,
} from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import { isJwt, issuerOf, verifyJwt } from '../../src/identity/jwt.ts';
import { makeSigningKey, type SigningKey } from '../support/jwks.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const nowSec = NOW / 1000;

const right: JWTPayload = {
  iss: 'https://id.example.com',
  aud: 'waymark',
  sub: 'ada',
  exp: nowSec + 600,
};

let key: SigningKey;
let rsa: SigningKey;
let stranger: SigningKey;

beforeAll(async () => {
  key = await makeSigningKey('ours');
  rsa = await makeSigningKey('ours-too', 'RS256');
  stranger = await makeSigningKey('theirs');
});

const verify = (token: string) =>
  verifyJwt(token, {
    issuer: 'https://id.example.com',
    audience: 'waymark',
    keys: createLocalJWKSet({ keys: [key.publicJwk, rsa.publicJwk] }),
    types: ['', 'jwt', 'at+jwt'],
    clock: () => NOW,
  });

describe('verifyJwt', () => {
  it('gives the claims of a token that counts', async () => {
    expect(await verify(await key.sign(right))).toEqual(right);
    expect(await verify(await rsa.sign(right))).toEqual(right);
  });

  it.each(['EdDSA', 'ES384', 'PS256', 'RS512'])('takes %s', async (alg) => {
    const other = await makeSigningKey('other', alg);
    const expected = { issuer: right.iss!, audience: 'waymark', types: [''], clock: () => NOW };
    const keys = createLocalJWKSet({ keys: [other.publicJwk] });

    expect(await verifyJwt(await other.sign(right), { ...expected, keys })).toEqual(right);
  });

  it.each(['JWT', 'jwt', 'at+jwt', 'application/at+jwt'])('takes the type %s', async (typ) => {
    expect(await verify(await key.sign(right, { typ }))).toEqual(right);
  });

  it('takes one of several audiences', async () => {
    expect(await verify(await key.sign({ ...right, aud: ['billing', 'waymark'] }))).toBeDefined();
  });

  it('forgives clocks that differ by half a minute', async () => {
    await verify(await key.sign({ ...right, exp: nowSec - 29 }));
    await verify(await key.sign({ ...right, nbf: nowSec + 30 }));
  });

  it.each([nowSec - 30, nowSec - 86_400, 0])('says that one ended at %d', async (exp) => {
    await expect(verify(await key.sign({ ...right, exp }))).rejects.toMatchObject({
      code: 'AUTH_TOKEN_EXPIRED',
    });
  });

  it('does not say that a forged one has expired', async () => {
    const token = await stranger.sign({ ...right, exp: 0 }, { kid: 'ours' });

    await expect(verify(token)).rejects.toMatchObject({ code: 'AUTH_TOKEN_INVALID' });
  });

  it.each<[string, JWTPayload]>([
    ['of another issuer', { ...right, iss: 'https://id.example.org' }],
    ['of no issuer', { ...right, iss: undefined as unknown as string }],
    ['for another audience', { ...right, aud: 'billing' }],
    ['for no audience', { ...right, aud: [] }],
    ['not valid yet', { ...right, nbf: nowSec + 31 }],
    ['without an end', { ...right, exp: undefined as unknown as number }],
    ['whose end is text', { ...right, exp: '2030' as unknown as number }],
  ])('refuses one %s', async (_what, claims) => {
    await expect(verify(await key.sign(claims))).rejects.toMatchObject({
      code: 'AUTH_TOKEN_INVALID',
      message: 'the credential is not known here',
    });
  });

  it.each<[string, () => Promise<string> | string]>([
    ['with the algorithm none', () => new UnsecuredJWT(right).encode()],
    ['signed by the public key as if it were a secret', confused],
    ['with a key that is not in the set', () => key.sign(right, { kid: 'another' })],
    ['signed by another’s key', () => stranger.sign(right, { kid: 'ours' })],
    ['that brings its own key', withOwnKey],
    ['that says where its key is', () => stranger.sign(right, { jku: 'https://evil.example' })],
    ['of another type', () => key.sign(right, { typ: 'logout+jwt' })],
    ['that needs what we do not know', withCritical],
    ['that was cut off', async () => (await key.sign(right)).slice(0, -8)],
    ['whose signature is of other claims', grafted],
    ['that is no token', () => 'eyJ.eyJ.eyJ'],
  ])('refuses one %s', async (_what, forge) => {
    await expect(verify(await forge())).rejects.toMatchObject({ code: 'AUTH_TOKEN_INVALID' });
  });

  async function confused(): Promise<string> {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const pem = await exportSPKI(publicKey as KeyObject);
    const keys = createLocalJWKSet({ keys: [{ ...(await exportJWK(publicKey)), kid: 'rsa' }] });
    const secret = new TextEncoder().encode(pem);
    const token = await new SignJWT(right)
      .setProtectedHeader({ alg: 'HS256', kid: 'rsa' })
      .sign(secret);
    const expected = { issuer: right.iss!, audience: 'waymark', types: [''], clock: () => NOW };
    await expect(verifyJwt(token, { ...expected, keys })).rejects.toMatchObject({
      code: 'AUTH_TOKEN_INVALID',
    });
    return token;
  }

  function withOwnKey(): Promise<string> {
    const { kid: _kid, ...jwk } = stranger.publicJwk;
    return stranger.sign(right, { jwk, kid: 'ours' });
  }

  function withCritical(): Promise<string> {
    return new SignJWT(right)
      .setProtectedHeader({ alg: 'ES256', kid: 'ours', crit: ['x-rule'], 'x-rule': 1 })
      .sign(key.privateKey, { crit: { 'x-rule': true } });
  }

  async function grafted(): Promise<string> {
    const [header, , signature] = (await key.sign(right)).split('.');
    const [, claims] = (await key.sign({ ...right, sub: 'root' })).split('.');
    return [header, claims, signature].join('.');
  }
});

describe('issuerOf', () => {
  it('is what a token says, before anything of it is believed', async () => {
    expect(issuerOf(await stranger.sign(right))).toBe('https://id.example.com');
    expect(issuerOf(await stranger.sign({}))).toBeUndefined();
  });

  it('reads nothing that is longer than 8 KiB', async () => {
    const long = await key.sign({ ...right, padding: 'x'.repeat(8192) });

    expect(issuerOf(long)).toBeUndefined();
  });

  it('throws for no text', () => {
    fc.assert(fc.property(fc.string(), (text) => void issuerOf(`eyJ${text}`)));
  });
});

describe('isJwt', () => {
  it('knows one by its form', async () => {
    expect(isJwt(await key.sign(right))).toBe(true);
    expect(isJwt(new UnsecuredJWT(right).encode())).toBe(true);
  });

  it.each(['wmk_0123456789abcdef_secret', 'an.operators.key-of-some-length', 'eyJ.eyJ', ''])(
    'takes %j for none',
    (text) => {
      expect(isJwt(text)).toBe(false);
    },
  );
});
