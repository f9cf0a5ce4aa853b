import { toTime } from '../model/clock.ts';
import { invalidField, WaymarkError } from '../model/errors.ts';
import { KEY_ROLES, type OrgKey } from '../signing/keys.ts';
import { generateOrgKeys, reopenOrgKey } from '../signing/org-keys.ts';
import { composeRoot, parseRoot, type RootDocument, verifyRoot } from '../signing/root.ts';
import { readRootPublicKey } from '../signing/root-key.ts';
import { type Succession, succeedKeys } from '../signing/succession.ts';
import { invalid } from '../signing/verify.ts';
import {
  type KeyCustody,
  overtaken,
  ROOT_LIFETIME_MS,
  type RotationOrder,
  readCustody,
  storeRoot,
} from './key-custody.ts';

export interface DraftOrder extends RotationOrder {
  /** The armored public part of the new root key, where `root` is among the roles. */
  rootKey: string | undefined;
}

/** A key that waits for its root: made here, and only here can it be opened. */
export interface DraftedKey {
  role: 'release' | 'index';
  fingerprint: string;
  wrappedPrivate: string;
}

export interface Draft {
  /** The text to sign, byte for byte. */
  body: string;
  keys: DraftedKey[];
}

export interface SignedDraft {
  body: string;
  /** Base64 of binary detached OpenPGP signatures by the old and the new root key. */
  signature: string;
  keys: readonly DraftedKey[];
}

/**
 * The next root for someone to sign who has the root key. Nothing is stored: a
 * draft that is never signed leaves no trace, and one that is overtaken is refused.
 *
 * @throws {WaymarkError} `RES_STATE_CONFLICT` where the root key is on the server,
 *   `VAL_FAILED`, `SIGN_INVALID` for the new root key
 */
export async function draftRotation(custody: KeyCustody, order: DraftOrder): Promise<Draft> {
  const { runtime, master, clock } = custody;
  const { slug: org } = runtime.org;
  const now = clock();
  const at = toTime(now);
  const { stored, latest } = await readOffline(custody);
  const rootKey = await readNewRootKey(org, order);

  const online = KEY_ROLES.filter((role) => role !== 'root' && order.roles.includes(role));
  const made = await generateOrgKeys({ org, at, roles: online }, master);
  const added = [...rootKey, ...made];
  const { listed } = succeedKeys(stored, latest, { ...order, added, at });
  const times = { issuedAt: at, expiresAt: toTime(now + ROOT_LIFETIME_MS) };
  return { body: composeNext(latest, times, listed), keys: made.map(toDrafted) };
}

/**
 * Takes a signed draft over. Everything is decided from the signed text and from
 * the keys that this server itself once wrapped; whoever holds the root key can
 * sign what the server would have drafted, and nothing else.
 *
 * @throws {WaymarkError} `RES_STATE_CONFLICT`, `RES_VERSION_CONFLICT`, `VAL_FAILED` for
 *   a key that is not ours, `SIGN_INVALID` for the text or its signatures
 */
export async function storeSignedDraft(
  custody: KeyCustody,
  { body, signature, keys }: SignedDraft,
): Promise<RootDocument> {
  const { stored, latest } = await readOffline(custody);
  const bytes = Buffer.from(body);
  const root = parseRoot(bytes);
  if (root.version !== latest.version + 1) throw overtaken();
  await verifyRoot(bytes, Buffer.from(signature, 'base64'), latest);

  const at = toTime(custody.clock());
  // Negated, so that a time that does not parse is refused as well.
  if (!(Date.parse(root.expiresAt) > custody.clock())) {
    throw invalid(`the root document expired at ${root.expiresAt}`);
  }
  const made = await reopenDrafted(custody, keys, stored);
  const add = [...(await newRootKeysOf(root, stored)), ...made];
  const { retire } = findSuccession(root, body, latest, stored, add, at);
  const change = { add, retire, forget: retire, at };
  const { org, version } = root;
  const next = { org, version, body, signature };
  return await storeRoot(custody, { ...change, root: next }, 'keys.rotate');
}

async function readOffline(custody: KeyCustody): ReturnType<typeof readCustody> {
  const read = await readCustody(custody);
  if (read.latest.custody === 'offline') return read;
  const message =
    'the root key is on this server: rotate here, or take it away first with `waymark keys root export --remove`';
  throw new WaymarkError('RES_STATE_CONFLICT', message);
}

async function readNewRootKey(org: string, { roles, rootKey }: DraftOrder): Promise<OrgKey[]> {
  if (roles.includes('root') !== (rootKey !== undefined)) {
    throw invalidField('rootKey', 'the new public root key, if and only if roles has root');
  }
  return rootKey === undefined ? [] : [await toRootRow(org, rootKey)];
}

async function toRootRow(org: string, armored: string): Promise<OrgKey> {
  const key = await readRootPublicKey(armored);
  return { org, role: 'root', ...key, wrappedPrivate: null, retiredAt: null };
}

const toDrafted = ({ role, fingerprint, wrappedPrivate }: OrgKey): DraftedKey => ({
  role: role as DraftedKey['role'],
  fingerprint,
  wrappedPrivate: wrappedPrivate!,
});

const composeNext = (
  { org, orgUid, version }: RootDocument,
  { issuedAt, expiresAt }: Pick<RootDocument, 'issuedAt' | 'expiresAt'>,
  listed: readonly OrgKey[],
): string =>
  composeRoot({ org, orgUid, issuedAt, expiresAt, custody: 'offline' }, version + 1, listed);

async function reopenDrafted(
  { runtime, master }: KeyCustody,
  keys: readonly DraftedKey[],
  stored: readonly OrgKey[],
): Promise<OrgKey[]> {
  const known = new Set(stored.map(({ fingerprint }) => fingerprint));
  const { slug: org } = runtime.org;
  const opened: OrgKey[] = [];
  for (const role of KEY_ROLES) {
    const ofRole = keys.filter((key) => key.role === role);
    if (ofRole.length > 1) throw invalidField('keys', `one key for the role ${role}`);
    for (const { fingerprint, wrappedPrivate } of ofRole) {
      // Once given out, a wrapped key could come back after it was retired.
      if (known.has(fingerprint)) throw notDrafted(fingerprint);
      const place = { org, role, fingerprint };
      opened.push(
        await reopenOrgKey(place, wrappedPrivate, master).catch(() => {
          throw notDrafted(fingerprint);
        }),
      );
    }
  }
  return opened;
}

const notDrafted = (fingerprint: string): WaymarkError =>
  invalidField('keys', `${fingerprint} is not a key that this server drafted`);

async function newRootKeysOf(root: RootDocument, stored: readonly OrgKey[]): Promise<OrgKey[]> {
  const isKnown = (id: string) => stored.some(({ fingerprint }) => fingerprint === id);
  const ids = root.roles.root.keyids.filter((id) => !isKnown(id));
  if (ids.length > 1) throw otherText();
  return await Promise.all(ids.map((id) => toRootRow(root.org, root.keys[id]!.armored)));
}

/** The signed text must be one that this server would have drafted for these keys. */
function findSuccession(
  root: RootDocument,
  body: string,
  latest: RootDocument,
  stored: readonly OrgKey[],
  added: readonly OrgKey[],
  at: string,
): Succession {
  for (const compromised of [false, true]) {
    const succession = succeedKeys(stored, latest, { added, at, compromised });
    if (composeNext(latest, root, succession.listed) === body) return succession;
  }
  throw otherText();
}

const otherText = (): WaymarkError =>
  invalid('the root document is not as this server drafted it: ask for a new draft');
