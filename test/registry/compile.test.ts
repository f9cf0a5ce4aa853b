import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contentDigest, sha256 as sha } from '../../src/model/digest.ts';
import { filesOf } from '../../src/model/object.ts';
import {
  compileAt,
  compileFiles,
  diagnosticsOf,
  snapshotOf,
  withRepository,
} from '../support/compile.ts';
import type { Files } from '../support/git.ts';
import {
  plugin,
  registryYaml,
  serverPart,
  skill,
  smallRegistry,
  told,
  yaml,
} from '../support/registry.ts';

const contentOf = async (id: string, files: Files = {}) =>
  snapshotOf(await compileFiles(smallRegistry(files))).contents.get(id)!;

describe('contentDigest', () => {
  it('is the one that the specification gives', async () => {
    const files = {
      'plugin.yaml': 'apiVersion: waymark/v1\nkind: Plugin\nmetadata: {title: Demo}\nspec: {}\n',
      'skills/hello.yaml':
        'apiVersion: waymark/v1\r\nkind: Skill\r\nspec: {description: hi, body: hello}\r\n',
      'skills/run/run.sh': { mode: '100755', content: '#!/bin/sh\necho hi\n' },
    };
    const compiled = await compileFiles({
      'registry.yaml': registryYaml(),
      ...Object.fromEntries(
        Object.entries(files).map(([path, file]) => [`plugins/demo/${path}`, file]),
      ),
    });

    expect(snapshotOf(compiled).contents.get('demo')?.contentDigest).toBe(
      'sha256:60aa5a235997579e4710861bdef62ab4a140b053f384a5afb7789db77ebc4c4a',
    );
  });
});

describe('a compiled plugin', () => {
  it('says what its plugin.yaml says, or the defaults', async () => {
    const spec =
      'description: Deals, version: 2.1.0, requires: {ops: ^1.0.0}, policy: {mode: required, override: deny}';

    expect(await contentOf('sales', { 'plugins/sales/plugin.yaml': plugin(spec) })).toMatchObject({
      id: 'sales',
      title: 'Sales',
      description: 'Deals',
      declaredVersion: '2.1.0',
      requires: { ops: '^1.0.0' },
      policy: { mode: 'required', override: 'deny' },
    });
    expect(await contentOf('ops')).toMatchObject({
      requires: {},
      policy: { mode: 'available', override: 'allow' },
    });
  });

  it('holds its objects, by the id from the path or the one given', async () => {
    const { objects } = await contentOf('sales', {
      'plugins/sales/skills/named.yaml': skill('named', 'id: any.name-at_all, title: Named'),
    });

    expect(objects.map(({ id, title, documentPath }) => [id, title, documentPath])).toEqual([
      ['sales.skill.brief', 'brief', 'skills/brief/skill.yaml'],
      ['any.name-at_all', 'Named', 'skills/named.yaml'],
      ['sales.skill.quote', 'quote', 'skills/quote.yaml'],
      ['objects.skill.voice', 'voice', 'objects/skills/voice.yaml'],
    ]);
  });

  it('counts every delivered file in its digest, shared ones under objects/', async () => {
    const content = await contentOf('sales', { 'plugins/sales/README.md': '# Sales\n' });

    const paths = filesOf(content).map(({ path }) => path);
    expect(paths).toEqual([
      'README.md',
      'objects/skills/voice.yaml',
      'plugin.yaml',
      'skills/brief/SKILL.md',
      'skills/brief/skill.yaml',
      'skills/quote.yaml',
    ]);
    expect(content.files.map(({ path }) => path)).toEqual(['README.md', 'plugin.yaml']);
    expect(content.contentDigest).toBe(contentDigest(filesOf(content)));
    expect(content.contentBytes).toBe(filesOf(content).reduce((sum, { size }) => sum + size, 0));
  });

  it('gives the oids by which a client recomputes its trees', async () => {
    const files = smallRegistry({
      'objects/skills/folder/skill.yaml': yaml('Skill', 'description: d, bodyFrom: ./SKILL.md'),
      'objects/skills/folder/SKILL.md': 'x',
      'plugins/sales/plugin.yaml': plugin('include: [objects.skill.voice, objects.skill.folder]'),
    });

    await withRepository(files, async (repository) => {
      const { path } = repository;
      const content = snapshotOf(await compileAt(path, 'main')).contents.get('sales')!;
      const oidOf = (spec: string) => repository.git('rev-parse', `main:${spec}`);

      expect(content.tree).toBe(await oidOf('plugins/sales'));
      expect(content.shared).toEqual({
        'objects/skills/folder': await oidOf('objects/skills/folder'),
        'objects/skills/voice.yaml': await oidOf('objects/skills/voice.yaml'),
      });
      expect(content.objects.map(({ oid }) => oid)).toEqual([
        await oidOf('plugins/sales/skills/brief'),
        await oidOf('plugins/sales/skills/quote.yaml'),
        await oidOf('objects/skills/folder'),
        await oidOf('objects/skills/voice.yaml'),
      ]);
    });
  });

  it('never delivers its server part, which has a digest of its own', async () => {
    const plain = await contentOf('ops');
    const files = serverPart('ops', { version: '1.2.0' });
    const served = await contentOf('ops', files);

    expect(plain).not.toHaveProperty('serverDigest');
    expect(served.contentDigest).toBe(plain.contentDigest);
    expect(filesOf(served).some(({ path }) => path.startsWith('server/'))).toBe(false);
    expect(served.serverVersion).toBe('1.2.0');
    expect(served.serverDigest).toBe(
      contentDigest(
        Object.entries(files).map(([path, text]) => ({
          path: path.slice('plugins/ops/server/'.length),
          mode: '0644',
          digest: sha(text),
        })),
      ),
    );
  });

  it('keeps the file of an object that it excludes, but not the object', async () => {
    const with_ = await contentOf('sales', {
      'plugins/sales/plugin.yaml': plugin('exclude: [sales.skill.quote]'),
    });

    expect(with_.objects.map(({ id }) => id)).toEqual(['sales.skill.brief']);
    expect(with_.files.map(({ path }) => path)).toEqual(['plugin.yaml', 'skills/quote.yaml']);
  });

  it('may leave out what it includes', async () => {
    const spec = 'include: [objects.skill.voice], exclude: [objects.skill.voice]';
    const content = await contentOf('sales', { 'plugins/sales/plugin.yaml': plugin(spec) });

    expect(content.shared).toEqual({});
    expect(filesOf(content).some(({ path }) => path.startsWith('objects/'))).toBe(false);
  });

  it('may have a name that every map of JavaScript knows', async () => {
    const files = smallRegistry({
      'plugins/constructor/plugin.yaml': plugin('requires: {sales: ^1.0.0}'),
      'plugins/constructor/skills/constructor.yaml': skill('x', 'id: constructor'),
    });

    const { contents } = snapshotOf(await compileFiles(files));

    expect(contents.get('constructor')?.objects.map(({ id }) => id)).toEqual(['constructor']);
  });

  it('stores what it delivers, byte for byte', async () => {
    const bytes = Buffer.from([0xef, 0xbb, 0xbf, ...Buffer.from(skill('with a mark\r'))]);
    const compiled = await compileFiles(smallRegistry({ 'plugins/ops/data.bin': bytes }));

    const content = snapshotOf(compiled).contents.get('ops')!;
    const file = content.files.find(({ path }) => path === 'data.bin')!;
    expect(compiled.contentOf(file.digest)).toEqual(bytes);
  });
});

describe('an incremental compile', () => {
  it('reads the changed blobs and the trees that lead to them, and nothing else', async () => {
    await withRepository(smallRegistry(), async (repository) => {
      const base = snapshotOf(await compileAt(repository.path, 'main'));

      await repository.commit({ 'plugins/sales/skills/quote.yaml': skill('other') });
      const { read } = await compileAt(repository.path, 'main', base);
      expect(read).toEqual({ trees: 4, blobs: 1 });

      await repository.commit({ 'channels/early.yaml': yaml('Channel', '') });
      const channel = await compileAt(repository.path, 'main', base);
      expect(channel.read).toEqual({ trees: 5, blobs: 2 });
    });
  });

  it('reads nothing of a tree that it has compiled', async () => {
    await withRepository(smallRegistry(), async ({ path }) => {
      const base = snapshotOf(await compileAt(path, 'main'));

      const again = await compileAt(path, 'main', base);

      expect(again.read).toEqual({ trees: 0, blobs: 0 });
      expect(snapshotOf(again)).toBe(base);
    });
  });

  it.each<[string, Files, string[]]>([
    [
      'an id that goes',
      { 'objects/skills/voice.yaml': null },
      [
        'unknown-object plugins/sales/plugin.yaml:4:34 no object is named objects.skill.voice (only objects under objects/ can be included)',
      ],
    ],
    [
      'a plugin that goes',
      {
        'plugins/ops/plugin.yaml': null,
        'plugins/ops/skills/triage.yaml': null,
        'access/plugins/ops.yaml': yaml('Access', ''),
      },
      ['unknown-plugin access/plugins/ops.yaml:1:1 no plugin is named ops'],
    ],
    [
      'an id that moves to a file that comes later',
      { 'plugins/ops/skills/triage.yaml': skill('x', 'id: sales.skill.quote') },
      [
        'duplicate-id plugins/sales/skills/quote.yaml:1:1 the id sales.skill.quote is taken by plugins/ops/skills/triage.yaml',
      ],
    ],
    [
      'a ring that closes',
      {
        'plugins/ops/plugin.yaml': plugin('requires: {sales: ^1.0.0}'),
        'plugins/sales/plugin.yaml': plugin('requires: {ops: ^1.0.0}'),
      },
      ['cycle plugins/sales/plugin.yaml:4:24 requires form a ring: ops → sales → ops'],
    ],
    [
      'payload that goes',
      { 'plugins/sales/skills/brief/SKILL.md': null },
      [
        "missing-payload plugins/sales/skills/brief/skill.yaml:3:34 ./SKILL.md is no file of this object's folder",
      ],
    ],
  ])('sees %s', async (_, changes, says) => {
    await withRepository(smallRegistry(), async (repository) => {
      const base = snapshotOf(await compileAt(repository.path, 'main'));

      await repository.commit(changes);

      expect(told(diagnosticsOf(await compileAt(repository.path, 'main', base)))).toEqual(says);
      expect(told(diagnosticsOf(await compileAt(repository.path, 'main')))).toEqual(says);
    });
  });

  it('keeps the warnings of what stays, and drops those of what goes', async () => {
    const files = smallRegistry({
      'plugins/ops/skills/con/skill.yaml': skill('x', 'id: ops.skill.console'),
      'plugins/notes.txt': 'x',
      'plugins/aux/plugin.yaml': plugin(),
      'access/teams/notes.txt': 'x',
      'access/teams/field.yaml': yaml('Team', 'members: [ada@example.com]'),
    });
    const codes = (compiled: Awaited<ReturnType<typeof compileAt>>) =>
      snapshotOf(compiled).warnings.map(({ code, path }) => `${code} ${path}`);

    await withRepository(files, async (repository) => {
      const first = await compileAt(repository.path, 'main');
      const all = [
        'unknown-path access/teams/notes.txt',
        'name-windows plugins/aux',
        'unknown-path plugins/notes.txt',
        'name-windows plugins/ops/skills/con',
      ];
      expect(codes(first)).toEqual(all);

      await repository.commit({
        'plugins/ops/skills/triage.yaml': skill('other'),
        'access/plugins/ops.yaml': yaml('Access', ''),
      });
      const second = await compileAt(repository.path, 'main', snapshotOf(first));
      expect(codes(second)).toEqual(all);

      await repository.commit({ 'plugins/aux/plugin.yaml': null, 'plugins/notes.txt': null });
      const third = await compileAt(repository.path, 'main', snapshotOf(second));
      expect(codes(third)).toEqual([all[0], all[3]]);
    });
  });
});

/** Small enough that edits meet: two plugins, shared objects, config, names that warn. */
const PATHS = [
  'plugins/a/skills/x.yaml',
  'plugins/a/skills/y/skill.yaml',
  'plugins/a/README.md',
  'plugins/b/skills/con.yaml',
  'plugins/b/skills/x.yaml',
  'objects/skills/x.yaml',
  'objects/skills/y/skill.yaml',
  'objects/notes.txt',
  'plugins/notes.txt',
  'access/plugins/b.yaml',
  'docs/guide.md',
];
const CONTENTS: Record<string, string[]> = {
  'plugins/a/plugin.yaml': [
    plugin(),
    plugin('include: [objects.skill.x]'),
    plugin('include: [objects.skill.x, objects.skill.y], exclude: [a.skill.x]'),
    plugin('requires: {b: ^1.0.0}'),
  ],
  'plugins/b/plugin.yaml': [plugin(), plugin('requires: {a: ^1.0.0}'), plugin('', 'B')],
};
const bodies = (path: string): (string | null)[] => [
  null,
  ...(path.startsWith('access/')
    ? [yaml('Access', ''), yaml('Access', 'orgWide: viewer')]
    : [skill('one'), skill('two'), skill('three', 'id: taken')]),
];

/** A commit: some of the paths get some of their contents. */
const edit = fc.oneof(
  ...PATHS.map((path) => fc.constantFrom(...bodies(path).map((content) => ({ path, content })))),
  ...Object.entries(CONTENTS).map(([path, contents]) =>
    fc.constantFrom(...contents.map((content) => ({ path, content: content as string | null }))),
  ),
);
const commits = fc.array(fc.array(edit, { minLength: 1, maxLength: 3 }), {
  minLength: 1,
  maxLength: 8,
});

describe('compile', () => {
  it('answers the same from a base as from scratch', async () => {
    await fc.assert(
      fc.asyncProperty(commits, async (history) => {
        const start = {
          'registry.yaml': registryYaml(),
          'plugins/a/plugin.yaml': plugin(),
          'plugins/b/plugin.yaml': plugin(),
        };
        await withRepository(start, async (repository) => {
          let base = snapshotOf(await compileAt(repository.path, 'main'));
          for (const edits of history) {
            await repository.commit(
              Object.fromEntries(edits.map(({ path, content }) => [path, content])),
            );
            const warm = await compileAt(repository.path, 'main', base);
            const cold = await compileAt(repository.path, 'main');
            expect(plain(warm)).toEqual(plain(cold));
            if (warm.result.ok) base = warm.result.value;
          }
        });
      }),
      { numRuns: 15 },
    );
  });
});

/** As it is stored: with the order of everything, and ids looked up. */
function plain(compiled: Awaited<ReturnType<typeof compileAt>>): unknown {
  if (!compiled.result.ok) return told(compiled.result.error);
  const { plugins, config, contents, symbols, ...rest } = compiled.result.value;
  const ids = [...contents.values()].flatMap(({ objects }) => objects.map(({ id }) => id));
  return JSON.parse(
    JSON.stringify({
      ...rest,
      plugins: [...plugins],
      config: [...config],
      contents: [...contents],
      symbols: [...ids, 'taken'].map((id) => [id, symbols.pathOf(id) ?? null]),
    }),
  );
}
