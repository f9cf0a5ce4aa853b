import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Import, importMarketplace } from '../../../cli/import/import-marketplace.ts';
import { type Files, readSourceTree } from '../../../cli/import/source-tree.ts';
import { writeRegistry } from '../../../cli/import/write-registry.ts';
import { compileDirectory, compileDirectoryContents } from '../../../src/registry/directory.ts';
import { renderLayout } from '../../../src/registry/layout/render.ts';
import { inFolder } from '../../support/plugin-contents.ts';
import { hasTestData, testData } from '../../support/test-data.ts';

type Contents = Awaited<ReturnType<typeof compileDirectoryContents>>;
type Verdict = Awaited<ReturnType<typeof compileDirectory>>;

interface Expected {
  components: { kind: string; plugin: string; path: string; handlers?: number; name?: string }[];
  counts: Record<string, number>;
  hookHandlers: number;
}

const COLLECTIONS = ['wshobson-agents', 'anthropics-claude-plugins-official'];

describe.skipIf(!hasTestData).each(COLLECTIONS)('importMarketplace of %s', (collection) => {
  let source: Files;
  let imported: Import;
  let contents: Contents;
  let verdict: Verdict;
  let expected: Expected;

  beforeAll(async () => {
    const root = testData(collection);
    expected = JSON.parse(await readFile(testData(`EXPECTED-${collection}.json`), 'utf8'));
    ({ files: source } = await readSourceTree(root));
    imported = await importMarketplace(root);
    await inFolder({}, async (out) => {
      await writeRegistry(out, imported);
      verdict = await compileDirectory(out);
      contents = await compileDirectoryContents(out);
    });
  });

  it('gives a registry that validates without a word', () => {
    expect(verdict).toEqual({
      ok: true,
      diagnostics: [],
      plugins: imported.report.plugins.length,
      objects: expected.components.length - hookFiles(expected) + expected.hookHandlers,
    });
  });

  it('makes one object of every skill, agent, command, server and handler', () => {
    const { skill, agent, command, mcp, hook, custom } = imported.report.counts;

    expect({ skill, agent, command, mcp, hook, custom }).toEqual({
      skill: expected.counts['skill'],
      agent: expected.counts['agent'],
      command: expected.counts['command'],
      mcp: expected.counts['mcp'] ?? 0,
      hook: expected.hookHandlers,
      custom: undefined,
    });
  });

  it('puts each of them into the plugin that held it', () => {
    const folderOf = new Map(imported.report.plugins.map(({ id, folder }) => [id, folder]));
    const made = [...contents.contents.values()].flatMap(({ id, objects }) =>
      objects.map(({ type }) => `${folderOf.get(id)} ${type}`),
    );

    const wanted: string[] = expected.components.flatMap(({ kind, plugin, handlers }) =>
      kind === 'hooks' ? Array(handlers).fill(`${plugin} hook`) : [`${plugin} ${kind}`],
    );
    expect(made.sort()).toEqual(wanted.sort());
  });

  it('renders every plugin back to its source, but for the differences that it lists', async () => {
    const found: string[] = [];
    for (const { id, folder } of imported.report.plugins) {
      const rendered = await rendering(contents, id);
      const paths = [...source.keys()].filter((path) => path.startsWith(`${folder}/`));
      const original = new Map(paths.map((path) => [path.slice(folder.length + 1), path]));
      for (const path of new Set([...original.keys(), ...rendered.keys()])) {
        const before = original.has(path) && (await source.get(original.get(path)!)!.read());
        const after = rendered.get(path);
        if (before && after?.equals(before)) continue;
        found.push(`${id} ${path} ${before ? (after ? 'changed' : 'missing') : 'added'}`);
      }
    }

    const listed = imported.report.differences.map((it) => `${it.plugin} ${it.path} ${it.change}`);
    expect(found.sort()).toEqual(listed.sort());
  });

  it('gives every object a place in the layout', async () => {
    for (const content of contents.contents.values()) {
      const { items } = await renderLayout('claude', content, contents.read);

      expect(items.map(({ objectId }) => objectId)).toEqual(content.objects.map(({ id }) => id));
      expect(items.filter(({ target }) => target !== 'native')).toEqual([]);
      expect(items.filter(({ files, keys }) => files.length + keys.length === 0)).toEqual([]);
    }
  });

  it('keeps every file of the source', async () => {
    const kept = new Set<string>();
    for (const { read } of imported.files.values()) kept.add((await read()).toString('latin1'));

    const lost: string[] = [];
    for (const [path, { read }] of source) {
      if (!kept.has((await read()).toString('latin1'))) lost.push(path);
    }
    expect(lost).toEqual([]);
  });

  it('gives the same bytes the second time', async () => {
    const again = await importMarketplace(testData(collection));

    expect([...again.files.keys()]).toEqual([...imported.files.keys()]);
    for (const [path, { read }] of again.files) {
      expect((await read()).equals(await imported.files.get(path)!.read()), path).toBe(true);
    }
  });
});

const hookFiles = ({ counts }: Expected): number => counts['hooks'] ?? 0;

async function rendering({ contents, read }: Contents, id: string): Promise<Map<string, Buffer>> {
  const { items, files } = await renderLayout('claude', contents.get(id)!, read);
  const all = [...files, ...items.flatMap((item) => item.files)];
  return new Map(all.map(({ path, bytes }) => [path, bytes]));
}
