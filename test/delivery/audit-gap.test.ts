import { afterEach, describe, expect, it } from 'vitest';
import { makeTestOrg, type TestOrg } from '../support/org.ts';
import { makeIntent } from '../support/records.ts';

let org: TestOrg;
afterEach(() => org.remove());

const MAIN = 'refs/heads/main';
const gaps = async () =>
  (await org.stores.audit.list('acme', 0, 100)).filter(({ action }) => action === 'audit.gap');

describe('a ref that moved', () => {
  it('is no gap where its intent stands for it', async () => {
    org = await makeTestOrg();
    const old = org.repository.head;
    const commit = await org.repository.commit(
      { 'NOTES.md': 'one' },
      { branch: 'draft', from: old },
    );
    const update = { ref: MAIN, old, new: commit };

    await org.runtime.moveRef(update, { actor: 'user:ada', action: 'edit', requestId: 'r-1' });

    expect(await gaps()).toEqual([]);
    expect(org.runtime.hasAuditGap).toBe(false);
    expect((await org.stores.audit.list('acme', 0, 100)).at(-1)).toMatchObject({
      action: 'edit',
      requestId: 'r-1',
    });
  });

  it('is told of once where nothing stands for it, with what was known and what is there', async () => {
    org = await makeTestOrg();
    const before = org.repository.head;

    const after = await org.commit({ 'NOTES.md': 'past the gate' });
    await org.runtime.refresh();
    await org.restart();

    const gap = { actor: 'system:reconciler', resource: MAIN, before, after };
    expect(await gaps()).toMatchObject([gap]);
  });

  it('is a condition of the org until the next start', async () => {
    org = await makeTestOrg();
    await org.commit({ 'NOTES.md': 'past the gate' });

    expect(org.runtime.hasAuditGap).toBe(true);
    expect(org.logged).toContain('a ref was moved, and the audit log does not say by whom');
    await org.restart();

    expect(org.runtime.hasAuditGap).toBe(false);
  });

  it('is no gap where another look closed its intent', async () => {
    org = await makeTestOrg();
    const old = org.repository.head;
    const head = await org.repository.commit({ 'NOTES.md': 'one' });
    const next = await org.repository.commit({ 'NOTES.md': 'two' });
    await org.stores.publications.openIntents([
      makeIntent('1', { old, new: head }),
      makeIntent('2', { old: head, new: next }),
    ]);

    await org.runtime.refresh();
    await org.runtime.refresh();

    expect(await gaps()).toEqual([]);
  });
});
