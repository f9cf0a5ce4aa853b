import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { type Header, pack } from 'tar-stream';
import { describe, expect, it } from 'vitest';
import { WaymarkError } from '../../../src/model/errors.ts';
import { PACKAGE_BOUNDS, readPackage } from '../../../src/registry/server-manifest/package.ts';

type Given = Partial<Header> & { name: string };
type Entry = [header: Given | string, content?: string | Buffer];

const MANIFEST: Entry = ['plugin.json', '{}'];

async function tarOf(entries: readonly Entry[]): Promise<Buffer> {
  const archive = pack();
  for (const [header, content = ''] of entries) {
    const whole = typeof header === 'string' ? { name: header } : header;
    archive.entry({ mtime: new Date(0), ...whole }, content);
  }
  archive.finalize();
  return await buffer(archive);
}

const packageOf = async (...entries: Entry[]) => gzipSync(await tarOf(entries));

const refusal = async (gzip: Buffer): Promise<unknown> =>
  await readPackage(gzip).then(
    (files) => [...files.keys()],
    (error: unknown) => (error instanceof WaymarkError ? [error.code, error.message] : error),
  );

describe('readPackage', () => {
  it('reads files by their paths', async () => {
    const gzip = await packageOf(
      MANIFEST,
      ['index.js', 'export default {};'],
      ['lib/a-1_b.js', '1'],
    );

    const files = await readPackage(gzip);

    expect([...files].map(([path, bytes]) => [path, String(bytes)])).toEqual([
      ['plugin.json', '{}'],
      ['index.js', 'export default {};'],
      ['lib/a-1_b.js', '1'],
    ]);
  });

  it('reads what tar makes of a folder', async () => {
    const gzip = await packageOf(
      [{ name: './', type: 'directory' }],
      ['./plugin.json', '{}'],
      [{ name: './lib/', type: 'directory' }],
      ['./lib/a.js', ''],
    );

    expect([...(await readPackage(gzip)).keys()]).toEqual(['plugin.json', 'lib/a.js']);
  });

  it.each([
    '../plugin.json',
    'lib/../../x',
    '/etc/passwd',
    './/etc/passwd',
    'lib//a',
    'lib/./a',
    '..',
    '.ssh/authorized_keys',
    'a\\..\\b',
    'C:x',
    'a:stream',
    'nul',
    'lib/CON.js',
    'a\nb',
    'a\u0000b',
    'a ',
    'a.',
    'ä.js',
    'a\u202Egpj.js',
    'x'.repeat(201),
  ])('refuses the path %j', async (name) => {
    // By a header that tar-stream itself would have written otherwise.
    const gzip = await packageOf(MANIFEST, [{ name, pax: { path: name } }, 'x']);

    expect(await refusal(gzip)).toEqual([
      'PLG_MANIFEST',
      expect.stringMatching(/^the package is refused: ".*" is no path of a package$/),
    ]);
  });

  it.each<Given>([
    { name: 'a', type: 'symlink', linkname: '/etc/passwd' },
    { name: 'a', type: 'link', linkname: 'plugin.json' },
    { name: 'a', type: 'character-device' },
    { name: 'a', type: 'block-device' },
    { name: 'a', type: 'fifo' },
    { name: 'a', type: 'contiguous-file' },
  ])('refuses $type', async (header) => {
    const gzip = await packageOf(MANIFEST, [header]);

    expect(await refusal(gzip)).toEqual([
      'PLG_MANIFEST',
      `the package is refused: "a" is a ${header.type}`,
    ]);
  });

  it.each<[string, Entry[], string]>([
    ['a file twice', [['a'], ['a']], '"a" is in it twice'],
    ['two in other cases', [['Lib/a'], ['lib/A']], '"lib/A" is in it twice'],
    ['a second manifest', [['PLUGIN.JSON', '{"id": "b"}']], '"PLUGIN.JSON" is in it twice'],
    ['a file within a file', [['a'], ['a/b']], '"a/b" is a file and a folder'],
    ['a file around a file', [['a/b'], ['A']], '"A" is a file and a folder'],
    [
      'too many files',
      Array.from({ length: PACKAGE_BOUNDS.files }, (_, i): Entry => [`f${i}`]),
      'it has more than 64 files',
    ],
    [
      'too many bytes',
      [['a', Buffer.alloc(PACKAGE_BOUNDS.bytes - 1)]],
      'it holds more than 2097152 bytes',
    ],
  ])('refuses %s', async (_, entries, why) => {
    const gzip = await packageOf(MANIFEST, ...entries);

    expect(await refusal(gzip)).toEqual(['PLG_MANIFEST', `the package is refused: ${why}`]);
  });

  it('takes as many bytes as there may be', async () => {
    const gzip = await packageOf(MANIFEST, ['a', Buffer.alloc(PACKAGE_BOUNDS.bytes - 2)]);

    expect((await readPackage(gzip)).get('a')).toHaveLength(PACKAGE_BOUNDS.bytes - 2);
  });

  it('stops unpacking a bomb at the limit', async () => {
    expect(await refusal(gzipSync(Buffer.alloc(64 * 1024 * 1024)))).toEqual([
      'PLG_MANIFEST',
      'the package is refused: it holds more than 2097152 bytes',
    ]);
  });

  it('asks for a plugin.json', async () => {
    expect(await refusal(await packageOf(['example/plugin.json', '{}']))).toEqual([
      'PLG_MANIFEST',
      'the package is refused: it has no plugin.json',
    ]);
  });

  it.each([
    ['is nothing', Buffer.alloc(0)],
    ['is no gzip', Buffer.from('PK\u0003\u0004')],
    ['was cut off', gzipSync(Buffer.alloc(10_000, 'x')).subarray(0, 20)],
    ['holds no tar', gzipSync(Buffer.alloc(2048, 'x'))],
  ])('refuses one that %s', async (_, bytes) => {
    expect(await refusal(bytes)).toEqual([
      'PLG_MANIFEST',
      expect.stringMatching(/^the package is refused: it (is no|has no)/),
    ]);
  });

  it('refuses an archive that ends within a file', async () => {
    const tar = await tarOf([MANIFEST, ['index.js', Buffer.alloc(5000, 'x')]]);

    expect(await refusal(gzipSync(tar.subarray(0, 3000)))).toEqual([
      'PLG_MANIFEST',
      'the package is refused: it is no whole tar.gz',
    ]);
  });
});
