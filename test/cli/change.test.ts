import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Change, type ChangeDiff, changeLines, paintFor } from '../../cli/change-lines.ts';
import { makeClient, type TestClient } from '../support/client.ts';
import { type FakeApi, startFakeApi, success } from '../support/fake-api.ts';
import { runGit } from '../support/git.ts';

let api: FakeApi;
let client: TestClient;

beforeEach(async () => {
  api = await startFakeApi();
  client = await makeClient({
    WAYMARK_URL: api.url,
    WAYMARK_ORG: 'acme',
    WAYMARK_TOKEN: 'wmk_1_s',
  });
});
afterEach(async () => {
  await client.remove();
  await api.close();
});

const head = 'a'.repeat(40);
const quote = 'plugins/sales/commands/quote.yaml';

const change: Change = {
  number: 7,
  title: 'Quote in euros',
  description: 'Customers asked.\n',
  source: 'euros',
  target: 'main',
  author: 'user:ada',
  head,
  status: 'open',
  mergeCommit: null,
  mergeable: false,
  conflicts: [],
  checks: [
    {
      name: 'schema',
      status: 'failed',
      summary: '1 error, 0 warnings',
      diagnostics: [
        {
          severity: 'error',
          code: 'unknown-field',
          path: quote,
          line: 4,
          column: 3,
          pointer: '/spec/tempate',
          message: 'spec has no field "tempate"',
          hint: 'did you mean template?',
        },
      ],
    },
    { name: 'approvals', status: 'pending', summary: '0 of 1 approvals', diagnostics: [] },
  ],
  reviews: [{ reviewer: 'user:lin', verdict: 'changes_requested', body: 'Typo.', isStale: true }],
};

const diff: ChangeDiff = {
  files: [
    {
      path: quote,
      status: 'changed',
      diff: `diff --git a/${quote} b/${quote}\n@@ -4 +4 @@\n-  template: $\n+  tempate: €\n`,
    },
  ],
  objects: { added: [], changed: [{ kind: 'Command', id: 'sales.command.quote' }], removed: [] },
  clients: [
    {
      channel: 'rolling',
      plugin: 'sales',
      change: 'updated',
      before: { contentDigest: `sha256:${'1'.repeat(64)}` },
      after: { contentDigest: `sha256:${'2'.repeat(64)}` },
      audience: { before: ['everyone'], after: ['everyone'] },
    },
    {
      channel: 'stable',
      plugin: 'ops',
      change: 'removed',
      before: { contentDigest: `sha256:${'1'.repeat(64)}`, version: '1.2.0' },
      after: null,
      audience: { before: ['team:ops'], after: [] },
    },
  ],
};

describe('waymark change create', () => {
  it('opens a request for the branch that is checked out', async () => {
    await runGit(client.dir, ['init', '-q', '-b', 'euros']);
    api.routes['POST /change-requests'] = [201, success(change)];

    const { exitCode, stdout } = await client.run('change', 'create', '--title', 'Quote in euros');

    expect([exitCode, stdout]).toEqual([0, 'opened #7 for euros\n']);
    expect(api.requests[0]?.body).toEqual({ source: 'euros', title: 'Quote in euros' });
  });

  it('opens a draft for another, with reasons, elsewhere than main', async () => {
    api.routes['POST /change-requests'] = [201, success(change)];

    const why = ['--description', 'Because.', '--target', 'next'];
    await client.run('change', 'create', '--title', 'x', '--branch', 'b', '--draft', ...why);

    expect(api.requests[0]?.body).toEqual({
      source: 'b',
      title: 'x',
      draft: true,
      description: 'Because.',
      target: 'next',
    });
  });

  it('needs a branch or a title that is missing: exit 2', async () => {
    expect((await client.run('change', 'create', '--title', 'x')).exitCode).toBe(2);
    expect((await client.run('change', 'create', '--branch', 'b')).exitCode).toBe(2);
    expect(api.requests).toEqual([]);
  });

  it('says why the server refuses: exit 1', async () => {
    const message = 'source: there is no branch b: push it first';
    api.routes['POST /change-requests'] = [400, { error: { code: 'VAL_FAILED', message } }];

    const { exitCode, stderr } = await client.run(
      'change',
      'create',
      '--title',
      'x',
      '--branch',
      'b',
    );

    expect([exitCode, stderr]).toEqual([1, `waymark: ${message}\n`]);
  });
});

describe('waymark change list', () => {
  it('lists what waits for somebody', async () => {
    api.routes['GET /change-requests'] = [200, success([change])];

    const { stdout } = await client.run('change', 'list');

    expect(stdout).toBe(
      'NUMBER  STATUS  AUTHOR    BRANCH  TITLE\n#7      open    user:ada  euros   Quote in euros\n',
    );
    expect(api.requests[0]?.query).toMatchObject({
      filter: '{"status":{"$in":["draft","open"]}}',
    });
  });

  it.each([
    ['merged', '{"status":"merged"}'],
    ['all', undefined],
  ])('lists those that are %s', async (status, filter) => {
    api.routes['GET /change-requests'] = [200, success([])];

    expect((await client.run('change', 'list', '--status', status)).exitCode).toBe(0);

    expect(api.requests[0]?.query['filter']).toBe(filter);
  });
});

describe('waymark change show', () => {
  beforeEach(() => {
    api.routes['GET /change-requests/7'] = [200, success(change)];
    api.routes['GET /change-requests/7/diff'] = [200, success(diff)];
  });

  it('shows checks with their lines, reviews, and what would change for whom', async () => {
    const { stdout } = await client.run('change', 'show', '7');

    expect(stdout).toBe(`#7 Quote in euros (open, cannot be merged yet)
user:ada wants euros (aaaaaaaaaaaa) in main

Customers asked.

checks:
  ✗ schema: 1 error, 0 warnings
      error: ${quote}:4:3 spec has no field "tempate" (did you mean template?)
  … approvals: 0 of 1 approvals

reviews:
  user:lin: changes requested (of an earlier commit)
    Typo.

objects:
  ~ Command sales.command.quote

clients:
  rolling: sales updated (111111111111 → 222222222222), for everyone
  stable: ops removed (1.2.0), for team:ops

diff --git a/${quote} b/${quote}
@@ -4 +4 @@
-  template: $
+  tempate: €
`);
  });

  it('gives all of it as one JSON value', async () => {
    expect((await client.run('change', 'show', '7', '--json')).json()).toEqual({ ...change, diff });
  });

  it('does not let an author steer the terminal', async () => {
    const title = 'Fine\u001b[2J\u202e\u0007';
    api.routes['GET /change-requests/7'] = [200, success({ ...change, title })];

    const { stdout } = await client.run('change', 'show', '7');

    expect(stdout).toContain('#7 Fine\ufffd[2J\ufffd\ufffd (open');
  });

  it('refuses what is no number: exit 2', async () => {
    expect((await client.run('change', 'show', '../orgs')).exitCode).toBe(2);
    expect(api.requests).toEqual([]);
  });
});

describe('changeLines', () => {
  it('colours what a terminal shows', () => {
    const lines = changeLines(change, diff, paintFor(true));

    expect(lines).toContain('\u001b[32m+  tempate: €\u001b[39m');
    expect(lines).toContain('  \u001b[31m✗\u001b[39m schema: 1 error, 0 warnings');
  });

  it('names conflicts, and what a request was merged as', () => {
    const merged = { ...change, status: 'merged' as const, mergeCommit: head, conflicts: [quote] };
    const nothing = {
      files: [{ path: 'big', status: 'added', diff: null }],
      objects: null,
      clients: null,
    };

    const lines = changeLines(merged, nothing, paintFor(false));

    expect(lines).toEqual(
      expect.arrayContaining([`merged as ${head}`, `  ${quote}`, 'added big (too much to show)']),
    );
  });
});

describe('waymark change review', () => {
  it('is about what the branch is at now', async () => {
    api.routes['GET /change-requests/7'] = [200, success(change)];
    api.routes['POST /change-requests/7/reviews'] = [201, success({})];

    const { stdout } = await client.run('change', 'review', '7', '--approve', '--body', 'Good.');

    expect(stdout).toBe('#7: approved at aaaaaaaaaaaa\n');
    expect(api.requests[1]?.body).toEqual({ verdict: 'approved', head, body: 'Good.' });
  });

  it.each([
    ['--request-changes', 'changes_requested'],
    ['--comment', 'commented'],
  ])('takes %s, of the commit that was looked at', async (flag, verdict) => {
    api.routes['POST /change-requests/7/reviews'] = [201, success({})];

    await client.run('change', 'review', '7', flag, '--head', head);

    expect(api.requests.map(({ body }) => body)).toEqual([{ verdict, head }]);
  });

  it.each([[[]], [['--approve', '--comment']]])('refuses %j: exit 2', async (flags) => {
    expect((await client.run('change', 'review', '7', ...flags)).exitCode).toBe(2);
    expect(api.requests).toEqual([]);
  });
});

describe('waymark change merge', () => {
  it('merges, by a merge commit unless told otherwise', async () => {
    const merged = { ...change, status: 'merged', mergeCommit: head };
    api.routes['POST /change-requests/7/merge'] = [200, success(merged)];

    const { stdout } = await client.run('change', 'merge', '7');
    await client.run(
      'change',
      'merge',
      '7',
      '--method',
      'squash',
      '--message',
      'x',
      '--head',
      head,
    );

    expect(stdout).toBe(`merged #7 into main as ${head}\n`);
    expect(api.requests.map(({ body }) => body)).toEqual([
      { method: 'merge' },
      { method: 'squash', message: 'x', head },
    ]);
  });

  it('names the files in conflict: exit 3', async () => {
    const message = 'euros and main changed the same lines';
    const error = { code: 'RES_STATE_CONFLICT', message, details: { conflicts: [quote] } };
    api.routes['POST /change-requests/7/merge'] = [409, { error }];

    const { exitCode, stderr } = await client.run('change', 'merge', '7');

    expect([exitCode, stderr]).toEqual([3, `waymark: ${message}\n  ${quote}\n`]);
  });

  it('says what speaks against it: exit 1', async () => {
    const message = 'change request 7 cannot be merged: approvals: 0 of 1 approvals';
    const error = { code: 'CHANGE_NOT_MERGEABLE', message, details: { reasons: [] } };
    api.routes['POST /change-requests/7/merge'] = [422, { error }];

    const { exitCode, stderr } = await client.run('change', 'merge', '7');

    expect([exitCode, stderr]).toEqual([1, `waymark: ${message}\n`]);
  });
});

describe('waymark change close', () => {
  it('closes it', async () => {
    api.routes['POST /change-requests/7/close'] = [200, success({ ...change, status: 'closed' })];

    expect((await client.run('change', 'close', '7')).stdout).toBe('closed #7\n');
  });
});
