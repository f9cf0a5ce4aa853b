import { KEY_ROLES, type KeyRole, type OrgKey, type StoredRoot } from './keys.ts';
import type { Keyring } from './org-keys.ts';
import { keysOfRole, parseRoot, type RootDocument, type RootRole } from './root-document.ts';
import { invalid, readPinned, verifyDetached } from './verify.ts';

export { keysOfRole, parseRoot, type RootDocument } from './root-document.ts';

export interface RootTerms {
  org: string;
  orgUid: string;
  issuedAt: string;
  expiresAt: string;
  custody: RootDocument['custody'];
}

/** Version 1, signed by its own root key. */
export async function createRoot(
  terms: RootTerms,
  keys: readonly OrgKey[],
  keyring: Keyring,
): Promise<StoredRoot> {
  const body = composeRoot(terms, 1, keys);
  return { org: terms.org, version: 1, body, signature: await signRoot(body, [keyring]) };
}

/** The next version, signed by the previous root key and by its own, so that each can be checked by the other. */
export async function rotateRoot(
  previous: RootDocument,
  terms: Omit<RootTerms, 'org' | 'orgUid'>,
  keys: readonly OrgKey[],
  keyrings: { previous: Keyring; next: Keyring },
): Promise<StoredRoot> {
  const { org, orgUid } = previous;
  const version = previous.version + 1;
  const body = composeRoot({ ...terms, org, orgUid }, version, keys);
  const signature = await signRoot(body, [keyrings.previous, keyrings.next]);
  return { org, version, body, signature };
}

/**
 * The text to sign: here, or by hand where the root key is kept offline.
 *
 * @param keys every key to list. Retired ones are listed for `release` alone, since tags that
 *   they signed never change; a compromised key is left out by the caller
 */
export function composeRoot(terms: RootTerms, version: number, keys: readonly OrgKey[]): string {
  const { org, orgUid, issuedAt, expiresAt, custody } = terms;
  const listed = keys.filter((key) => key.retiredAt === null || key.role === 'release');
  const roleOf = (role: KeyRole): RootRole => ({
    keyids: listed.filter((key) => key.role === role).map((key) => key.fingerprint),
    threshold: 1,
  });
  const root: RootDocument = {
    _type: 'root',
    org,
    orgUid,
    version,
    issuedAt,
    expiresAt,
    custody,
    roles: { root: roleOf('root'), release: roleOf('release'), index: roleOf('index') },
    keys: Object.fromEntries(
      listed.map((key) => [key.fingerprint, { armored: key.publicArmored }]),
    ),
  };
  return `${JSON.stringify(root, null, 2)}\n`;
}

/** Base64 of one signature for each distinct root key. */
async function signRoot(body: string, keyrings: readonly Keyring[]): Promise<string> {
  const byKey = new Map(keyrings.map((keyring) => [keyring.fingerprint('root'), keyring]));
  const bytes = Buffer.from(body);
  const signatures = await Promise.all([...byKey.values()].map((k) => k.sign('root', bytes)));
  return Buffer.concat(signatures).toString('base64');
}

/**
 * Checks one document's own signatures and, with `trusted`, that it is the next
 * after it. Not its expiry: see `verifyRootChain`.
 *
 * @throws {WaymarkError} `SIGN_INVALID`
 * @see TUF specification 1.0.34, section 5.3
 */
export async function verifyRoot(
  body: Uint8Array,
  signature: Uint8Array,
  trusted?: RootDocument,
): Promise<RootDocument> {
  const root = parseRoot(body);
  await checkKeyIds(root);
  if (trusted) {
    checkFollows(root, trusted);
    await checkSignedBy(trusted, body, signature);
  }
  await checkSignedBy(root, body, signature);
  return root;
}

/** A key listed under another's fingerprint would be counted, and reported, as that other key. */
async function checkKeyIds(root: RootDocument): Promise<void> {
  for (const id of new Set(KEY_ROLES.flatMap((role) => root.roles[role].keyids))) {
    const keys = await readPinned([root.keys[id]?.armored ?? '']).catch((cause: unknown) => {
      throw invalid(`the root document's key ${id} cannot be read`, cause);
    });
    if (!keys.has(id)) throw invalid(`the root document's key ${id} is another key`);
  }
}

function checkFollows(root: RootDocument, trusted: RootDocument): void {
  if (root.orgUid !== trusted.orgUid) {
    throw invalid(`the root document belongs to another org (${root.org})`);
  }
  // Exactly the next: a skipped version would skip its signatures, a lower one bring back old keys.
  if (root.version !== trusted.version + 1) {
    throw invalid(`root version ${root.version} does not follow version ${trusted.version}`);
  }
}

async function checkSignedBy(
  signer: RootDocument,
  body: Uint8Array,
  signature: Uint8Array,
): Promise<void> {
  const { threshold } = signer.roles.root;
  await verifyDetached({ body, signature, keys: keysOfRole(signer, 'root'), threshold });
}

/**
 * The last of a chain that starts after `trusted`. Only the last must not have
 * expired: a client that was away for long walks through versions that have.
 *
 * @throws {WaymarkError} `SIGN_INVALID`
 */
export async function verifyRootChain(
  trusted: RootDocument,
  chain: readonly { body: Uint8Array; signature: Uint8Array }[],
  nowMs: number,
): Promise<RootDocument> {
  let last = trusted;
  for (const { body, signature } of chain) last = await verifyRoot(body, signature, last);
  // Negated, so that a time that does not parse is refused as well.
  if (!(Date.parse(last.expiresAt) > nowMs)) {
    throw invalid(`root version ${last.version} expired at ${last.expiresAt}`);
  }
  return last;
}
