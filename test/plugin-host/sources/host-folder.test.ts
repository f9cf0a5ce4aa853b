import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type HostFolder, readHostFolder } from '../../../src/plugin-host/sources/host-folder.ts';
import { LIMITS } from '../../../src/registry/server-manifest/limits.ts';
import {
  createPluginKey,
  parsePluginKey,
  signPlugin,
} from '../../../src/signing/plugin-signature.ts';
import { temporaryFolder } from '../../support/git.ts';
import { packPlugin, writePlugin } from '../../support/plugins.ts';

const key = createPluginKey();
const stranger = createPluginKey();
const sandbox = () => Promise.reject(new Error('a sandbox'));
const process = () => Promise.reject(new Error('a process'));

let dir: string;

beforeEach(async () => {
  dir = await temporaryFolder('waymark-plugins-');
});

afterEach(() => rm(dir, { recursive: true }));

const read = (part: Partial<HostFolder> = {}) =>
  readHostFolder({
    dir,
    sandbox,
    process,
    allowUnsigned: false,
    keys: [parsePluginKey(key.publicKey)],
    approvedDigest: () => null,
    ...part,
  });

async function sign(
  folder: string,
  { privateKey } = key,
  names = ['plugin.json', 'index.js'],
): Promise<void> {
  const files = await Promise.all(
    names.map(async (name) => [name, await readFile(join(folder, name))] as const),
  );
  await writeFile(join(folder, 'plugin.sig.json'), signPlugin(new Map(files), privateKey));
}

const unsigned = {
  code: 'PLG_UNSIGNED',
  message: 'it is not signed: sign it, or set WAYMARK_PLUGINS_ALLOW_UNSIGNED',
};

describe('readHostFolder', () => {
  it('finds nothing where no folder is set', async () => {
    expect(await read({ dir: null })).toEqual([]);
  });

  it('finds folders and packages by id, and leaves out what is neither', async () => {
    await writePlugin(dir, { manifest: { id: 'beta' } });
    await packPlugin(dir, { manifest: { id: 'alpha' } });
    await packPlugin(dir, { manifest: { id: 'beta', version: '9.0.0' } });
    await writeFile(join(dir, 'README.md'), 'Plugins of this host.\n');
    await mkdir(join(dir, '.git'));

    const parts = await read({ allowUnsigned: true });

    expect(parts.map(({ id, version, fault }) => ({ id, version, fault }))).toEqual([
      { id: 'alpha', version: '1.0.0', fault: null },
      { id: 'beta', version: '1.0.0', fault: null },
    ]);
  });

  it('runs what is signed, with the network that it is granted', async () => {
    await sign(await writePlugin(dir));

    const [part] = await read();

    expect(part).toMatchObject({
      source: 'host',
      signature: 'signed',
      trust: 'trusted',
      hasNetwork: true,
      fault: null,
      start: sandbox,
      code: { script: Buffer.from('export default {};\n'), dir: join(dir, 'example') },
    });
  });

  it('runs what is not signed only where that is allowed, and without network', async () => {
    await writePlugin(dir);

    const [refused] = await read();
    const [allowed] = await read({ allowUnsigned: true });

    expect(refused?.fault).toEqual(unsigned);
    expect(allowed).toMatchObject({ signature: 'unsigned', trust: 'untrusted', hasNetwork: false });
    expect(allowed?.fault).toBeNull();
  });

  it('never runs what was changed after it was signed, allowed or not', async () => {
    const folder = await writePlugin(dir);
    await sign(folder);
    await writeFile(join(folder, 'index.js'), 'export default {"agent.query": () => 1};\n');

    const [part] = await read({ allowUnsigned: true });

    expect(part).toMatchObject({
      signature: 'modified',
      fault: { code: 'PLG_UNSIGNED', message: 'its files are not those that were signed' },
    });
  });

  it('never runs what a stranger signed', async () => {
    await sign(await writePlugin(dir), stranger);

    const [part] = await read({ allowUnsigned: true });

    expect(part).toMatchObject({
      signature: 'invalid',
      fault: { code: 'PLG_UNSIGNED', message: 'its signature is by no key that is known here' },
    });
  });

  it('has another digest for each change', async () => {
    const folder = await writePlugin(dir);
    const [before] = await read();
    await writeFile(join(folder, 'index.js'), 'export default {"agent.query": () => 1};\n');
    const [after] = await read();
    await writeFile(join(folder, 'index.js'), 'export default {};\n');

    expect(after?.digest).not.toBe(before?.digest);
    expect((await read())[0]?.digest).toBe(before?.digest);
  });

  it.each<[string, (folder: string) => Promise<unknown>, object]>([
    [
      'a plugin.json with a blank name',
      (folder) => writePlugin(join(folder, '..'), { manifest: { id: 'example', displayName: '' } }),
      { code: 'PLG_MANIFEST', message: expect.stringContaining('plugin.json/displayName') },
    ],
    [
      'no plugin.json',
      (folder) => rm(join(folder, 'plugin.json')),
      { code: 'PLG_MANIFEST', message: 'plugin.json is missing' },
    ],
    [
      'no script',
      (folder) => rm(join(folder, 'index.js')),
      { code: 'PLG_MANIFEST', message: 'the script index.js is missing' },
    ],
    [
      'a link in it',
      (folder) => symlink('/etc/passwd', join(folder, 'data.txt')),
      { code: 'PLG_MANIFEST', message: 'data.txt is neither a file nor a folder' },
    ],
  ])('tells of %s, and reads the others', async (_what, spoil, fault) => {
    await spoil(await writePlugin(dir));
    await writePlugin(dir, { manifest: { id: 'other' } });

    const parts = await read({ allowUnsigned: true });

    expect(parts.map((part) => [part.id, part.fault])).toEqual([
      ['example', fault],
      ['other', null],
    ]);
  });

  it('tells of a plugin.json that says another id than its folder', async () => {
    const folder = await writePlugin(dir);
    const text = await readFile(join(folder, 'plugin.json'), 'utf8');
    await writeFile(join(folder, 'plugin.json'), text.replace('"example"', '"sample"'));

    const [part] = await read({ allowUnsigned: true });

    expect(part).toMatchObject({
      id: 'example',
      fault: {
        code: 'PLG_MANIFEST_MISMATCH',
        message: 'plugin.json is of sample, but lies in example',
      },
    });
  });

  it('tells of a package that is none', async () => {
    await writeFile(join(dir, 'broken.tar.gz'), 'not gzip');

    expect(await read()).toMatchObject([
      {
        id: 'broken',
        fault: { code: 'PLG_MANIFEST', message: 'the package is refused: it is no gzip' },
      },
    ]);
  });

  describe('of a plugin that wants a process of its own', () => {
    const manifest = { runtime: 'process' };

    it('starts it so once it is signed and approved as it is', async () => {
      const folder = await writePlugin(dir, { manifest });
      await sign(folder);
      const [waiting] = await read();

      const [approved] = await read({ approvedDigest: () => waiting!.digest });
      await writeFile(join(folder, 'index.js'), 'export default {"agent.query": () => 1};\n');
      await sign(folder);
      const [changed] = await read({ approvedDigest: () => waiting!.digest });

      const message = 'it runs as a process once a site admin has approved what lies there now';
      expect(waiting?.fault).toEqual({ code: 'PLG_PERMISSIONS', message });
      expect(approved?.fault).toBeNull();
      expect(changed?.fault).toEqual({ code: 'PLG_PERMISSIONS', message });
    });

    it('starts none of it once a file that it imports has changed', async () => {
      const folder = await writePlugin(dir, { manifest });
      await writeFile(join(folder, 'table.js'), 'export default 1;\n');
      await sign(folder, key, ['plugin.json', 'index.js', 'table.js']);
      const [{ digest } = { digest: '' }] = await read();
      const [part] = await read({ approvedDigest: () => digest });
      const terms = { limits: LIMITS, host: { callback: async () => null } };

      await expect(part?.start(part.code, terms)).rejects.toThrow('a process');
      await writeFile(join(folder, 'table.js'), 'export default 2;\n');
      await expect(part?.start(part.code, terms)).rejects.toMatchObject({ code: 'PLG_FAILED' });
    });

    it('does not when it is not signed', async () => {
      await writePlugin(dir, { manifest });

      expect((await read({ allowUnsigned: true }))[0]?.fault).toEqual({
        code: 'PLG_UNSIGNED',
        message: 'only what is signed runs as a process',
      });
    });
  });
});
