import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createStores } from '../../src/database/stores.ts';
import type { View } from '../../src/delivery/view.ts';
import { ZERO_OID } from '../../src/model/names.ts';
import { publishVersion } from '../../src/release/publish.ts';
import { openSqlite } from '../support/backends.ts';
import { makeTestOrg, NOW_MS, type TestOrg } from '../support/org.ts';
import { makeIntent } from '../support/records.ts';
import { plugin, skill, yaml } from '../support/registry.ts';

let org: TestOrg;
beforeEach(async () => {
  org = await makeTestOrg();
});
afterEach(() => org.remove());

const QUOTE = 'plugins/sales/skills/quote.yaml';
const BROKEN = { 'plugins/ops/plugin.yaml': plugin('requires: {gone: ^1.0.0, lost: ^1.0.0}') };
const audit = async () =>
  (await org.stores.audit.list('acme', 0, 100)).map(
    ({ action, after }) => `${action} ${String(after)}`,
  );

describe('a commit that does not compile', () => {
  it('leaves the last good one served, with everything that is wrong', async () => {
    const { published, sequence } = org.runtime.view;

    const commit = await org.commit(BROKEN);

    const { view } = org.runtime;
    expect(view.published).toBe(published);
    expect(view.desired).toBe(commit);
    expect(view.sequence).toBe(sequence + 1);
    expect(view.diagnostics.map(({ message }) => message)).toEqual([
      'no plugin is named gone',
      'no plugin is named lost',
    ]);
    expect(await org.stores.publications.pointers('acme')).toMatchObject([
      { channel: 'rolling', desired: commit, active: published.commit },
      { channel: 'stable' },
    ]);
  });

  it('is said once, however often it is tried again', async () => {
    await org.commit(BROKEN);
    const { view } = org.runtime;

    await org.runtime.refresh();

    expect(org.runtime.view).toBe(view);
  });

  it('is still shown after a restart', async () => {
    const { published } = org.runtime.view;
    const commit = await org.commit(BROKEN);
    const { diagnostics } = org.runtime.view;

    const { view } = await org.restart();

    expect(view.diagnostics).toEqual(diagnostics);
    expect(view.desired).toBe(commit);
    expect(view.published.commit).toBe(published.commit);
  });

  it('is forgotten with the next good one', async () => {
    await org.commit(BROKEN);

    const commit = await org.commit({ 'plugins/ops/plugin.yaml': plugin() });

    expect(org.runtime.view).toMatchObject({ desired: commit, diagnostics: [] });
    expect(org.runtime.view.published.commit).toBe(commit);
  });

  it('is shown where nothing was ever served', async () => {
    const fresh = await makeTestOrg({ 'README.md': 'no registry' }, { slug: 'fresh' });

    expect(() => fresh.runtime.view).toThrow('fresh serves nothing yet');
    expect(fresh.runtime.diagnostics).toMatchObject([{ code: 'missing-registry' }]);
    expect((await fresh.restart()).diagnostics).toMatchObject([{ code: 'missing-registry' }]);
    await fresh.commit({ 'registry.yaml': yaml('Registry', '') });
    expect(fresh.runtime.view.diagnostics).toEqual([]);
    await fresh.remove();
  });

  it('does not hold up a release of what is served', async () => {
    await org.commit(BROKEN);

    const { release } = await publishVersion(org.publishing, { plugin: 'sales', version: '1.0.0' });

    expect(org.runtime.view.releases.get('sales')).toEqual([release]);
    expect(org.runtime.view.diagnostics).toHaveLength(2);
  });
});

describe('OrgRuntime.onChange', () => {
  it('tells of every swap, with what was served before it', async () => {
    const seen: [View, View | undefined][] = [];
    const { view } = org.runtime;
    const stop = org.runtime.onChange((...swap) => seen.push(swap));

    await org.commit({ [QUOTE]: skill('better') });
    stop();
    await org.commit({ [QUOTE]: skill('best') });

    expect(seen).toHaveLength(1);
    expect(seen[0]?.[0].published.ordinal).toBe(2);
    expect(seen[0]?.[1]).toBe(view);
  });
});

describe('OrgRuntime.refresh', () => {
  it('is shared by who asks for it at once', async () => {
    let swaps = 0;
    org.runtime.onChange(() => swaps++);
    await org.repository.commit({ [QUOTE]: skill('better') });

    await Promise.all(Array.from({ length: 20 }, () => org.runtime.refresh()));

    expect(swaps).toBe(1);
    expect(org.runtime.view.published.ordinal).toBe(2);
  });

  it('sees what was there when it was asked for, though another run had begun', async () => {
    const running = org.runtime.refresh();
    const commit = await org.repository.commit({ [QUOTE]: skill('better') });

    await Promise.all([running, org.runtime.refresh()]);

    expect(org.runtime.view.published.commit).toBe(commit);
  });

  it('offers a release when its minimum age has passed', async () => {
    await org.commit({ 'channels/slow.yaml': yaml('Channel', 'minimumAgeSec: 3600') });
    await publishVersion(org.publishing, { plugin: 'sales', version: '1.0.0' });
    const offers = () => org.runtime.view.channels.get('slow')?.resolution;
    expect(offers()).toEqual({});

    org.nowMs += 3_600_000;
    await org.runtime.refresh();

    expect(offers()).toMatchObject({ sales: { tag: 'sales--v1.0.0' } });
  });

  it('keeps what pushes replaced for a day and an hour', async () => {
    const { contentDigest } = org.runtime.view.published.records.get('sales')!.content;
    await org.commit({ [QUOTE]: skill('better') });
    const replaced = () =>
      org.runtime.view.published.replaced.map(({ contentDigest: digest }) => digest);

    expect(replaced()).toEqual([contentDigest]);
    await org.restart();
    expect(replaced()).toEqual([contentDigest]);
    org.nowMs += 26 * 3_600_000;
    await org.commit({ 'README.md': 'x' });
    expect(replaced()).toEqual([]);
  });
});

describe('an intent', () => {
  const intentOf = (part: object) =>
    makeIntent('op', { createdAt: new Date(NOW_MS).toISOString(), ...part });
  const pending = async () =>
    (await org.stores.publications.pendingIntents('acme')).map(({ opId }) => opId);
  const open = async (part: object) => {
    await org.stores.publications.openIntents([intentOf(part)]);
    await org.runtime.refresh();
  };

  it('whose ref moved is done, and audited once', async () => {
    const { head: old } = org.repository;
    const commit = await org.repository.commit({ [QUOTE]: skill('better') });

    await open({ old, new: commit });
    await org.runtime.refresh();

    expect(await pending()).toEqual([]);
    expect((await audit()).filter((line) => line === `push ${commit}`)).toHaveLength(1);
  });

  it('whose ref never moved waits for its lease, then goes without a trace', async () => {
    const lines = await audit();

    await open({ old: org.repository.head, new: '2'.repeat(40) });
    expect(await pending()).toEqual(['op']);
    org.nowMs += 31_000;
    await org.runtime.refresh();

    expect(await pending()).toEqual([]);
    expect(await audit()).toEqual(lines);
  });

  it('that a later push has overtaken is done', async () => {
    const { head: old } = org.repository;
    const first = await org.repository.commit({ [QUOTE]: skill('better') });
    await org.repository.commit({ [QUOTE]: skill('best') });

    await open({ old, new: first });

    expect(await pending()).toEqual([]);
    expect(await audit()).toContain(`push ${first}`);
  });

  it('that a later push has merged is done', async () => {
    const { head: old } = org.repository;
    const merged = await org.repository.commit({ [QUOTE]: skill('better') });
    const draft = await org.repository.commit({ 'README.md': 'x' }, { branch: 'draft', from: old });
    const files = { [QUOTE]: skill('better') };
    const merge = await org.repository.commit(files, {
      branch: 'draft',
      from: draft,
      merge: merged,
    });
    await org.repository.git('update-ref', 'refs/heads/main', merge);

    await open({ old, new: merged });

    expect(await pending()).toEqual([]);
    expect(await audit()).toContain(`push ${merged}`);
  });

  it('to create a branch is done when the branch is there', async () => {
    const draft = await org.repository.commit({ 'README.md': 'x' }, { branch: 'draft' });

    await open({ ref: 'refs/heads/draft', old: ZERO_OID, new: draft });

    expect(await pending()).toEqual([]);
  });
});

describe('moveRef', () => {
  it('refuses a ref that has moved, and leaves no intent', async () => {
    const { head } = org.repository;
    await org.commit({ 'README.md': 'x' });

    const moving = org.runtime.moveRef(
      { ref: 'refs/heads/main', old: head, new: head },
      { actor: 'user:ada', action: 'edit' },
    );

    await expect(moving).rejects.toMatchObject({
      code: 'RES_VERSION_CONFLICT',
      facts: { details: { head: org.repository.head } },
    });
    expect(await org.stores.publications.pendingIntents('acme')).toEqual([]);
  });
});

describe('a projection', () => {
  it('that another node has overtaken is looked at again', async () => {
    const { publications } = org.stores;
    let attempts = 0;
    const overtaken = await org.open({
      publications: {
        ...publications,
        async project(projection) {
          if (attempts++ === 0) await org.runtime.refresh();
          return await publications.project(projection);
        },
      },
    });
    await org.repository.commit({ [QUOTE]: skill('better') });

    await overtaken.refresh();

    expect(attempts).toBe(1);
    expect(overtaken.view.sequence).toBe(org.runtime.view.sequence);
    expect(overtaken.view.published.commit).toBe(org.repository.head);
  });

  it('that the database could not take is made up for', async () => {
    const { publications } = org.stores;
    let isDown = false;
    const node = await org.open({
      publications: {
        ...publications,
        project: (projection) =>
          isDown ? Promise.reject(new Error('locked')) : publications.project(projection),
      },
    });
    const { view } = node;
    await org.repository.commit({ [QUOTE]: skill('better') });

    isDown = true;
    await expect(node.refresh()).rejects.toThrow('locked');
    expect(node.view).toBe(view);
    isDown = false;
    await node.refresh();

    expect(node.view.published.commit).toBe(org.repository.head);
  });
});

describe('two nodes on one database', () => {
  it('converge on the same answers and numbers', async () => {
    const opened = await openSqlite();
    const shared = await makeTestOrg(undefined, { stores: createStores(opened.database) });
    const one = shared.runtime;
    const two = await shared.open();
    const answers = ({ view }: typeof one) => ({
      sequence: view.sequence,
      commit: view.published.commit,
      records: [...view.published.records],
      releases: view.releases,
      channels: [...view.channels],
    });

    for (let i = 0; i < 5; i++) {
      await shared.repository.commit({ [QUOTE]: skill(`turn ${i}`) });
      await Promise.all([one.refresh(), two.refresh()]);
    }
    await publishVersion(shared.publishing, { plugin: 'sales', version: '1.0.0' });
    await Promise.all([one.refresh(), two.refresh()]);

    expect(answers(one)).toEqual(answers(two));
    expect(answers(one).commit).toBe(shared.repository.head);
    await shared.remove();
    await opened.close();
  });
});

describe('a stored publication that is lost', () => {
  /** What a damaged segment of the artifact store leaves behind. */
  async function lose(part: object = {}): Promise<void> {
    const [rolling] = await org.stores.publications.pointers('acme');
    const { sequence } = rolling!;
    const next = { ...rolling!, digest: '0'.repeat(64), sequence: sequence + 1, ...part };
    const pointers = [{ next, expectedSequence: sequence }];
    const nothing = { releases: [], closes: [], entries: [] };
    await org.stores.publications.project({ org: 'acme', pointers, ...nothing });
  }

  it('costs a compile, and is stored again', async () => {
    const { records } = org.runtime.view.published;
    await lose();

    const { view } = await org.restart();

    expect([...view.published.records]).toEqual([...records]);
    expect((await org.restart()).pool.counters.blobs).toBe(0);
  });

  it('is compiled from the commit that was served, where main has gone wrong since', async () => {
    const { records, commit } = org.runtime.view.published;
    await org.commit(BROKEN);
    await lose();

    const { view } = await org.restart();

    expect(view.published.commit).toBe(commit);
    expect([...view.published.records]).toEqual([...records]);
    expect(view.diagnostics).toHaveLength(2);
  });

  it('keeps the org from serving, but not from starting, where the repository is lost too', async () => {
    await lose({ active: '1'.repeat(40) });
    await org.repository.git('update-ref', '-d', 'refs/heads/main');

    const runtime = await org.restart();

    expect(runtime.maybeView).toBeUndefined();
    expect(org.logged).toContain('the active commit cannot be read');
  });

  it('costs a cold compile of the next push where only a part of it is lost', async () => {
    await org.restart();
    const { artifacts } = org.publishing;
    const read = artifacts.read.bind(artifacts);
    // What is compiled is a part of its own: the records that are served are not.
    artifacts.read = async (hex) => {
      const bytes = await read(hex);
      return bytes?.includes('"root":"plugins/ops"') ? undefined : bytes;
    };

    const commit = await org.commit({ [QUOTE]: skill('better') });

    expect(org.runtime.view.published.commit).toBe(commit);
    expect(org.runtime.view.published.records.get('sales')).toMatchObject({ commit, seq: 2 });
    expect(org.runtime.view.published.records.get('ops')).toMatchObject({ seq: 1 });
  });
});

describe('a database that always has another winner', () => {
  it('is given up for now, not asked for ever', async () => {
    const project = async () => false;
    const node = await org.open({ publications: { ...org.stores.publications, project } });
    await org.repository.commit({ [QUOTE]: skill('better') });

    await expect(node.refresh()).rejects.toMatchObject({ code: 'RES_UNAVAILABLE' });
  });
});
