import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** A new credential: the text to show once, and what is stored instead. */
export interface Minted {
  id: string;
  token: string;
  secretHash: string;
}

/** What a presented token claims to be. `secretHash` is what a stored one must equal. */
export type ParsedToken =
  | { kind: 'key'; id: string; secretHash: string }
  | { kind: 'client'; secretHash: string };

/**
 * The id of a site admin's key that the operator chose as any long text: there
 * is one at most, since the text names no id of its own.
 */
export const CHOSEN_KEY_ID = '0'.repeat(16);

/** A text shorter than this is never looked up. */
export const CHOSEN_KEY_MIN_LENGTH = 20;

const LONGEST_TOKEN = 512;
const API_KEY = /^wmk_([0-9a-f]{16})_([A-Za-z0-9_-]{32,64})$/;
const CLIENT_TOKEN = /^wmc_[0-9a-f]{16}_[A-Za-z0-9_-]{32,64}$/;

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');
const newId = (): string => randomBytes(8).toString('hex');
const newSecret = (): string => randomBytes(32).toString('base64url');

/** `wmk_<id>_<secret>`; the hash is of the secret. */
export function mintApiKey(): Minted {
  const id = newId();
  const secret = newSecret();
  return { id, token: `wmk_${id}_${secret}`, secretHash: hashOf(secret) };
}

/** `wmc_<id>_<secret>`; the hash is of the whole token, by which the client is found. */
export function mintClientToken(): Minted {
  const id = newId();
  const token = `wmc_${id}_${newSecret()}`;
  return { id, token, secretHash: hashOf(token) };
}

/** Undefined for what can be no credential of ours. */
export function parseToken(token: string): ParsedToken | undefined {
  if (token.length < CHOSEN_KEY_MIN_LENGTH || token.length > LONGEST_TOKEN) return undefined;
  if (CLIENT_TOKEN.test(token)) return { kind: 'client', secretHash: hashOf(token) };
  const [, id, secret] = API_KEY.exec(token) ?? [];
  if (id && secret) return { kind: 'key', id, secretHash: hashOf(secret) };
  return { kind: 'key', id: CHOSEN_KEY_ID, secretHash: hashOf(token) };
}

/** In constant time, so that an answer's delay tells nothing of the stored hash. */
export function isSameHash(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
