import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { commitEdit, type Proposal } from '../../src/changes/commit-edit.ts';
import type { Operation } from '../../src/changes/operations.ts';
import { findUnsigned } from '../../src/delivery/signed-commits.ts';
import { permissionsOf, type Role } from '../../src/identity/roles.ts';
import { makeTestOrg, NOW_MS, type TestOrg } from '../support/org.ts';
import { registryYaml, skill, smallRegistry } from '../support/registry.ts';
import { makeSigningAuthor, signedBy } from '../support/signing-author.ts';

let org: TestOrg;
let base: string;
let proposals: Proposal[];
const QUOTE = 'plugins/sales/skills/quote.yaml';

beforeEach(async () => {
  await openOrg(await makeTestOrg());
});
afterEach(() => org.remove());

async function openOrg(opened: TestOrg) {
  org = opened;
  base = org.repository.head;
  proposals = [];
}

interface Said {
  base?: string;
  message?: string;
  role?: Role;
  actor?: string;
}

const commit = (operations: Operation[], said: Said = {}) =>
  commitEdit(
    {
      runtime: org.runtime,
      clock: () => org.nowMs,
      actor: said.actor ?? 'user:ada@example.com',
      requestId: 'request-1',
      permissions: permissionsOf([said.role ?? 'publisher']),
      propose: async (_editing, proposal) => {
        proposals.push(proposal);
        return { number: 7, head: proposal.commit, url: '/api/v1/change-requests/7' };
      },
    },
    { base: said.base ?? base, message: said.message ?? 'Quote better', operations },
  );
const better: Operation = { op: 'upsert', path: QUOTE, content: skill('better') };
const git = (...args: string[]) => org.repository.git(...args);
const everyObject = () => git('cat-file', '--batch-all-objects', '--batch-check');

describe('commitEdit', () => {
  it('moves main by one commit, whose author is the caller', async () => {
    const { sequence } = org.runtime.view;

    const result = await commit([better], { message: 'Quote better\n\nFor large deals.' });

    expect(result).toEqual({ commit: await git('rev-parse', 'main'), sequence: sequence + 1 });
    expect(await git('rev-parse', 'main^')).toBe(base);
    expect(await git('show', '-s', '--format=%an <%ae>|%cn|%at|%B', 'main')).toBe(
      `ada@example.com <ada@example.com>|Waymark|${NOW_MS / 1000}|Quote better\n\nFor large deals.`,
    );
    expect(await git('show', `main:${QUOTE}`)).toBe(skill('better').trimEnd());
  });

  it('serves it, and says in the audit log who it was', async () => {
    await commit([better]);

    const record = org.runtime.view.published.records.get('sales');
    expect(record?.content.objects.find(({ id }) => id === 'sales.skill.quote')).toMatchObject({
      description: 'says better',
    });
    expect((await org.stores.audit.list('acme', 0, 100)).at(-1)).toMatchObject({
      action: 'registry.edit',
      actor: 'user:ada@example.com',
      resource: 'refs/heads/main',
      before: base,
      requestId: 'request-1',
    });
  });

  it('names a key that nobody stands behind as itself', async () => {
    await commit([better], { actor: 'key:0123456789abcdef' });

    expect(await git('show', '-s', '--format=%an', 'main')).toBe('key:0123456789abcdef');
  });

  it('refuses what would not compile, with every place', async () => {
    const broken: Operation[] = [
      { op: 'upsert', path: QUOTE, content: 'kind: [\n' },
      { op: 'remove', path: 'objects/skills/voice.yaml' },
    ];

    await expect(commit(broken)).rejects.toMatchObject({
      code: 'REG_GATE_REFUSED',
      facts: {
        details: {
          diagnostics: expect.arrayContaining([
            expect.objectContaining({ path: QUOTE, line: 2, column: 1 }),
            expect.objectContaining({ path: 'plugins/sales/plugin.yaml' }),
          ]),
        },
      },
    });
    expect(await git('rev-parse', 'main')).toBe(base);
  });

  it('refuses a secret before anything of it is in the repository', async () => {
    const token = `ghp_${'a1B2'.repeat(9)}`;
    const content = skill('better').concat(`# ${token}\n`);

    const objects = await everyObject();

    const error = await commit([{ op: 'upsert', path: QUOTE, content }]).catch((thrown) => thrown);

    expect(error).toMatchObject({
      code: 'REG_GATE_REFUSED',
      facts: { details: { diagnostics: [{ code: 'secret', path: QUOTE, line: 4 }] } },
    });
    expect(JSON.stringify(error.facts)).not.toContain(token);
    expect(await everyObject()).toBe(objects);
  });

  it('refuses an edit that changes nothing', async () => {
    const same: Operation = { op: 'upsert', path: QUOTE, content: skill('quote') };

    await expect(commit([same])).rejects.toMatchObject({
      code: 'VAL_FAILED',
      facts: { validationErrors: [{ field: 'operations', code: 'no_change' }] },
    });
  });

  it.each(['f'.repeat(40), 'tree'])('refuses the base %s, which is no commit', async (name) => {
    const oid = name === 'tree' ? await git('rev-parse', 'main^{tree}') : name;

    await expect(commit([better], { base: oid })).rejects.toMatchObject({
      code: 'VAL_FAILED',
      facts: { validationErrors: [{ field: 'base', code: 'not_found' }] },
    });
  });

  it('refuses any base where main has no commit', async () => {
    const orphan = await git('commit-tree', '-m', 'Orphan', await git('mktree'));
    await git('update-ref', '-d', 'refs/heads/main');

    await expect(commit([better], { base: orphan })).rejects.toMatchObject({
      code: 'RES_STATE_CONFLICT',
    });
  });

  describe('upon a base that is not the head of main', () => {
    it('is never merged: it says what changed, and that git would merge it', async () => {
      const head = await org.commit({ 'plugins/ops/skills/triage.yaml': skill('faster') });

      await expect(commit([better])).rejects.toMatchObject({
        code: 'RES_VERSION_CONFLICT',
        facts: {
          details: { head, changedPaths: ['plugins/ops/skills/triage.yaml'], isMergeClean: true },
        },
      });
      expect(await git('rev-parse', 'main')).toBe(head);
    });

    it('says which files git could not merge', async () => {
      await org.commit({ [QUOTE]: skill('other') });

      await expect(commit([better])).rejects.toMatchObject({
        code: 'RES_VERSION_CONFLICT',
        facts: { details: { changedPaths: [QUOTE], isMergeClean: false, conflicts: [QUOTE] } },
      });
    });
  });

  it('says the same when another writer comes between the look and the move', async () => {
    const compileAt = org.runtime.compileAt.bind(org.runtime);
    let head = '';
    org.runtime.compileAt = async (oid) => {
      head = await org.repository.commit({ 'plugins/ops/skills/triage.yaml': skill('faster') });
      return compileAt(oid);
    };

    const outcome = await commit([better]).catch((error: unknown) => error);

    expect(outcome).toMatchObject({
      code: 'RES_VERSION_CONFLICT',
      facts: {
        details: { head, changedPaths: ['plugins/ops/skills/triage.yaml'], isMergeClean: true },
      },
    });
  });

  describe('that may not move main', () => {
    it('is proposed, with the title and text of its message', async () => {
      const message = 'Quote better\n\nFor large deals.\nAnd small ones.\n';

      const result = await commit([better], { role: 'editor', message });

      const { commit: head } = proposals[0]!;
      expect(result).toEqual({
        change: { number: 7, head, url: '/api/v1/change-requests/7' },
      });
      expect(proposals).toEqual([
        {
          commit: head,
          title: 'Quote better',
          description: 'For large deals.\nAnd small ones.',
        },
      ]);
      expect(await git('rev-parse', `${head}^`)).toBe(base);
      expect(await git('rev-parse', 'main')).toBe(base);
    });

    it('is refused where it gives a role more than the caller has', async () => {
      const content = registryYaml(
        "roles: {captain: {title: Captain, permissions: ['members:write']}}",
      );
      const edit: Operation = { op: 'upsert', path: 'registry.yaml', content };

      await expect(commit([edit], { role: 'publisher' })).rejects.toMatchObject({
        code: 'PERM_DENIED',
      });
      expect(await commit([edit], { role: 'admin' })).toHaveProperty('commit');
    });

    it('is proposed where main is protected, whoever asks', async () => {
      await org.remove();
      const protection = 'protection: {changeRequest: true}';
      await openOrg(
        await makeTestOrg(smallRegistry({ 'registry.yaml': registryYaml(protection) })),
      );

      expect(await commit([better], { role: 'owner' })).toHaveProperty('change');
    });

    it('must compile all the same', async () => {
      const broken: Operation = { op: 'upsert', path: QUOTE, content: 'kind: Skill\n' };

      await expect(commit([broken], { role: 'editor' })).rejects.toMatchObject({
        code: 'REG_GATE_REFUSED',
      });
      expect(proposals).toEqual([]);
    });
  });

  it("is signed by the org where main's commits must be", async () => {
    const signer = await makeSigningAuthor('Grace');
    await org.remove();
    const spec = signedBy('grace', signer.publicKey);
    await openOrg(await makeTestOrg(smallRegistry({ 'registry.yaml': registryYaml(spec) })));

    const { commit: oid } = (await commit([better])) as { commit: string };

    const keys = org.runtime.releaseKeys;
    expect(await findUnsigned(org.runtime, { head: oid, after: base }, keys)).toEqual([]);
    await signer.close();
  });
});
