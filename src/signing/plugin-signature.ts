import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import canonicalize from 'canonicalize';
import { sha256Hex } from '../model/digest.ts';
import { WaymarkError } from '../model/errors.ts';

export const PLUGIN_SIGNATURE = 'plugin.sig.json';

/** A server part's files by their paths, `plugin.json` among them. */
export type PluginFiles = ReadonlyMap<string, Uint8Array>;

/**
 * `modified`: a known key signed other files than these. `invalid`: no known
 * key did, or what stands there is no signature.
 */
export type PluginSignature = 'signed' | 'unsigned' | 'modified' | 'invalid';

/** `plugin.sig.json`. */
interface SignatureFile {
  /** SHA-256 hex of the public key's 32 bytes. */
  keyId: string;
  /** Base64, over the RFC 8785 form of `{id, version, files, permissions}`. */
  signature: string;
  /** Path → SHA-256 hex, of all but this file. */
  files: Readonly<Record<string, string>>;
}

/** RFC 8410: what stands before the 32 bytes of a public key. */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

/**
 * The text of `plugin.sig.json`.
 *
 * @param privateKey PEM of an Ed25519 key, PKCS #8
 * @throws {WaymarkError} `SIGN_INVALID` for another kind of key
 * @see docs/spec/plugin-host.md, "Signatures and packages"
 */
export function signPlugin(files: PluginFiles, privateKey: string): string {
  const key = readKey('private', () => createPrivateKey(privateKey));
  const digests = digestsOf(files);
  const signed: SignatureFile = {
    keyId: keyIdOf(createPublicKey(key)),
    signature: sign(null, payloadOf(files, digests), key).toString('base64'),
    files: digests,
  };
  return `${JSON.stringify(signed, null, 2)}\n`;
}

/** @param keys whose signature counts, as {@link parsePluginKey} gives them */
export function verifyPlugin(files: PluginFiles, keys: readonly KeyObject[]): PluginSignature {
  const bytes = files.get(PLUGIN_SIGNATURE);
  if (!bytes) return 'unsigned';
  const given = parseSignature(bytes);
  const key = given && keys.find((known) => keyIdOf(known) === given.keyId);
  if (!key) return 'invalid';
  const digests = digestsOf(files);
  if (canonicalize(digests) !== canonicalize(given.files)) return 'modified';
  // Against the key that is known, never by what the file says of itself.
  const signature = Buffer.from(given.signature, 'base64');
  return verify(null, payloadOf(files, digests), key, signature) ? 'signed' : 'invalid';
}

/**
 * @param text base64 of the key's 32 bytes or of its SPKI form, or PEM
 * @throws {WaymarkError} `SIGN_INVALID`
 */
export function parsePluginKey(text: string): KeyObject {
  return readKey('public', () => {
    if (text.includes('-----')) return createPublicKey(text);
    const bytes = Buffer.from(text, 'base64');
    if (bytes.toString('base64') !== text.trim()) throw new RangeError('no base64');
    const der = bytes.length === 32 ? Buffer.concat([SPKI_PREFIX, bytes]) : bytes;
    return createPublicKey({ key: der, format: 'der', type: 'spki' });
  });
}

/** A new key to sign with, and what whoever installs the plugin must be given. */
export function createPluginKey(): { privateKey: string; publicKey: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return {
    privateKey: String(privateKey.export({ format: 'pem', type: 'pkcs8' })),
    publicKey: rawOf(publicKey).toString('base64'),
  };
}

function readKey(kind: 'private' | 'public', read: () => KeyObject): KeyObject {
  let cause: unknown;
  try {
    const key = read();
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch (error) {
    cause = error;
  }
  throw new WaymarkError('SIGN_INVALID', `this is no ${kind} Ed25519 key`, {}, { cause });
}

const rawOf = (key: KeyObject): Buffer => key.export({ format: 'der', type: 'spki' }).subarray(-32);

const keyIdOf = (key: KeyObject): string => sha256Hex(rawOf(key));

const digestsOf = (files: PluginFiles): Record<string, string> =>
  Object.fromEntries(
    [...files]
      .filter(([path]) => path !== PLUGIN_SIGNATURE)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([path, bytes]) => [path, sha256Hex(bytes)]),
  );

/** What is signed. `plugin.json` is signed twice, so that a key is also held to what it allowed. */
function payloadOf(files: PluginFiles, digests: Record<string, string>): Buffer {
  const manifest = parseJson(files.get('plugin.json') ?? Buffer.alloc(0));
  const { id = '', version = '', permissions = {} } = manifest ?? {};
  return Buffer.from(canonicalize({ id, version, files: digests, permissions })!);
}

function parseSignature(bytes: Uint8Array): SignatureFile | undefined {
  const { keyId, signature, files } = parseJson(bytes) ?? {};
  const isWhole =
    typeof keyId === 'string' &&
    typeof signature === 'string' &&
    typeof files === 'object' &&
    files !== null;
  return isWhole ? ({ keyId, signature, files } as SignatureFile) : undefined;
}

function parseJson(bytes: Uint8Array): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString());
    return typeof value === 'object' && value !== null
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
