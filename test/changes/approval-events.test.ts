import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createFromBranch, editChangeRequest } from '../../src/changes/change-requests.ts';
import { changingAs, propose, reviewAs } from '../support/changing.ts';
import { makeTestOrg, type TestOrg } from '../support/org.ts';
import { plugin, registryYaml, skill, smallRegistry, yaml } from '../support/registry.ts';

const covering = yaml('Namespace', 'department: field, covers: {plugins: [sales]}');
const better = { 'plugins/sales/skills/quote.yaml': skill('better') };

const departments = registryYaml('delivery: {defaultAccess: orgWide}, departments: {field: {}}');

let org: TestOrg;
beforeEach(async () => {
  const files = { 'registry.yaml': departments, 'namespaces/east.yaml': covering };
  org = await makeTestOrg(smallRegistry(files));
});
afterEach(() => org.remove());

const raised = async () => {
  const events = await org.stores.events.unsettled('acme', 100);
  return events.filter(({ type }) => type.startsWith('approval.'));
};

describe('a change request that asks for votes', () => {
  it('is an event, with what it is about', async () => {
    const { head } = await propose(org, better);

    expect(await raised()).toEqual([
      {
        id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        org: 'acme',
        type: 'approval.created',
        at: '2026-03-01T12:00:00.000Z',
        plugins: ['sales'],
        environments: [],
        mark: null,
        data: {
          approvalId: 'change-requests/1',
          changeNumber: 1,
          title: 'Say more',
          target: 'main',
          head,
          requestedBy: 'user:ada',
        },
      },
    ]);
  });

  it('does so when it is no draft any more', async () => {
    const { number } = await propose(org, better, { draft: true });
    expect(await raised()).toEqual([]);

    await editChangeRequest(changingAs(org), number, { status: 'open' }, undefined);
    await editChangeRequest(changingAs(org), number, { title: 'Say less' }, undefined);

    expect(await raised()).toMatchObject([{ type: 'approval.created', plugins: ['sales'] }]);
  });

  it('is none where it could not be opened', async () => {
    await propose(org, better);

    const again = createFromBranch(changingAs(org), { title: 'Again', source: 'proposal' });

    await expect(again).rejects.toMatchObject({ code: 'RES_DUPLICATE' });
    expect(await raised()).toHaveLength(1);
  });
});

describe('a vote', () => {
  it.each([
    ['approved', 'approve'],
    ['changes_requested', 'reject'],
  ] as const)('%s is an event', async (verdict, action) => {
    const request = await propose(org, better);

    const { id } = await reviewAs(org, 'grace', request, verdict);

    const [, recorded] = await raised();
    expect(recorded).toMatchObject({
      type: 'approval.recorded',
      plugins: ['sales'],
      data: {
        approvalId: 'change-requests/1',
        changeNumber: 1,
        requestedBy: 'user:ada',
        voteId: id,
        approverId: 'user:grace',
        action,
      },
    });
  });

  it('is what a comment is not', async () => {
    await reviewAs(org, 'grace', await propose(org, better), 'commented');

    expect(await raised()).toHaveLength(1);
  });
});

describe('touchedPlugins', () => {
  const touched = async () => (await raised())[0]?.plugins;

  it('names those that include a shared object', async () => {
    await propose(org, { 'objects/skills/voice.yaml': skill('loud') });

    expect(await touched()).toEqual(['sales']);
  });

  it('names nothing that the target alone has changed', async () => {
    const from = org.repository.head;
    await org.repository.commit(better, { branch: 'proposal', from });
    await org.commit({ 'plugins/ops/plugin.yaml': plugin('', 'Operations') });

    await createFromBranch(changingAs(org), { title: 'Say more', source: 'proposal' });

    expect(await touched()).toEqual(['sales']);
  });

  it('asks git for nothing where no namespace covers a plugin', async () => {
    await org.commit({ 'namespaces/east.yaml': yaml('Namespace', 'department: field') });

    await propose(org, better);

    expect(await touched()).toEqual([]);
  });
});
