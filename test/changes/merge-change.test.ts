import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { getCurrent } from '../../src/changes/change-requests.ts';
import { judge, mergeChange, reasonsAgainst } from '../../src/changes/merge-change.ts';
import { findUnsigned } from '../../src/delivery/signed-commits.ts';
import { permissionsOf, type Role } from '../../src/identity/roles.ts';
import { auditOfChanges, changingAs, propose, reviewAs } from '../support/changing.ts';
import { makeTestOrg, type TestOrg } from '../support/org.ts';
import { registryYaml, skill } from '../support/registry.ts';
import { makeSigningAuthor, signedBy } from '../support/signing-author.ts';

let org: TestOrg;
beforeEach(async () => {
  org = await makeTestOrg();
});
afterEach(() => org.remove());

const quote = 'plugins/sales/skills/quote.yaml';
const better = { [quote]: skill('better') };
const elsewhere = { 'README.md': 'Hello.\n' };
const grace = () => changingAs(org, 'user:grace');
const main = () => org.runtime.refs.read('refs/heads/main');
const commitAt = async (oid: string | null) => org.runtime.pool.readCommit(oid!);
const textAt = (oid: string | null) => org.repository.git('show', `${oid}:${quote}`);

/** The message of a refused merge, and its details. */
async function refusal(merging: Promise<unknown>) {
  return merging.then(
    () => 'merged',
    ({ code, message, facts }) => ({ code, message, details: facts.details }),
  );
}

describe('mergeChange, of roles', () => {
  const roles = "roles: {captain: {title: Captain, permissions: ['members:write']}}";
  const merging = (role: Role) => ({ ...grace(), permissions: permissionsOf([role]) });

  it('is refused to whoever may not do what they allow, however many approve', async () => {
    const request = await propose(org, { 'registry.yaml': registryYaml(roles) });
    await reviewAs(org, 'lin', request, 'approved');
    const before = await main();

    await expect(mergeChange(merging('publisher'), 1, { method: 'merge' })).rejects.toMatchObject({
      code: 'PERM_DENIED',
      message: 'registry.yaml gives the role captain members:write, which you do not have yourself',
    });

    expect(await main()).toBe(before);
    const merged = await mergeChange(merging('admin'), 1, { method: 'merge' });
    expect(merged.status).toBe('merged');
  });
});

describe('mergeChange', () => {
  it('forwards the target to the branch', async () => {
    const { head } = await propose(org, better);
    const base = org.repository.head;

    const merged = await mergeChange(grace(), 1, { method: 'fast-forward' });

    expect(merged).toMatchObject({ status: 'merged', mergeCommit: head, mergeBase: base });
    expect(merged.mergedAt).toBe('2026-03-01T12:00:00.000Z');
    expect(await main()).toBe(head);
    expect(org.runtime.view.published.commit).toBe(head);
    const audit = await org.stores.audit.list('acme', 0, 100);
    expect(audit.slice(-2)).toMatchObject([
      { actor: 'user:grace', action: 'change.merge', resource: 'refs/heads/main', after: head },
      { actor: 'user:grace', action: 'change.merge', resource: 'change-requests/1' },
    ]);
  });

  it('joins both histories by a merge commit: by its author, committed by Waymark', async () => {
    const request = await propose(org, better, { title: 'Quote better' });
    const base = await org.commit(elsewhere);
    await reviewAs(org, 'lin@example.com', request, 'approved');

    const { mergeCommit } = await mergeChange(grace(), 1, { method: 'merge' });

    const commit = await commitAt(mergeCommit);
    expect(commit.parents).toEqual([base, request.head]);
    expect(commit.author).toMatchObject({ name: 'ada', email: 'ada@user.waymark.invalid' });
    expect(commit.committer).toMatchObject({ name: 'Waymark' });
    expect(commit.message).toBe(
      'Quote better\n\nChange-Request: #1\nReviewed-by: lin@example.com <lin@example.com>\n',
    );
    expect(await textAt(mergeCommit)).toContain('better');
    expect(await main()).toBe(mergeCommit);
  });

  it('squashes the branch into one commit upon the target', async () => {
    await propose(org, better);
    await org.repository.commit({ [quote]: skill('best') }, { branch: 'proposal' });
    const base = await org.commit(elsewhere);

    const { mergeCommit } = await mergeChange(grace(), 1, {
      method: 'squash',
      message: 'Quote best\n\nIn one go.\n',
    });

    const commit = await commitAt(mergeCommit);
    expect(commit.parents).toEqual([base]);
    expect(commit.message).toBe('Quote best\n\nIn one go.\n\nChange-Request: #1\n');
    expect(await textAt(mergeCommit)).toContain('best');
  });

  it('refuses to forward a target that has gone on', async () => {
    await propose(org, better);
    const before = await org.commit(elsewhere);

    expect(await refusal(mergeChange(grace(), 1, { method: 'fast-forward' }))).toMatchObject({
      code: 'RES_STATE_CONFLICT',
      message: 'main has commits that proposal has not: choose merge or squash',
    });
    expect(await main()).toBe(before);
  });

  it('names the files that both sides changed', async () => {
    await propose(org, better);
    await org.commit({ [quote]: skill('other') });

    expect(await refusal(mergeChange(grace(), 1, { method: 'merge' }))).toEqual({
      code: 'RES_STATE_CONFLICT',
      message: 'proposal and main changed the same lines: merge main into proposal, and push it',
      details: { conflicts: [quote] },
    });
  });

  it('refuses what would not compile, though each side alone does', async () => {
    await propose(org, {
      'plugins/ops/plugin.yaml':
        'apiVersion: waymark/v1\nkind: Plugin\nmetadata: {title: Ops}\nspec: {requires: {sales: ^1.0.0}}\n',
    });
    await org.commit(
      Object.fromEntries(
        [
          'plugins/sales/plugin.yaml',
          quote,
          'plugins/sales/skills/brief/skill.yaml',
          'plugins/sales/skills/brief/SKILL.md',
        ].map((path) => [path, null]),
      ),
    );

    expect(await refusal(mergeChange(grace(), 1, { method: 'merge' }))).toMatchObject({
      code: 'CHANGE_NOT_MERGEABLE',
      details: {
        reasons: [
          { code: 'GATE_CHECK_FAILED', check: 'schema', message: 'schema: 1 error, 0 warnings' },
        ],
      },
    });
  });

  it('refuses a draft', async () => {
    await propose(org, better, { draft: true });

    expect(await refusal(mergeChange(grace(), 1, { method: 'merge' }))).toEqual({
      code: 'CHANGE_NOT_MERGEABLE',
      message: 'change request 1 cannot be merged: it is a draft',
      details: { reasons: [{ code: 'GATE_DRAFT', message: 'it is a draft' }] },
    });
  });

  it('merges the commit that was looked at, or nothing', async () => {
    const { head } = await propose(org, better);
    const now = await org.repository.commit({ [quote]: skill('worse') }, { branch: 'proposal' });

    expect(await refusal(mergeChange(grace(), 1, { method: 'merge', head }))).toMatchObject({
      code: 'RES_VERSION_CONFLICT',
      details: { head: now },
    });
  });

  it('says where the target is when somebody was faster, and can be tried again', async () => {
    await propose(org, better);
    const { refs } = org.runtime;
    const updateRef = refs.updateRef.bind(refs);
    let winner = '';
    refs.updateRef = async (update) => {
      refs.updateRef = updateRef;
      winner = await org.repository.commit(elsewhere);
      return updateRef(update);
    };

    expect(await refusal(mergeChange(grace(), 1, { method: 'merge' }))).toMatchObject({
      code: 'RES_VERSION_CONFLICT',
      details: { head: winner },
    });
    expect(await getCurrent(grace(), 1)).toMatchObject({ status: 'open', pending: null });

    expect(await mergeChange(grace(), 1, { method: 'merge' })).toMatchObject({ status: 'merged' });
  });

  it('is done once by two at the same time', async () => {
    await propose(org, better);

    const both = await Promise.all(
      ['user:grace', 'user:lin'].map((actor) =>
        refusal(mergeChange(changingAs(org, actor), 1, { method: 'squash' })),
      ),
    );

    expect(both.filter((one) => one === 'merged')).toHaveLength(1);
    expect(await getCurrent(grace(), 1)).toMatchObject({ status: 'merged' });
    const merges = (await auditOfChanges(org)).filter((line) => line.includes('change.merge'));
    expect(merges).toHaveLength(1);
  });

  it('refuses a request that was merged', async () => {
    await propose(org, better);
    await mergeChange(grace(), 1, { method: 'merge' });

    expect(await refusal(mergeChange(grace(), 1, { method: 'merge' }))).toMatchObject({
      code: 'RES_STATE_CONFLICT',
      message: 'change request 1 is merged',
    });
  });

  it('completes a merge whose end it did not live to see', async () => {
    await propose(org, better);
    org.runtime.refresh = async () => {
      throw new Error('killed');
    };
    await expect(mergeChange(grace(), 1, { method: 'squash' })).rejects.toThrow('killed');
    Reflect.deleteProperty(org.runtime, 'refresh');

    expect(await getCurrent(grace(), 1)).toMatchObject({
      status: 'merged',
      mergeCommit: await main(),
    });
    expect((await auditOfChanges(org)).at(-1)).toBe('user:grace change.merge change-requests/1');
  });
});

describe('a protected main', () => {
  const protect = (spec: string) => org.commit({ 'registry.yaml': registryYaml(spec) });
  const reasons = async () => reasonsAgainst(await judge(grace(), await getCurrent(grace(), 1)));

  it('asks for approvals of the head by different people', async () => {
    await protect('protection: {changeRequest: true, approvals: 2}');
    const request = await propose(org, better);
    await reviewAs(org, 'lin', request, 'approved');
    await reviewAs(org, 'lin', request, 'approved');

    expect(await reasons()).toEqual([
      { code: 'GATE_CHECK_PENDING', check: 'approvals', message: 'approvals: 1 of 2 approvals' },
    ]);
    await reviewAs(org, 'kim', request, 'approved');

    expect(await reasons()).toEqual([]);
    await mergeChange(grace(), 1, { method: 'merge' });
    expect(org.runtime.view.published.commit).toBe(await main());
  });

  it('asks again once the branch has moved', async () => {
    await protect('protection: {approvals: 1}');
    await reviewAs(org, 'lin', await propose(org, better), 'approved');
    await org.repository.commit({ [quote]: skill('worse') }, { branch: 'proposal' });

    expect(await reasons()).toMatchObject([{ message: 'approvals: 0 of 1 approvals' }]);
  });

  it('is judged by what is served, not by what the change would make of it', async () => {
    await protect('protection: {approvals: 1}');
    await propose(org, { 'registry.yaml': registryYaml() });

    expect(await reasons()).toMatchObject([{ check: 'approvals' }]);
  });

  it('is closed to nobody’s objection', async () => {
    const request = await propose(org, better);
    await reviewAs(org, 'lin', request, 'changes_requested');

    expect(await reasons()).toMatchObject([
      {
        code: 'GATE_CHECK_FAILED',
        message: 'approvals: 0 of 0 approvals, changes requested by user:lin',
      },
    ]);
    await reviewAs(org, 'lin', request, 'approved');
    expect(await reasons()).toEqual([]);
  });

  it('takes signed commits only, and signs those that it makes', async () => {
    const signer = await makeSigningAuthor('Ada');
    await protect(signedBy('ada', signer.publicKey));
    await propose(org, better);

    expect(await reasons()).toMatchObject([{ code: 'GATE_CHECK_FAILED', check: 'signatures' }]);

    // The same change, as somebody signed it.
    const signed = await org.repository.git('rev-parse', 'proposal^{tree}');
    const made = await signer.commitTree(org.repository.path, signed, org.repository.head);
    await org.repository.git('update-ref', 'refs/heads/proposal', made);
    const { mergeCommit } = await mergeChange(grace(), 1, { method: 'squash' });

    const range = { head: mergeCommit!, after: org.repository.head };
    expect(await findUnsigned(org.runtime, range, org.runtime.releaseKeys)).toEqual([]);
    await signer.close();
  });
});
