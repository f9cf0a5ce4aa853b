import { createPrivateKey, generateKeyPairSync, sign } from 'node:crypto';
import canonicalize from 'canonicalize';
import { describe, expect, it } from 'vitest';
import { sha256Hex } from '../../src/model/digest.ts';
import { WaymarkError } from '../../src/model/errors.ts';
import {
  createPluginKey,
  parsePluginKey,
  signPlugin,
  verifyPlugin,
} from '../../src/signing/plugin-signature.ts';

const MANIFEST = { id: 'example', version: '1.4.0', permissions: { kv: true } };

function filesOf(script = 'export default {};\n', manifest: object = MANIFEST) {
  return new Map<string, Buffer>([
    ['plugin.json', Buffer.from(JSON.stringify(manifest))],
    ['index.js', Buffer.from(script)],
  ]);
}

const { privateKey, publicKey } = createPluginKey();
const keys = [parsePluginKey(publicKey)];

function signedFiles(key = privateKey) {
  const files = filesOf();
  return files.set('plugin.sig.json', Buffer.from(signPlugin(files, key)));
}

const edited = (change: (signature: Record<string, unknown>) => object) => {
  const files = signedFiles();
  const signature = JSON.parse(String(files.get('plugin.sig.json'))) as Record<string, unknown>;
  return files.set('plugin.sig.json', Buffer.from(JSON.stringify(change(signature))));
};

describe('signPlugin', () => {
  it('signs id, version, digests and permissions, in the form of RFC 8785', () => {
    const files = filesOf();
    const digests = {
      'index.js': sha256Hex(files.get('index.js')!),
      'plugin.json': sha256Hex(files.get('plugin.json')!),
    };
    const payload = `{"files":{"index.js":"${digests['index.js']}","plugin.json":"${digests['plugin.json']}"},"id":"example","permissions":{"kv":true},"version":"1.4.0"}`;
    const raw = Buffer.from(publicKey, 'base64');

    expect(JSON.parse(signPlugin(files, privateKey))).toEqual({
      keyId: sha256Hex(raw),
      signature: sign(null, Buffer.from(payload), createPrivateKey(privateKey)).toString('base64'),
      files: digests,
    });
  });

  it('answers the same text each time, and whether or not it was signed before', () => {
    expect(signPlugin(signedFiles(), privateKey)).toBe(signPlugin(filesOf(), privateKey));
  });

  it('signs with no other kind of key', () => {
    const { privateKey: rsa } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const pem = String(rsa.export({ format: 'pem', type: 'pkcs8' }));

    expect(() => signPlugin(filesOf(), pem)).toThrow('this is no private Ed25519 key');
    expect(() => signPlugin(filesOf(), publicKey)).toThrow('this is no private Ed25519 key');
  });
});

describe('verifyPlugin', () => {
  it('knows one that was signed by any of the keys', () => {
    const other = parsePluginKey(createPluginKey().publicKey);

    expect(verifyPlugin(signedFiles(), [other, ...keys])).toBe('signed');
  });

  it('calls one without a signature unsigned', () => {
    expect(verifyPlugin(filesOf(), keys)).toBe('unsigned');
  });

  it.each([
    ['another script', new Map([...signedFiles(), ['index.js', Buffer.from('evil()')]])],
    ['one file more', signedFiles().set('more.js', Buffer.from(''))],
    ['a file less', new Map([...signedFiles()].filter(([path]) => path !== 'index.js'))],
    [
      'other permissions',
      new Map([...signedFiles(), ...filesOf(undefined, { ...MANIFEST, permissions: {} })]),
    ],
  ])('calls %s modified', (_, files) => {
    expect(verifyPlugin(files, keys)).toBe('modified');
  });

  it.each([
    ['by a key that is not known', signedFiles(createPluginKey().privateKey)],
    ['that is no JSON', filesOf().set('plugin.sig.json', Buffer.from('{'))],
    ['that is empty', filesOf().set('plugin.sig.json', Buffer.from('null'))],
    ['without files', edited((signature) => ({ ...signature, files: undefined }))],
    ['by nothing', edited((signature) => ({ ...signature, signature: '' }))],
    ['by zeros', edited((signature) => ({ ...signature, signature: 'A'.repeat(86) }))],
  ])('calls a signature %s invalid', (_, files) => {
    expect(verifyPlugin(files, keys)).toBe('invalid');
  });

  it('calls one whose digests were written anew invalid', () => {
    const files = edited((signature) => ({
      ...signature,
      files: { ...(signature['files'] as object), 'index.js': sha256Hex('evil()') },
    }));

    expect(verifyPlugin(files.set('index.js', Buffer.from('evil()')), keys)).toBe('invalid');
  });

  it('calls the signature of another plugin invalid, though its files were the same', () => {
    const digests = { 'index.js': sha256Hex('x'), 'plugin.json': sha256Hex('{}') };
    const payload = canonicalize({ id: 'other', version: '', files: digests, permissions: {} })!;
    const signature = sign(null, Buffer.from(payload), createPrivateKey(privateKey));
    const text = JSON.stringify({
      keyId: sha256Hex(Buffer.from(publicKey, 'base64')),
      signature: signature.toString('base64'),
      files: digests,
    });
    const files = new Map([
      ['plugin.json', Buffer.from('{}')],
      ['index.js', Buffer.from('x')],
      ['plugin.sig.json', Buffer.from(text)],
    ]);

    expect(verifyPlugin(files, keys)).toBe('invalid');
  });

  it('trusts nobody without keys', () => {
    expect(verifyPlugin(signedFiles(), [])).toBe('invalid');
  });
});

describe('parsePluginKey', () => {
  const [key] = keys;
  const spki = key!.export({ format: 'der', type: 'spki' });

  it.each([
    ['base64 of 32 bytes', publicKey],
    ['base64 of its SPKI form', spki.toString('base64')],
    ['PEM', String(key!.export({ format: 'pem', type: 'spki' }))],
  ])('reads %s', (_, text) => {
    expect(parsePluginKey(text).equals(key!)).toBe(true);
  });

  it.each([
    ['nothing', ''],
    ['half a key', publicKey.slice(0, 20)],
    [
      'one byte more',
      Buffer.concat([spki, Buffer.of(0)])
        .subarray(12)
        .toString('base64'),
    ],
    ['no base64', 'not a key at all, and no base64 either!!'],
    ['the start of one', 'MCowBQYDK2VwAyEA'],
    ['broken PEM', '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----'],
    [
      'a key of another kind',
      String(
        generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({
          format: 'pem',
          type: 'spki',
        }),
      ),
    ],
  ])('refuses %s', (_, text) => {
    expect(() => parsePluginKey(text)).toThrow(WaymarkError);
    expect(() => parsePluginKey(text)).toThrow('this is no public Ed25519 key');
  });
});
