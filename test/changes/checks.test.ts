import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Evaluation, evaluate } from '../../src/changes/checks.ts';
import { publishVersion } from '../../src/release/publish.ts';
import type { Files } from '../support/git.ts';
import { makeTestOrg, type TestOrg } from '../support/org.ts';
import { plugin, skill, yaml } from '../support/registry.ts';

let org: TestOrg;
beforeEach(async () => {
  org = await makeTestOrg();
});
afterEach(() => org.remove());

const quote = 'plugins/sales/skills/quote.yaml';
const clock = () => org.nowMs;

async function evaluateBranch(files: Files, branch = 'proposal'): Promise<Evaluation> {
  const { head: targetHead } = org.repository;
  const head = await org.repository.commit(files, { branch, from: targetHead });
  return evaluate({ runtime: org.runtime, clock }, { head, targetHead, isMain: true });
}

const check = ({ checks }: Evaluation, name: string) => checks.find((one) => one.name === name);

describe('evaluate', () => {
  it('says where a document is at fault', async () => {
    const evaluation = await evaluateBranch({ [quote]: yaml('Skill', 'description: d, boddy: b') });

    expect(check(evaluation, 'schema')).toMatchObject({
      status: 'failed',
      summary: '2 errors, 0 warnings',
      diagnostics: [
        { path: quote, line: 3, column: 7, code: 'one-of' },
        { path: quote, line: 3, column: 24, code: 'unknown-field' },
      ],
    });
    expect([evaluation.objects, evaluation.clients]).toEqual([undefined, undefined]);
  });

  it('passes warnings on', async () => {
    const evaluation = await evaluateBranch({ 'notes.txt': 'x' });

    expect(check(evaluation, 'schema')).toMatchObject({
      status: 'passed',
      summary: 'valid, 1 warning',
      diagnostics: [{ severity: 'warning', code: 'unknown-path' }],
    });
  });

  it('tells which objects differ', async () => {
    const evaluation = await evaluateBranch({
      [quote]: skill('better'),
      'plugins/ops/skills/page.yaml': skill('page'),
    });

    expect(evaluation.objects?.added.map(({ id }) => id)).toEqual(['ops.skill.page']);
    expect(check(evaluation, 'objects')).toMatchObject({
      status: 'passed',
      summary: '1 added, 3 changed, 0 removed',
    });
    expect(check(evaluation, 'clients')).toMatchObject({
      status: 'passed',
      summary: '2 plugin changes in rolling',
    });
  });

  it('finds a secret in a changed file, and does not repeat it', async () => {
    const token = `ghp_${'a1B2'.repeat(9)}`;

    const evaluation = await evaluateBranch({ 'plugins/sales/README.md': `Use ${token}.\n` });

    const secrets = check(evaluation, 'secrets');
    expect(secrets).toMatchObject({
      status: 'failed',
      summary: '1 secret',
      diagnostics: [{ path: 'plugins/sales/README.md', line: 1 }],
    });
    expect(JSON.stringify(secrets)).not.toContain(token);
  });

  it('names conflicts, and waits with the rest', async () => {
    const { head: from } = org.repository;
    const head = await org.repository.commit({ [quote]: skill('mine') }, { branch: 'mine', from });
    const targetHead = await org.commit({ [quote]: skill('theirs') });

    const evaluation = await evaluate(
      { runtime: org.runtime, clock },
      { head, targetHead, isMain: true },
    );

    expect(evaluation).toMatchObject({ tree: undefined, conflicts: [quote] });
    expect(evaluation.checks).toEqual([
      {
        name: 'schema',
        status: 'pending',
        summary: 'not known before the conflicts are resolved',
        diagnostics: [],
      },
    ]);
  });

  it('is made once for two heads, and again when a release changes what channels offer', async () => {
    const first = evaluateBranch({ [quote]: skill('better') });
    const { head, targetHead } = await first;
    const again = () =>
      evaluate({ runtime: org.runtime, clock }, { head, targetHead, isMain: true });

    expect(await again()).toBe(await first);
    await publishVersion(org.publishing, { plugin: 'sales', version: '1.0.0' });
    expect(await again()).not.toBe(await first);
  });

  it('is not kept where the repository could not be read', async () => {
    org.runtime.compileAt = async () => {
      throw new Error('unreadable');
    };
    await expect(evaluateBranch({ [quote]: skill('better') })).rejects.toThrow('unreadable');
    Reflect.deleteProperty(org.runtime, 'compileAt');

    const evaluation = await evaluateBranch({ [quote]: skill('better') });

    expect(check(evaluation, 'schema')?.status).toBe('passed');
  });
});

describe('evaluate, of what clients would receive', () => {
  beforeEach(async () => {
    await org.commit({
      'access/teams/red.yaml': yaml('Team', 'members: [ruth@example.com]'),
      'plugins/sales/plugin.yaml': plugin('version: 1.0.0'),
    });
    await publishVersion(org.publishing, { plugin: 'sales', version: '1.0.0' });
  });

  it('tells it for each channel', async () => {
    const evaluation = await evaluateBranch({
      [quote]: skill('better'),
      'channels/early.yaml': yaml('Channel', 'includePrerelease: true'),
    });

    const { contentDigest } = org.runtime.view.published.records.get('sales')!.content;
    const everyone = ['everyone'];
    expect(evaluation.clients).toEqual([
      {
        channel: 'rolling',
        plugin: 'sales',
        change: 'updated',
        before: { contentDigest },
        after: { contentDigest: expect.not.stringContaining(contentDigest) },
        audience: { before: everyone, after: everyone },
      },
      {
        channel: 'early',
        plugin: 'sales',
        change: 'added',
        before: null,
        after: { contentDigest, version: '1.0.0', rolloutPercent: 100 },
        audience: { before: [], after: everyone },
      },
    ]);
  });

  it('tells of a yank, and of a plugin that is gone', async () => {
    const yanked = await evaluateBranch({
      'releases/sales/1.0.0.yaml': yaml(
        'ReleaseStatus',
        "yanked: {reason: wrong, at: '2026-03-01T00:00:00Z'}",
      ),
    });
    const gone = await evaluateBranch(
      { 'plugins/ops/plugin.yaml': null, 'plugins/ops/skills/triage.yaml': null },
      'gone',
    );

    const seen = ({ clients }: Evaluation) =>
      clients?.map(({ channel, plugin: id, change }) => `${channel} ${id} ${change}`);
    expect(seen(yanked)).toEqual(['stable sales removed']);
    expect(seen(gone)).toEqual(['rolling ops removed']);
  });

  it('tells who comes to see a plugin, or no longer does', async () => {
    const grants = 'teams: [{team: red, role: viewer}], members: [{user: lea, role: editor}]';

    const { clients } = await evaluateBranch({
      'access/plugins/sales.yaml': yaml('Access', grants),
    });

    const audience = { before: ['everyone'], after: ['team:red', 'user:lea'] };
    expect(clients?.map((one) => [one.channel, one.change, one.audience])).toEqual([
      ['rolling', 'access', audience],
      ['stable', 'access', audience],
    ]);
  });
});
