import { mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { archiveOf } from '../../../cli/plugin/archive.ts';
import { readPackage } from '../../../src/registry/server-manifest/package.ts';
import { parsePluginKey, verifyPlugin } from '../../../src/signing/plugin-signature.ts';
import { makeClient, type TestClient } from '../../support/client.ts';

describe('waymark plugin sign', () => {
  let author: TestClient;
  let publicKey: string;
  beforeEach(async () => {
    author = await makeClient();
    publicKey = (await author.run('plugin', 'keygen', 'author.pem')).stdout.trim();
  });
  afterEach(() => author.remove());

  const packed = new Map([
    ['plugin.json', Buffer.from('{"id":"example","version":"1.0.0","entry":"index.js"}')],
    ['index.js', Buffer.from('export default {};')],
  ]);
  const verify = (files: ReadonlyMap<string, Buffer>) =>
    verifyPlugin(files, [parsePluginKey(publicKey)]);

  it('makes a key that only its owner can read, and prints its public half', async () => {
    expect(publicKey).toMatch(/^[A-Za-z0-9+/]{43}=$/);
    expect((await stat(author.path('author.pem'))).mode & 0o777).toBe(0o600);
  });

  it('overwrites no key: exit 2', async () => {
    const before = await author.read('author.pem');

    expect((await author.run('plugin', 'keygen', 'author.pem')).exitCode).toBe(2);
    expect(await author.read('author.pem')).toBe(before);
  });

  it('signs a package', async () => {
    await writeFile(author.path('example.tar.gz'), await archiveOf(packed));

    const run = await author.run('plugin', 'sign', 'example.tar.gz', '--key', 'author.pem');

    expect(run.stdout).toMatch(/^signed by [0-9a-f]{64}\n$/);
    const files = await readPackage(await readFile(author.path('example.tar.gz')));
    expect(verify(files)).toBe('signed');
    expect(verify(new Map([...files, ['index.js', Buffer.from('other')]]))).toBe('modified');
  });

  it('signs what lies in a registry’s folder', async () => {
    for (const [name, content] of packed) await author.write(`server/${name}`, String(content));

    await author.run('plugin', 'sign', 'server', '--key', 'author.pem');

    const signature = await readFile(author.path('server/plugin.sig.json'));
    expect(verify(new Map([...packed, ['plugin.sig.json', signature]]))).toBe('signed');
  });

  it('signs every file that lies in a folder', async () => {
    const all = new Map([...packed, ['words/en.txt', Buffer.from('hello')]]);
    for (const [name, content] of all) await author.write(`example/${name}`, String(content));

    await author.run('plugin', 'sign', 'example', '--key', 'author.pem');

    const signature = await readFile(author.path('example/plugin.sig.json'));
    expect(verify(new Map([...all, ['plugin.sig.json', signature]]))).toBe('signed');
  });

  it.each([
    ['what is not there', ['nowhere', '--key', 'author.pem'], 2, /is not there/],
    ['a key that is not there', ['server', '--key', 'no.pem'], 2, /no\.pem cannot be read/],
    ['a folder without a plugin', ['empty', '--key', 'author.pem'], 2, /has no plugin\.json/],
    ['a folder with a link', ['linked', '--key', 'author.pem'], 1, /plugin\.json is no plain file/],
    [
      'what is no package',
      ['author.pem', '--key', 'author.pem'],
      1,
      /the package is refused: it is no gzip/,
    ],
    ['another kind of key', ['server', '--key', 'rsa.pem'], 1, /this is no private Ed25519 key/],
  ])('refuses %s', async (_, argv, exitCode, message) => {
    for (const [name, content] of packed) await author.write(`server/${name}`, String(content));
    await author.write('empty/README.md', '');
    await mkdir(author.path('linked'));
    await symlink('../server/plugin.json', author.path('linked/plugin.json'));
    await author.write('rsa.pem', 'no key');

    const run = await author.run('plugin', 'sign', ...argv);

    expect(run.exitCode).toBe(exitCode);
    expect(run.stderr).toMatch(message);
  });
});
