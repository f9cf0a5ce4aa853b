import { chmod, mkdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openObjectPool } from '../../src/git/object-pool.ts';
import { commitFiles, importFolder } from '../../src/git/write.ts';
import { writeObject } from '../../src/git/write-object.ts';
import { composeTagPayload } from '../../src/signing/tag.ts';
import { makeRepository, type TestRepository, temporaryFolder } from '../support/git.ts';

let repository: TestRepository;
const author = { name: 'Ada', email: 'ada@example.com', atSec: 1_700_000_000 };
const committer = { name: 'Waymark', email: 'waymark@localhost', atSec: 1_700_000_001 };
const message = 'Change';

beforeEach(async () => {
  repository = await makeRepository({
    'registry.yaml': 'registry',
    'plugins/sales/plugin.yaml': 'sales',
    'plugins/sales/run.sh': { mode: '100755', content: 'run' },
    'plugins/support/plugin.yaml': 'support',
  });
});

afterEach(() => repository.remove());

async function commit(changes: Parameters<typeof commitFiles>[0]['changes'], parent = '') {
  return await commitFiles({
    repo: repository.path,
    parent: parent || repository.head,
    changes,
    message,
    author,
    committer,
  });
}

/** `mode path content` of every file. */
async function filesOf(revision: string): Promise<string[]> {
  const listing = await repository.git('ls-tree', '-r', revision);
  return await Promise.all(
    listing.split('\n').map(async (line) => {
      const [meta = '', path = ''] = line.split('\t');
      const [mode, , oid = ''] = meta.split(' ');
      return `${mode} ${path} ${await repository.git('cat-file', 'blob', oid)}`;
    }),
  );
}

describe('commitFiles', () => {
  it('adds, changes and removes files and leaves the others as they are', async () => {
    const oid = await commit([
      { path: 'registry.yaml', content: 'changed' },
      { path: 'plugins/sales/run.sh', content: 'run faster' },
      { path: 'plugins/new/deep/file.yaml', content: 'new', mode: '100755' },
      { path: 'plugins/support/plugin.yaml', content: null },
    ]);

    expect(await filesOf(oid)).toEqual([
      '100755 plugins/new/deep/file.yaml new',
      '100644 plugins/sales/plugin.yaml sales',
      '100755 plugins/sales/run.sh run faster',
      '100644 registry.yaml changed',
    ]);
  });

  it('writes the commit that git itself would write', async () => {
    const oid = await commit([{ path: 'registry.yaml', content: 'changed' }]);

    const tree = await repository.git('rev-parse', `${oid}^{tree}`);
    expect(await repository.git('cat-file', 'commit', oid)).toBe(
      [
        `tree ${tree}`,
        `parent ${repository.head}`,
        'author Ada <ada@example.com> 1700000000 +0000',
        'committer Waymark <waymark@localhost> 1700000001 +0000',
        '',
        'Change',
      ].join('\n'),
    );
    await repository.git('fsck', '--strict', '--no-dangling');
  });

  it('moves no ref, and gives the same oid for the same commit', async () => {
    const changes = [{ path: 'registry.yaml', content: 'changed' }];

    const oids = [await commit(changes), await commit(changes)];

    expect(oids[0]).toBe(oids[1]);
    expect(await repository.git('rev-parse', 'main')).toBe(repository.head);
  });

  it('reads only the folders on a changed path', async () => {
    const objects = openObjectPool(repository.path);

    await commitFiles({
      repo: repository.path,
      parent: repository.head,
      changes: [{ path: 'plugins/sales/plugin.yaml', content: 'changed' }],
      message,
      author,
      committer,
      objects,
    });

    expect(objects.counters).toEqual({ blobs: 0, trees: 3, commits: 1 });
    objects.close();
  });

  it('gives the empty tree when the last file goes', async () => {
    const root = await commitFiles({
      repo: repository.path,
      changes: [{ path: 'a/b', content: 'only' }],
      message,
      author,
      committer,
    });

    const empty = await commit([{ path: 'a/b', content: null }], root);

    expect(await repository.git('ls-tree', '-r', empty)).toBe('');
  });

  it('puts a folder where a file was', async () => {
    const oid = await commit([
      { path: 'registry.yaml', content: null },
      { path: 'registry.yaml/inside', content: 'x' },
    ]);

    expect(await filesOf(oid)).toContain('100644 registry.yaml/inside x');
  });

  it.each([
    ['removes what is not there', [{ path: 'none', content: null }]],
    ['replaces a folder by a file', [{ path: 'plugins', content: 'x' }]],
    ['is below a file', [{ path: 'registry.yaml/x', content: 'x' }]],
    ['has an empty name', [{ path: 'plugins//x', content: 'x' }]],
    [
      'is changed twice',
      [
        { path: 'x', content: '1' },
        { path: 'x', content: '2' },
      ],
    ],
  ])('refuses a path that %s', async (_what, changes) => {
    await expect(commit(changes)).rejects.toMatchObject({ code: 'VAL_FAILED' });
  });

  it('lets no name start another header', async () => {
    const oid = await commitFiles({
      repo: repository.path,
      changes: [{ path: 'a', content: 'x' }],
      message,
      author: { ...author, name: 'Eve> 0 +0000\nparent x' },
      committer,
    });

    expect(await repository.git('log', '-1', '--format=%an|%ae|%P', oid)).toBe(
      'Eve  0 +0000 parent x|ada@example.com|',
    );
  });

  it('leaves nothing but whole objects, read-only', async () => {
    const oid = await commit([{ path: 'registry.yaml', content: 'changed' }]);

    const file = await stat(join(repository.path, 'objects', oid.slice(0, 2), oid.slice(2)));
    expect(file.mode & 0o777).toBe(0o444);
    expect(await repository.git('count-objects', '-v')).toMatch('garbage: 0');
  });
});

describe('importFolder', () => {
  it('gives a root commit of the folder, with exec bits', async () => {
    const dir = await temporaryFolder('waymark-import-');
    await mkdir(join(dir, 'plugins/x'), { recursive: true });
    await writeFile(join(dir, 'plugins/x/run.sh'), 'run');
    await chmod(join(dir, 'plugins/x/run.sh'), 0o755);
    await writeFile(join(dir, 'registry.yaml'), 'r');

    const options = { repo: repository.path, dir, message: 'Start', author, at: 1_700_000_000_500 };
    const oid = await importFolder(options);

    expect(await filesOf(oid)).toEqual(['100755 plugins/x/run.sh run', '100644 registry.yaml r']);
    expect(await repository.git('log', '--format=%P|%at|%ct|%s', oid)).toBe(
      '|1700000000|1700000000|Start',
    );

    await symlink('registry.yaml', join(dir, 'link'));
    await expect(importFolder(options)).rejects.toThrow('link is neither a file nor a folder');
    await rm(dir, { recursive: true });
  });
});

describe('writeObject', () => {
  it('writes a tag that git reads, with the signature at its end', async () => {
    const payload = composeTagPayload({
      object: repository.head,
      name: 'sales--v1.0.0',
      tagger: { name: 'Ada', email: 'ada@example.com', at: '2026-11-02T09:00:00Z' },
      message: 'Notes\n',
    });
    const signature = '-----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----\n';

    const oid = await writeObject(repository.path, 'tag', Buffer.from(payload + signature));

    const raw = (await repository.git('cat-file', 'tag', oid)) as string;
    expect(`${raw}\n`).toBe(payload + signature);
    const format =
      '--format=%(*objectname)|%(taggername)|%(contents:subject)|%(contents:signature)';
    await repository.git('update-ref', 'refs/tags/sales--v1.0.0', oid);
    expect(await repository.git('for-each-ref', format, 'refs/tags')).toBe(
      `${repository.head}|Ada|Notes|${signature}`.trimEnd(),
    );
    await repository.git('fsck', '--strict');
  });
});
