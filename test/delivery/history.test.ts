import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import type { PluginRecord } from '../../src/delivery/record.ts';
import type { Files } from '../support/git.ts';
import { makeTestOrg, type TestOrg } from '../support/org.ts';
import {
  plugin,
  registryYaml,
  serverPart,
  skill,
  smallRegistry,
  yaml,
} from '../support/registry.ts';

let org: TestOrg;
afterEach(() => org.remove());

const recordOf = (id: string): PluginRecord => org.runtime.view.published.records.get(id)!;
const QUOTE = 'plugins/sales/skills/quote.yaml';

describe("a plugin's version", () => {
  it('is the commit that last changed it, and counts the commits up to there', async () => {
    org = await makeTestOrg();
    const start = org.repository.head;
    const quote = await org.commit({ [QUOTE]: skill('better') });
    await org.commit({ 'channels/early.yaml': yaml('Channel', '') });

    expect(recordOf('sales')).toMatchObject({
      commit: quote,
      seq: 2,
      versions: {
        'sales.skill.brief': start,
        'sales.skill.quote': quote,
        'objects.skill.voice': start,
      },
    });
    expect(recordOf('ops')).toMatchObject({ commit: start, seq: 1 });
    expect(org.runtime.view.published.ordinal).toBe(3);
  });

  it('moves with a file of an object that it is the payload of', async () => {
    org = await makeTestOrg();
    const commit = await org.commit({ 'plugins/sales/skills/brief/SKILL.md': '# Other\n' });

    expect(recordOf('sales')).toMatchObject({ commit, versions: { 'sales.skill.brief': commit } });
  });

  it('moves with a shared object, for those who include it alone', async () => {
    org = await makeTestOrg();
    const start = org.repository.head;
    const voice = await org.commit({ 'objects/skills/voice.yaml': skill('louder') });
    await org.commit({ 'objects/skills/unused.yaml': skill('louder') });

    expect(recordOf('sales')).toMatchObject({
      commit: voice,
      seq: 2,
      versions: { 'objects.skill.voice': voice, 'sales.skill.quote': start },
    });
    expect(recordOf('ops')).toMatchObject({ commit: start });
  });

  it('tells each commit of one push apart', async () => {
    org = await makeTestOrg();
    const quote = await org.repository.commit({ [QUOTE]: skill('better') });
    const triage = await org.repository.commit({ 'plugins/ops/skills/triage.yaml': skill('b') });
    await org.repository.commit({ 'README.md': 'x' });

    await org.runtime.refresh();

    expect(recordOf('sales')).toMatchObject({ commit: quote, seq: 2 });
    expect(recordOf('ops')).toMatchObject({ commit: triage, seq: 3 });
  });

  it('is the merge that brought a change to main', async () => {
    org = await makeTestOrg();
    const { repository } = org;
    const from = repository.head;
    const draft = await repository.commit({ [QUOTE]: skill('draft') }, { branch: 'draft', from });
    const before = await repository.commit({ 'plugins/ops/skills/triage.yaml': skill('b') });
    const merge = await repository.commit({ [QUOTE]: skill('draft') }, { merge: draft });

    await org.runtime.refresh();

    expect(recordOf('sales')).toMatchObject({ commit: merge, seq: 3 });
    expect(recordOf('ops')).toMatchObject({ commit: before, seq: 2 });
  });

  it('is told anew when main goes on from a branch that had merged it', async () => {
    org = await makeTestOrg();
    const { repository } = org;
    const from = repository.head;
    const draft = await repository.commit({ [QUOTE]: skill('draft') }, { branch: 'draft', from });
    const main = await org.commit({ 'plugins/ops/skills/triage.yaml': skill('b') });
    const merge = await repository.commit(
      { 'plugins/ops/skills/triage.yaml': skill('b') },
      { branch: 'draft', from: draft, merge: main },
    );
    await repository.git('update-ref', 'refs/heads/main', merge);

    await org.runtime.refresh();

    expect(recordOf('sales')).toMatchObject({ commit: draft, seq: 2 });
    expect(recordOf('ops')).toMatchObject({ commit: merge, seq: 3 });
  });

  it('is the commit that moved a file, while the object keeps its id', async () => {
    const file = 'plugins/sales/skills/named.yaml';
    org = await makeTestOrg(smallRegistry({ [file]: skill('n', 'id: sales.named') }));

    const moved = await org.commit({
      [file]: null,
      'plugins/sales/skills/renamed/skill.yaml': skill('n', 'id: sales.named'),
    });

    expect(recordOf('sales').versions['sales.named']).toBe(moved);
    expect(recordOf('sales').content.objects.map(({ id }) => id)).toContain('sales.named');
  });

  it('is new though the bytes are old again', async () => {
    org = await makeTestOrg();
    const { contentDigest } = recordOf('ops').content;
    const triage = 'plugins/ops/skills/triage.yaml';
    await org.repository.commit({ [triage]: skill('other') });
    const back = await org.repository.commit({ [triage]: skill('triage') });

    await org.runtime.refresh();

    expect(recordOf('ops')).toMatchObject({ content: { contentDigest }, commit: back, seq: 3 });
  });

  it('names the real commit of a shared object that is included later', async () => {
    org = await makeTestOrg();
    const start = org.repository.head;
    await org.commit({ 'README.md': 'x' });

    const commit = await org.commit({
      'plugins/ops/plugin.yaml': plugin('include: [objects.skill.unused]'),
    });

    expect(recordOf('ops')).toMatchObject({
      commit,
      seq: 3,
      versions: { 'objects.skill.unused': start, 'ops.skill.triage': start },
    });
  });

  it('is the same for a released commit asked for later', async () => {
    org = await makeTestOrg();
    const old = recordOf('sales');
    const start = org.repository.head;
    await org.commit({ [QUOTE]: skill('better') });

    const found = await org.runtime.recordAt('sales', start);

    expect(found).toEqual(old);
  });
});

const PATHS: Record<string, (string | null)[]> = {
  'plugins/a/skills/x.yaml': [null, skill('one'), skill('two')],
  'plugins/a/skills/y/skill.yaml': [null, skill('one')],
  'plugins/a/skills/y/data.txt': [null, 'one', 'two'],
  'plugins/b/skills/z.yaml': [null, skill('one'), skill('two')],
  'plugins/b/server/index.js': ['export default {};', 'export default {a: 1};'],
  'objects/skills/s.yaml': [skill('one'), skill('two')],
  'plugins/a/plugin.yaml': [plugin(), plugin('include: [objects.skill.s]'), plugin('', 'A')],
  'README.md': ['one', 'two'],
};
const edit = fc.oneof(
  ...Object.entries(PATHS).map(([path, all]) => fc.constantFrom(...all.map((c) => [path, c]))),
);
const push = fc.array(fc.array(edit, { minLength: 1, maxLength: 2 }), {
  minLength: 1,
  maxLength: 3,
});

describe('what is served', () => {
  it('does not depend on how many pushes it came in', async () => {
    const start = {
      'registry.yaml': registryYaml(),
      'plugins/a/plugin.yaml': plugin(),
      'plugins/b/plugin.yaml': plugin(),
      ...serverPart('b'),
      'objects/skills/s.yaml': skill('one'),
    };
    org = await makeTestOrg({});
    const property = fc.asyncProperty(fc.array(push, { maxLength: 4 }), async (pushes) => {
      await using one = await disposable(start);
      for (const commits of pushes) {
        for (const files of commits) {
          await one.org.repository.commit(Object.fromEntries(files) as Files);
        }
        await one.org.runtime.refresh();
      }

      const warm = one.org.runtime.view.published;
      const { runtime } = one.org;
      const cold = await one.org.open({ publications: forgetful(one.org) });

      const { records, ordinal, commit } = cold.view.published;
      expect([...warm.records]).toEqual([...records]);
      expect([warm.ordinal, warm.commit]).toEqual([ordinal, commit]);
      expect(runtime.diagnostics).toEqual([]);
    });
    await fc.assert(property, { numRuns: 12 });
  });
});

const disposable = async (files: Files) => {
  const made = await makeTestOrg(files);
  return { org: made, [Symbol.asyncDispose]: () => made.remove() };
};

/** A database that has nothing of what was served. */
const forgetful = (made: TestOrg) => ({
  ...made.stores.publications,
  pointers: async () => [],
  project: async () => true,
});
