import { afterEach, describe, expect, it } from 'vitest';
import { makeTestOrg, type TestOrg } from '../support/org.ts';
import { skill, smallRegistry } from '../support/registry.ts';

let org: TestOrg;
afterEach(() => org.remove());

describe('OrgRuntime.start', () => {
  it('serves what was served before, and reads nothing of the repository for it', async () => {
    org = await makeTestOrg();
    const before = org.runtime.view;

    const { view, pool } = await org.restart();

    expect(pool.counters).toEqual({ blobs: 0, trees: 0, commits: 0 });
    expect(view.sequence).toBe(before.sequence);
    expect(view.published.commit).toBe(org.repository.head);
    expect([...view.published.records]).toEqual([...before.published.records]);
  });

  it('makes a one-file push cost what it changed, not what the registry holds', async () => {
    const many = Array.from({ length: 200 }, (_, i) => [
      `plugins/p${i % 20}/skills/s${i}.yaml`,
      skill(`body ${i}`),
    ]);
    const plugins = Array.from({ length: 20 }, (_, i) => [
      `plugins/p${i}/plugin.yaml`,
      smallRegistry()['plugins/ops/plugin.yaml'],
    ]);
    org = await makeTestOrg(smallRegistry(Object.fromEntries([...many, ...plugins])));
    await org.repository.commit({ 'plugins/p7/skills/s7.yaml': skill('another body') });

    const { view, pool } = await org.restart();

    // The root, plugins, plugins/p7, plugins/p7/skills; the file; the commit and its parents' line.
    expect(pool.counters).toEqual({ blobs: 1, trees: 4, commits: 2 });
    expect(view.published.commit).toBe(org.repository.head);
    expect(view.published.records.get('p7')).toMatchObject({ commit: org.repository.head, seq: 2 });
    expect(view.published.records.get('p8')).toMatchObject({ seq: 1 });
  });
});
