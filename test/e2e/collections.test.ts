import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ImportReport } from '../../cli/import/report.ts';
import { ask } from '../support/app.ts';
import type { TestClient } from '../support/client.ts';
import { runGit } from '../support/git.ts';
import { openSite, type Site, succeed } from '../support/site.ts';
import { hasTestData, testData } from '../support/test-data.ts';

interface Expected {
  components: { kind: string; handlers?: number }[];
  counts: Record<string, number>;
  hookHandlers: number;
}

const RELEASED = 3;
const COLLECTIONS = ['wshobson-agents', 'anthropics-claude-plugins-official'];

describe.skipIf(!hasTestData).each(COLLECTIONS)('%s, from its folder to an install', (name) => {
  let site: Site;
  let report: ImportReport;
  let expected: Expected;
  let client: TestClient;
  let publisher: string;

  beforeAll(async () => {
    expected = JSON.parse(await readFile(testData(`EXPECTED-${name}.json`), 'utf8'));
    site = await openSite({ isEmpty: true });
    publisher = await site.keyOf('--role', 'publisher');
    client = await site.person(await site.keyOf('--role', 'editor', '--user', 'ada@example.com'));
    const { admin } = site;
    const imported = await succeed(admin, 'import', testData(name), '--out', 'registry', '--json');
    report = imported.json() as unknown as ImportReport;
  }, 60_000);

  afterAll(() => site.close());

  it('validates', async () => {
    const { stdout } = await succeed(site.admin, 'validate', 'registry', '--json');

    expect(JSON.parse(stdout)).toMatchObject({ diagnostics: [] });
  });

  it('is pushed with git into an empty organisation', async () => {
    const tree = site.admin.path('registry');
    await runGit(tree, ['init', '-q', '-b', 'main']);
    await runGit(tree, ['add', '-A']);
    await runGit(tree, ['commit', '-q', '-m', 'Import']);

    await runGit(tree, ['push', '-q', site.gitUrl(publisher), 'main']);

    const head = await runGit(tree, ['rev-parse', 'HEAD']);
    const remote = await runGit(tree, ['ls-remote', site.gitUrl(publisher), 'refs/heads/main']);
    expect(remote).toBe(`${head}\trefs/heads/main`);
  }, 60_000);

  it('is served with every known kind as itself, and nothing as custom', async () => {
    const served: string[] = [];
    for (const { id } of report.plugins) {
      const url = `${site.server.url}/v1/orgs/${site.org}/delivery/plugins/${id}/manifest`;
      const { body } = await ask<{ items: { type: string }[] }>(url, { token: publisher });
      served.push(...body.items.map(({ type }) => type));
    }

    const { hooks: _files, ...counts } = expected.counts;
    expect(countOf(served)).toEqual({ ...counts, hook: expected.hookHandlers });
  }, 60_000);

  it('is released', async () => {
    const versions = report.plugins.slice(0, RELEASED).map(({ id }) => `${id}@1.0.0`);

    await succeed(site.admin, 'release', 'publish', ...versions);

    const tags = await runGit(site.admin.dir, ['ls-remote', '--tags', site.gitUrl(publisher)]);
    for (const version of versions) expect(tags).toContain(version.replace('@', '--v'));
  }, 60_000);

  it('is installed as it was, but for the differences that the import lists', async () => {
    await succeed(client, 'enrol', '--name', 'laptop');
    await succeed(client, 'add', '--target', 'claude', ...report.plugins.map(({ id }) => id));

    const found = await differences(report, testData(name), client.path('.claude/plugins'));

    const listed = report.differences.map((it) => `${it.plugin} ${it.path} ${it.change}`);
    expect(found.sort()).toEqual(listed.sort());
  }, 120_000);

  it('installs the released plugins alike from the channel stable', async () => {
    const stable = await site.person(client.env['WAYMARK_TOKEN']!);
    const ids = report.plugins.slice(0, RELEASED).map(({ id }) => id);
    await succeed(stable, 'enrol', '--name', 'ci', '--channel', 'stable');

    await succeed(stable, 'add', '--target', 'claude', ...ids);

    for (const id of ids) {
      const place = `.claude/plugins/${id}`;
      expect(await bytesBelow(stable.path(place))).toEqual(await bytesBelow(client.path(place)));
    }
  }, 60_000);

  it('verifies, and a second sync finds nothing to do', async () => {
    await succeed(client, 'verify');

    const again = (await succeed(client, 'sync', '--json')).json();

    const plugins = report.plugins.map(({ id }) =>
      expect.objectContaining({ plugin: id, files: [] }),
    );
    expect(again).toMatchObject({ conflicts: 0, plugins: expect.arrayContaining(plugins) });
  }, 60_000);
});

const countOf = (types: readonly string[]): Record<string, number> =>
  Object.fromEntries(
    [...Map.groupBy(types, (type) => type)].map(([type, all]) => [type, all.length]),
  );

/** `<plugin> <path> added|changed|missing`, as the import's report has them. */
async function differences(
  { plugins }: ImportReport,
  source: string,
  installed: string,
): Promise<string[]> {
  const found: string[] = [];
  for (const { id, folder } of plugins) {
    const before = await bytesBelow(join(source, folder));
    const after = await bytesBelow(join(installed, id));
    for (const path of new Set([...before.keys(), ...after.keys()])) {
      if (!before.has(path)) found.push(`${id} ${path} added`);
      else if (!after.has(path)) found.push(`${id} ${path} missing`);
      else if (!before.get(path)!.equals(after.get(path)!)) found.push(`${id} ${path} changed`);
    }
  }
  return found;
}

async function bytesBelow(dir: string): Promise<Map<string, Buffer>> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const paths = files.map((file) => join(file.parentPath, file.name));
  return new Map(
    await Promise.all(
      paths.map(async (path) => [path.slice(dir.length + 1), await readFile(path)] as const),
    ),
  );
}
