import { describe, expect, it } from 'vitest';
import { diffSnapshots } from '../../src/registry/diff.ts';
import { compileAt, snapshotOf, withRepository } from '../support/compile.ts';
import type { Files } from '../support/git.ts';
import { plugin, skill, smallRegistry, yaml } from '../support/registry.ts';

/** What a commit changes of the small registry; its snapshot is made upon the first one's. */
const diffOf = (changes: Files, start: Files = {}) =>
  withRepository(smallRegistry(start), async (repository) => {
    const before = snapshotOf(await compileAt(repository.path, 'main'));
    await repository.commit(changes);
    const after = snapshotOf(await compileAt(repository.path, 'main', before));
    return diffSnapshots(before, after);
  });

const sales = {
  kind: 'Plugin',
  id: 'sales',
  path: 'plugins/sales/plugin.yaml',
  plugin: 'sales',
} as const;
const quote = {
  kind: 'Skill',
  id: 'sales.skill.quote',
  path: 'plugins/sales/skills/quote.yaml',
  plugin: 'sales',
} as const;

describe('diffSnapshots', () => {
  it('names a changed object with its fields, and the plugin whose clients get it', async () => {
    const changes = { 'plugins/sales/skills/quote.yaml': skill('better') };

    expect(await diffOf(changes)).toEqual({
      added: [],
      removed: [],
      changed: [sales, { ...quote, fields: ['description'] }],
    });
  });

  it('names what came and what went', async () => {
    const diff = await diffOf({
      'plugins/sales/skills/quote.yaml': null,
      'plugins/lab/plugin.yaml': plugin('', 'Lab'),
      'plugins/lab/commands/try.yaml': yaml('Command', 'description: d, template: t'),
      'channels/stable.yaml': yaml('Channel', ''),
    });

    expect(diff.added).toEqual([
      { kind: 'Channel', id: 'stable', path: 'channels/stable.yaml', plugin: null },
      {
        kind: 'Command',
        id: 'lab.command.try',
        path: 'plugins/lab/commands/try.yaml',
        plugin: 'lab',
      },
      { kind: 'Plugin', id: 'lab', path: 'plugins/lab/plugin.yaml', plugin: 'lab' },
    ]);
    expect(diff.removed).toEqual([quote]);
    expect(diff.changed).toEqual([sales]);
  });

  it('counts a shared object once, and every plugin that includes it', async () => {
    const diff = await diffOf({ 'objects/skills/voice.yaml': skill('voices') });

    expect(diff.changed.map(({ id, plugin: owner }) => [id, owner])).toEqual([
      ['objects.skill.voice', null],
      ['sales', 'sales'],
    ]);
  });

  it('does not count an object that only moved to another file of its plugin', async () => {
    const text = skill('quote', 'id: sales.skill.quote');

    const diff = await diffOf(
      { 'plugins/sales/skills/quote.yaml': null, 'plugins/sales/skills/offer.yaml': text },
      { 'plugins/sales/skills/quote.yaml': text },
    );

    expect(diff).toEqual({
      added: [],
      removed: [],
      changed: [sales],
    });
  });

  it('tells the fields of a plugin and of a document outside plugins', async () => {
    const diff = await diffOf(
      {
        'plugins/sales/plugin.yaml': plugin(
          'version: 1.1.0, include: [objects.skill.voice], description: For deals.',
        ),
        'channels/stable.yaml': yaml('Channel', 'minimumAgeSec: 60'),
      },
      { 'channels/stable.yaml': yaml('Channel', '') },
    );

    expect(diff.changed).toEqual([
      expect.objectContaining({ kind: 'Channel', id: 'stable', fields: ['minimumAgeSec'] }),
      { ...sales, fields: ['description', 'version'] },
    ]);
  });

  it('tells documents of one name in different folders apart', async () => {
    const grant = yaml('Access', 'members: [{user: lea@example.com, role: viewer}]');

    const diff = await diffOf({
      'marketplaces/sales.yaml': yaml('Marketplace', 'title: Sales, plugins: [sales]'),
      'access/plugins/sales.yaml': grant,
      'access/marketplaces/sales.yaml': grant,
    });

    expect(diff.added.map(({ path }) => path)).toEqual([
      'access/marketplaces/sales.yaml',
      'access/plugins/sales.yaml',
      'marketplaces/sales.yaml',
    ]);
  });

  it('takes everything for new in a registry that was empty', async () => {
    await withRepository(smallRegistry(), async ({ path }) => {
      const after = snapshotOf(await compileAt(path, 'main'));

      const { added, removed, changed } = diffSnapshots(undefined, after);

      expect(added).toHaveLength(8);
      expect([...removed, ...changed]).toEqual([]);
      expect(diffSnapshots(after, after)).toEqual({ added: [], removed: [], changed: [] });
    });
  });
});
