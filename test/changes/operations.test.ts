import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { applyOperations, type Operation } from '../../src/changes/operations.ts';
import { type ObjectPool, openObjectPool } from '../../src/git/object-pool.ts';
import { commitFiles } from '../../src/git/write.ts';
import { makeRepository, type TestRepository } from '../support/git.ts';

let repository: TestRepository;
let objects: ObjectPool;

beforeEach(async () => {
  repository = await makeRepository({
    'registry.yaml': 'a: 1 # one\n',
    'plugins/sales/plugin.yaml': 'title: Sales\n',
    'plugins/sales/run.sh': { mode: '100755', content: 'run\n' },
    'plugins/sales/skills/quote.yaml': 'quote: 1\n',
    'plugins/windows.yaml': Buffer.from('\ufeffa: 1\r\nb: 2\r\n'),
  });
  objects = openObjectPool(repository.path);
});
afterEach(async () => {
  objects.close();
  await repository.remove();
});

const apply = (...operations: Operation[]) => applyOperations(objects, repository.head, operations);

/** `mode path content` of every file as the operations leave them, read by git. */
async function filesAfter(...operations: Operation[]): Promise<string[]> {
  const who = { name: 'Ada', email: 'ada@example.com', atSec: 0 };
  const oid = await commitFiles({
    repo: repository.path,
    parent: repository.head,
    changes: await apply(...operations),
    message: 'Edit',
    author: who,
    committer: who,
    objects,
  });
  const listing = await repository.git('ls-tree', '-r', oid);
  return await Promise.all(
    listing.split('\n').map(async (line) => {
      const [meta = '', path = ''] = line.split('\t');
      const [mode, , blob = ''] = meta.split(' ');
      return `${mode} ${path} ${JSON.stringify(await repository.git('cat-file', 'blob', blob))}`;
    }),
  );
}

describe('applyOperations', () => {
  it('writes files, new and not; one that was there keeps its mode', async () => {
    const files = await filesAfter(
      { op: 'upsert', path: 'plugins/new/plugin.yaml', content: 'title: Nëw\n' },
      { op: 'upsert', path: 'plugins/sales/run.sh', content: 'run faster\n' },
    );

    expect(files).toContain('100644 plugins/new/plugin.yaml "title: Nëw"');
    expect(files).toContain('100755 plugins/sales/run.sh "run faster"');
  });

  it('writes bytes that are no text', async () => {
    const content = Buffer.from([0, 255, 254]).toString('base64');

    const changes = await apply({
      op: 'upsert',
      path: 'plugins/sales/logo.png',
      content,
      encoding: 'base64',
    });

    expect(changes).toEqual([
      { path: 'plugins/sales/logo.png', content: Buffer.from([0, 255, 254]) },
    ]);
  });

  it('patches a document', async () => {
    const files = await filesAfter({
      op: 'patch',
      path: 'registry.yaml',
      patch: [{ op: 'replace', path: '/a', value: 2 }],
    });

    expect(files).toContain('100644 registry.yaml "a: 2 # one"');
  });

  it("keeps a document's byte order mark and line ends", async () => {
    const [change] = await apply({
      op: 'patch',
      path: 'plugins/windows.yaml',
      patch: [{ op: 'add', path: '/c', value: 3 }],
    });

    expect(change?.content).toEqual(Buffer.from('\ufeffa: 1\r\nb: 2\r\nc: 3\r\n'));
  });

  it('renames a file with its mode, without reading it', async () => {
    const before = objects.counters.blobs;

    const changes = await apply({
      op: 'rename',
      path: 'plugins/sales/run.sh',
      to: 'plugins/sales/bin/run.sh',
    });

    expect(changes).toContainEqual({
      path: 'plugins/sales/bin/run.sh',
      content: { oid: await repository.git('rev-parse', 'main:plugins/sales/run.sh') },
      mode: '100755',
    });
    expect(changes).toContainEqual({ path: 'plugins/sales/run.sh', content: null });
    expect(objects.counters.blobs).toBe(before);
  });

  it('renames and removes a folder with all that is in it', async () => {
    expect(
      await filesAfter(
        { op: 'rename', path: 'plugins/sales', to: 'plugins/deals' },
        { op: 'remove', path: 'plugins/deals/skills' },
        { op: 'remove', path: 'plugins/windows.yaml' },
      ),
    ).toEqual([
      '100644 plugins/deals/plugin.yaml "title: Sales"',
      '100755 plugins/deals/run.sh "run"',
      '100644 registry.yaml "a: 1 # one"',
    ]);
  });

  it('lets each operation see what those before it made', async () => {
    const files = await filesAfter(
      { op: 'upsert', path: 'plugins/lab/plugin.yaml', content: 'title: Lab\n' },
      { op: 'rename', path: 'plugins/lab', to: 'plugins/works' },
      {
        op: 'patch',
        path: 'plugins/works/plugin.yaml',
        patch: [{ op: 'replace', path: '/title', value: 'Works' }],
      },
    );

    expect(files).toContain('100644 plugins/works/plugin.yaml "title: Works"');
    expect(files.filter((file) => file.includes('lab'))).toEqual([]);
  });

  it('changes nothing where files come back to what they were', async () => {
    expect(
      await apply(
        { op: 'upsert', path: 'plugins/lab.md', content: 'x' },
        { op: 'rename', path: 'registry.yaml', to: 'other.yaml' },
        { op: 'rename', path: 'other.yaml', to: 'registry.yaml' },
        { op: 'remove', path: 'plugins/lab.md' },
      ),
    ).toEqual([]);
  });

  it('refuses to patch so much that nobody else would be served', async () => {
    const path = 'docs/large.yaml';
    const content = `a: ${'x'.repeat(200 * 1024)}\n`;
    const step: Operation = { op: 'patch', path, patch: [{ op: 'add', path: '/b', value: 1 }] };

    await expect(apply({ op: 'upsert', path, content }, step, step, step)).rejects.toMatchObject({
      facts: { validationErrors: [{ field: 'operations.3', code: 'too_large' }] },
    });
  });

  const patch = [{ op: 'remove', path: '/none' }] as const;
  it.each<[Operation, string, string]>([
    [{ op: 'upsert', path: '../x', content: '' }, 'path', 'name-dots'],
    [{ op: 'upsert', path: '/x', content: '' }, 'path', 'name-dots'],
    [{ op: 'upsert', path: 'a//b', content: '' }, 'path', 'name-dots'],
    [{ op: 'upsert', path: 'a/.git/config', content: '' }, 'path', 'name-dot-git'],
    [{ op: 'upsert', path: 'a\\b', content: '' }, 'path', 'name-separator'],
    [{ op: 'upsert', path: 'a\nb', content: '' }, 'path', 'name-control'],
    [{ op: 'upsert', path: 'x'.repeat(201), content: '' }, 'path', 'path-length'],
    [{ op: 'upsert', path: 'plugins', content: '' }, 'path', 'invalid'],
    [{ op: 'upsert', path: 'a', content: 'a', encoding: 'base64' }, 'content', 'invalid'],
    [{ op: 'patch', path: 'none.yaml', patch }, 'path', 'not_found'],
    [{ op: 'patch', path: 'plugins/sales/run.sh', patch }, 'path', 'invalid'],
    [{ op: 'patch', path: 'registry.yaml', patch }, 'patch.0', 'invalid'],
    [{ op: 'rename', path: 'none', to: 'a' }, 'path', 'not_found'],
    [{ op: 'rename', path: 'plugins', to: 'plugins/sales/in' }, 'to', 'invalid'],
    [{ op: 'rename', path: 'registry.yaml', to: 'registry.yaml' }, 'to', 'invalid'],
    [{ op: 'rename', path: 'registry.yaml', to: 'plugins' }, 'to', 'invalid'],
    [{ op: 'rename', path: 'registry.yaml', to: '.git' }, 'to', 'name-dot-git'],
    [{ op: 'remove', path: 'none' }, 'path', 'not_found'],
    [{ op: 'remove', path: 'registry.yaml/below' }, 'path', 'not_found'],
  ])('refuses %j and names its field', async (operation, field, code) => {
    const first: Operation = { op: 'upsert', path: 'docs/x.md', content: 'x' };

    await expect(apply(first, operation)).rejects.toMatchObject({
      code: 'VAL_FAILED',
      facts: { validationErrors: [{ field: `operations.1.${field}`, code }] },
    });
  });
});
