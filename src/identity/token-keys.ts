import {
  type CryptoKey,
  calculateJwkThumbprint,
  createLocalJWKSet,
  exportJWK,
  generateKeyPair,
  importJWK,
  type JSONWebKeySet,
  type JWK,
  type JWTVerifyGetKey,
} from 'jose';
import { type Clock, toTime } from '../model/clock.ts';
import type { MasterKey } from '../signing/master-key.ts';
import type { TokenKey, TokenKeyStore } from './token-key.ts';

/** Known to more libraries than Ed25519 is, and as fast. */
export const TOKEN_ALGORITHM = 'ES256';

export interface TokenKeys {
  /** The key to sign with; made when there is none, or it is 30 days old. */
  signer(): Promise<{ kid: string; key: CryptoKey }>;
  /** Public keys of whatever token may still be in force. */
  published(): Promise<JSONWebKeySet>;
  find: JWTVerifyGetKey;
}

interface Deps {
  tokenKeys: TokenKeyStore;
  master: MasterKey;
  clock: Clock;
}

const ROTATED_AFTER_MS = 30 * 86_400_000;
/** Another process signs with a key that was replaced for as long as it remembers the list. */
const REMEMBERED_MS = 60_000;
const PUBLISHED_AFTER_MS = 3_600_000;

const placeOf = (kid: string): string => `token-key:${kid}`;

export function createTokenKeys({ tokenKeys, master, clock }: Deps): TokenKeys {
  let remembered: { keys: readonly TokenKey[]; atMs: number } | undefined;
  let opened: { kid: string; key: CryptoKey } | undefined;

  async function read(): Promise<readonly TokenKey[]> {
    remembered = { keys: await tokenKeys.list(), atMs: clock() };
    return remembered.keys;
  }

  async function keys(): Promise<readonly TokenKey[]> {
    const isFresh = remembered && Math.abs(clock() - remembered.atMs) < REMEMBERED_MS;
    return isFresh ? remembered!.keys : read();
  }

  async function newest(): Promise<TokenKey> {
    const last = (await keys()).at(-1);
    if (last && clock() - Date.parse(last.createdAt) < ROTATED_AFTER_MS) return last;
    const { key, entry } = await makeKey((last?.sequence ?? 0) + 1, { master, clock });
    // Of two processes that find the last one too old, one is first, and both use its key.
    await tokenKeys.rotate(key, entry);
    return (await read()).at(-1)!;
  }

  async function signer(): Promise<{ kid: string; key: CryptoKey }> {
    const { kid, wrappedPrivate } = await newest();
    if (opened?.kid !== kid) {
      const bytes = master.unwrap(wrappedPrivate ?? '', placeOf(kid));
      const jwk = JSON.parse(Buffer.from(bytes).toString()) as JWK;
      opened = { kid, key: (await importJWK(jwk, TOKEN_ALGORITHM)) as CryptoKey };
    }
    return opened;
  }

  async function published(): Promise<JSONWebKeySet> {
    return toKeySet(await keys(), clock());
  }

  return {
    signer,
    published,
    async find(header, token) {
      const isKnown = (await keys()).some(({ kid }) => kid === header.kid);
      // Another process may have made it a moment ago.
      if (!isKnown) await read();
      return createLocalJWKSet(await published())(header, token);
    },
  };
}

function toKeySet(keys: readonly TokenKey[], nowMs: number): JSONWebKeySet {
  const live = keys.filter((_, i) => {
    const successor = keys[i + 1];
    return !successor || nowMs - Date.parse(successor.createdAt) < PUBLISHED_AFTER_MS;
  });
  return {
    keys: live.map(({ kid, publicJwk }) => ({
      ...publicJwk,
      kid,
      alg: TOKEN_ALGORITHM,
      use: 'sig',
    })),
  };
}

async function makeKey(sequence: number, { master, clock }: Pick<Deps, 'master' | 'clock'>) {
  const pair = await generateKeyPair(TOKEN_ALGORITHM, { extractable: true });
  const publicJwk = await exportJWK(pair.publicKey);
  const kid = await calculateJwkThumbprint(publicJwk);
  const secret = Buffer.from(JSON.stringify(await exportJWK(pair.privateKey)));
  const at = toTime(clock());
  const wrappedPrivate = master.wrap(secret, placeOf(kid));
  const key: TokenKey = { sequence, kid, publicJwk, wrappedPrivate, createdAt: at };
  const entry = { at, tenant: '*', actor: 'system:tokens', action: 'token-key.create' };
  return { key, entry: { ...entry, resource: kid } };
}
