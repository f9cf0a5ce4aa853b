import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { v7 as newId } from 'uuid';

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
/** A UUIDv7; of the first versions, 16 hex digits. */
const ID = '([0-9a-f]{16}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})';
const formOf = (prefix: string): RegExp => new RegExp(`^${prefix}_${ID}_([A-Za-z0-9_-]{32,64})$`);
const API_KEY = formOf('wmk');
const CLIENT_TOKEN = formOf('wmc');
const SESSION_TOKEN = formOf('wms');
const FEED_TOKEN = formOf('wmf');
/** What no operator's key may look like, so that none is looked up as one. */
const OF_ANOTHER_USE = /^wm[csf]_/;

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');
const newSecret = (): string => randomBytes(32).toString('base64url');

/** `wmk_<id>_<secret>`; the hash is of the secret. */
export const mintApiKey = (): Minted => mint('wmk');
/** `wms_<id>_<secret>`, for a cookie alone. */
export const mintSessionToken = (): Minted => mint('wms');
/** `wmf_<id>_<secret>`, for the feeds alone. */
export const mintFeedToken = (): Minted => mint('wmf');

function mint(prefix: string): Minted {
  const id = newId();
  const secret = newSecret();
  return { id, token: `${prefix}_${id}_${secret}`, secretHash: hashOf(secret) };
}

/** To tell apart two of the same name: four hex digits. */
export const randomSuffix = (): string => randomBytes(2).toString('hex');

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
  if (OF_ANOTHER_USE.test(token)) return undefined;
  const [, id, secret] = API_KEY.exec(token) ?? [];
  if (id && secret) return { kind: 'key', id, secretHash: hashOf(secret) };
  return { kind: 'key', id: CHOSEN_KEY_ID, secretHash: hashOf(token) };
}

const JWT = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/** A text that can only be a token, and no password: a key's, a client's, or a JWT. */
export const isOwnToken = (text: string): boolean =>
  API_KEY.test(text) || CLIENT_TOKEN.test(text) || (text.startsWith('eyJ') && JWT.test(text));

/** The parts of a session's token; undefined for any other text. */
export const parseSessionToken = (token: string) => partsOf(SESSION_TOKEN, token);
/** The parts of a feed's token; undefined for any other text. */
export const parseFeedToken = (token: string) => partsOf(FEED_TOKEN, token);

function partsOf(form: RegExp, token: string): Omit<Minted, 'token'> | undefined {
  const [, id, secret] = form.exec(token) ?? [];
  return id && secret ? { id, secretHash: hashOf(secret) } : undefined;
}

/** Two texts of which one is secret. */
export const isSameText = (a: string, b: string): boolean => isSameHash(hashOf(a), hashOf(b));

/** In constant time, so that an answer's delay tells nothing of the stored hash. */
export function isSameHash(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
