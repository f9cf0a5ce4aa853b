import { KEY_ROLES, type KeyRole } from './keys.ts';
import { invalid } from './verify.ts';

export interface RootRole {
  /** Upper-case hex fingerprints of primary keys. */
  keyids: readonly string[];
  threshold: number;
}

/**
 * Which keys an org's documents are signed with. Times are RFC 3339.
 *
 * @see docs/spec/delivery.md, "Root"
 */
export interface RootDocument {
  _type: 'root';
  org: string;
  orgUid: string;
  version: number;
  issuedAt: string;
  expiresAt: string;
  /** Where the root key is kept. */
  custody: 'server' | 'offline';
  roles: Readonly<Record<KeyRole, RootRole>>;
  keys: Readonly<Record<string, { armored: string }>>;
}

type Json = Readonly<Record<string, unknown>>;

/** @throws {WaymarkError} `SIGN_INVALID` naming the field at fault */
export function parseRoot(body: Uint8Array): RootDocument {
  const root = parseJson(body);
  requireThat(root['_type'] === 'root', '_type', 'is not "root"');
  for (const field of ['org', 'orgUid']) requireThat(isText(root[field]), field, 'is missing');
  for (const field of ['issuedAt', 'expiresAt']) {
    requireThat(isTime(root[field]), field, 'is no RFC 3339 time');
  }
  requireThat(isCount(root['version']), 'version', 'is no whole number from 1');
  const custody = root['custody'];
  requireThat(custody === 'server' || custody === 'offline', 'custody', 'is unknown');
  requireThat(isObject(root['keys']), 'keys', 'is missing');
  requireThat(isObject(root['roles']), 'roles', 'is missing');
  for (const role of KEY_ROLES)
    checkRole(role, (root['roles'] as Json)[role], root['keys'] as Json);
  return root as unknown as RootDocument;
}

function parseJson(body: Uint8Array): Json {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (cause) {
    throw invalid('the root document is no JSON', cause);
  }
  if (!isObject(value)) throw invalid('the root document is no object');
  return value;
}

function checkRole(role: KeyRole, value: unknown, keys: Json): void {
  const field = `roles.${role}`;
  requireThat(isObject(value), field, 'is missing');
  const { keyids, threshold } = value;
  requireThat(Array.isArray(keyids) && keyids.every(isFingerprint), field, 'has a bad key id');
  requireThat(new Set(keyids).size === keyids.length, field, 'names a key twice');
  requireThat(isCount(threshold) && threshold <= keyids.length, field, 'has a bad threshold');
  for (const id of keyids) {
    const key = Object.hasOwn(keys, id) ? keys[id] : undefined;
    requireThat(isObject(key) && isText(key['armored']), `keys.${id}`, 'is missing');
  }
}

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && Number(value) > 0;
const isTime = (value: unknown) => isText(value) && !Number.isNaN(Date.parse(value));
const isFingerprint = (value: unknown): value is string =>
  typeof value === 'string' && /^[0-9A-F]{40}$/.test(value);

function requireThat(holds: boolean, field: string, fault: string): asserts holds {
  if (!holds) throw invalid(`the root document's ${field} ${fault}`);
}

/** The armored keys that may sign for a role. */
export const keysOfRole = (root: RootDocument, role: KeyRole): string[] =>
  root.roles[role].keyids.flatMap((id) => root.keys[id]?.armored ?? []);
