import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { repositoryPath } from '../../src/git/repository.ts';
import { type Answered, type Asked, ask, type Refused } from '../support/app.ts';
import { cpuMs } from '../support/cpu.ts';
import { runGit } from '../support/git.ts';
import { type OrgApi, openOrg } from '../support/org-api.ts';
import { openService, type TestService } from '../support/service.ts';
import { command } from '../support/small-registry.ts';

let service: TestService;
let org: OrgApi;
let lin: string;

beforeAll(async () => {
  service = await openService();
  org = await openOrg(service);
  lin = await org.ownKeyOf({ role: 'approver', username: 'lin@example.com' });
});
afterAll(async () => {
  await org.close();
  await service.close();
});

interface Shown {
  number: number;
  source: string;
  head: string;
  status: string;
  mergeable: boolean;
  version: number;
  checks: { name: string; status: string; summary: string; diagnostics: unknown[] }[];
  reviews: { reviewer: string; isStale: boolean }[];
  mergeCommit: string | null;
}

const at = <T = { data: Shown }>(path: string, asked: Asked = {}): Promise<Answered<T>> =>
  ask<T>(`${service.url}/api/v1/change-requests${path}`, { token: org.admin, ...asked });

const refused = (path: string, asked: Asked) => at<Refused>(path, asked);

const git = (...args: string[]) => runGit(repositoryPath(service.dataDir, org.org), args);
const quote = 'plugins/sales/commands/quote.yaml';
let turn = 0;

/** A request of one edit upon main. */
async function propose(more: object = {}, content = command(`Turn ${++turn}.`)): Promise<Shown> {
  const base = await git('rev-parse', 'main');
  const operations = [{ op: 'upsert', path: quote, content }];
  const answer = await at('', { body: { title: 'Say more', base, operations, ...more } });
  expect(answer.status, answer.text).toBe(201);
  return answer.body.data;
}

describe('POST /api/v1/change-requests', () => {
  it('opens one for a branch that was pushed', async () => {
    const head = await org.push({ 'README.md': 'A first line.\n' });
    await git('update-ref', 'refs/heads/readme', head);
    await git('update-ref', 'refs/heads/main', `${head}~1`);

    const made = await at('', { body: { title: 'Read me', source: 'readme' } });

    expect(made.status).toBe(201);
    const { number } = made.body.data;
    expect(made.headers.get('location')).toBe(`/api/v1/change-requests/${number}`);
    expect(made.body.data).toMatchObject({ head, source: 'readme', status: 'open', reviews: [] });
    expect(made.body.data).not.toHaveProperty('pending');
    const again = await refused('', { body: { title: 'Read me', source: 'readme' } });
    expect([again.status, again.body.error.code]).toEqual([409, 'RES_DUPLICATE']);
    await git('update-ref', 'refs/heads/main', head);
  });

  it('makes a branch for operations', async () => {
    const made = await propose({ draft: true, message: 'Word it better' });

    expect(made).toMatchObject({ source: `change/${made.number}`, status: 'draft' });
    expect(await git('rev-parse', made.source)).toBe(made.head);
    expect(await git('log', '-1', '--format=%s by %cn', made.head)).toBe(
      'Word it better by Waymark',
    );
  });

  it.each([
    ['neither branch nor operations', { title: 'x' }, 'operations'],
    ['both', { title: 'x', source: 'a', base: 'b'.repeat(40) }, 'base'],
    ['no title', { source: 'readme' }, 'title'],
    ['a title of two lines', { title: 'a\nb', source: 'readme' }, 'title'],
    ['a title of spaces', { title: '  ', source: 'readme' }, 'title'],
    ['NUL', { title: 'x', source: 'readme', description: 'a\0b' }, 'description'],
    ['a branch that is not there', { title: 'x', source: 'nowhere' }, 'source'],
    [
      'a base that is no commit',
      { title: 'x', base: 'b'.repeat(40), operations: [{ op: 'remove', path: 'x' }] },
      'base',
    ],
  ])('refuses %s', async (_what, body, field) => {
    const answer = await refused('', { body });

    expect([answer.status, answer.body.error.code]).toEqual([400, 'VAL_FAILED']);
    expect(answer.body.error.validationErrors?.map((one) => one.field)).toContain(field);
  });

  it('refuses a long title at once, whatever it ends with', async () => {
    const title = `${'x'.repeat(500_000)}\n`;
    const begun = cpuMs();

    const answer = await refused('', { body: { title, source: 'readme' } });

    expect(answer.status).toBe(400);
    expect(cpuMs() - begun).toBeLessThan(5000);
  });

  it('refuses an edit that starts from a commit which main has not', async () => {
    const { head: base } = await propose();
    const operations = [{ op: 'upsert', path: 'README.md', content: 'x' }];

    const answer = await refused('', { body: { title: 'x', base, operations } });

    expect(answer.body.error.message).toBe(`base: ${base} is no commit of main`);
  });
});

describe('GET /api/v1/change-requests', () => {
  it('lists the newest first, filtered, without what has to be worked out', async () => {
    const { number } = await propose({ title: 'To be listed' });
    const filter = encodeURIComponent(JSON.stringify({ title: 'To be listed', status: 'open' }));

    const all = await at<{ data: Shown[] }>('');
    const some = await at<{ data: Shown[] }>(`?filter=${filter}`);

    expect(all.body.data[0]?.number).toBe(number);
    expect(some.body.data.map((one) => one.number)).toEqual([number]);
    expect(some.body.data[0]).not.toHaveProperty('checks');
  });

  it('refuses a field that there is not', async () => {
    const answer = await refused('?sort=checks', {});

    expect([answer.status, answer.body.error.code]).toEqual([400, 'VAL_SORT_FIELD']);
  });
});

describe('a push to the branch', () => {
  it('moves the request along before it ends, and is told in the list', async () => {
    const { number, head, source } = await propose();
    const remote = `${service.url.replace('//', `//git:${org.admin}@`)}/git/${org.org}.git`;
    const next = await git('commit-tree', '-p', head, '-m', 'More', `${head}^{tree}`);

    await git('push', '-q', remote, `${next}:refs/heads/${source}`);

    const filter = encodeURIComponent(JSON.stringify({ number }));
    const { body } = await at<{ data: Shown[] }>(`?filter=${filter}`);
    expect(body.data).toMatchObject([{ number, head: next }]);
  });

  it('starts no branch whose name is a request’s', async () => {
    const remote = `${service.url.replace('//', `//git:${org.admin}@`)}/git/${org.org}.git`;

    await expect(git('push', remote, 'main:refs/heads/change/99')).rejects.toThrow(
      'branches change/<number> are started by Waymark: choose another name',
    );
  });
});

describe('GET /api/v1/change-requests/:number', () => {
  it('says what was checked, and that it can be merged', async () => {
    const { number } = await propose();

    const { body } = await at(`/${number}`);

    expect(body.data.mergeable).toBe(true);
    expect(body.data.checks.map(({ name, status, summary }) => [name, status, summary])).toEqual([
      ['schema', 'passed', 'valid, 0 warnings'],
      ['objects', 'passed', '0 added, 2 changed, 0 removed'],
      ['clients', 'passed', '1 plugin change in rolling'],
      ['secrets', 'passed', 'none found'],
      ['approvals', 'passed', '0 of 0 approvals'],
    ]);
  });

  it.each(['999999', '0', '1.5', 'x', '99999999999999999999'])('is 404 for %s', async (number) => {
    const answer = await refused(`/${number}`, {});

    expect([answer.status, answer.body.error.message]).toEqual([
      404,
      `there is no change request ${number}`,
    ]);
  });
});

describe('PUT /api/v1/change-requests/:number', () => {
  it('changes words and readiness, of the version that was read', async () => {
    const { number, version } = await propose({ draft: true });
    const body = { title: 'Better said', status: 'open' };
    const headers = { 'if-match': `"${version}"` };

    const first = await at(`/${number}`, { method: 'PUT', body, headers });
    const second = await refused(`/${number}`, { method: 'PUT', body, headers });

    expect(first.body.data).toMatchObject({ ...body, version: version + 1 });
    expect([second.status, second.body.error.code]).toEqual([409, 'RES_VERSION_CONFLICT']);
  });
});

describe('GET /api/v1/change-requests/:number/checks', () => {
  it('names the line of a fault', async () => {
    const { number } = await propose({}, 'apiVersion: waymark/v1\nkind: Comand\n');

    const { body } = await at<{ data: Pick<Shown, 'head' | 'checks'> }>(`/${number}/checks`);

    expect(body.data.checks[0]).toMatchObject({
      name: 'schema',
      status: 'failed',
      diagnostics: [{ path: quote, line: 2, column: 7, code: 'wrong-kind' }],
    });
    const merge = await refused(`/${number}/merge`, { body: { method: 'merge' } });
    expect([merge.status, merge.body.error.code]).toEqual([422, 'CHANGE_NOT_MERGEABLE']);
    expect(merge.body.error.details?.['reasons']).toMatchObject([{ check: 'schema' }]);
  });
});

describe('GET /api/v1/change-requests/:number/diff', () => {
  it('tells files, objects and what clients would receive', async () => {
    const { number } = await propose();

    const { body } = await at<{ data: Record<string, unknown> }>(`/${number}/diff`);

    expect(body.data).toMatchObject({
      files: [
        { path: quote, status: 'changed', diff: expect.stringContaining('+  template: Turn') },
      ],
      objects: { added: [], removed: [] },
      clients: [
        {
          channel: 'rolling',
          plugin: 'sales',
          change: 'updated',
          audience: { before: ['everyone'], after: ['everyone'] },
        },
      ],
    });
  });

  it('still tells it once the request is merged', async () => {
    const { number } = await propose();
    await at(`/${number}/merge`, { body: { method: 'squash' } });

    const { body } = await at<{ data: { files: { path: string }[] } }>(`/${number}/diff`);

    expect(body.data.files.map(({ path }) => path)).toEqual([quote]);
  });
});

describe('POST /api/v1/change-requests/:number/reviews', () => {
  it('adds the verdict of another person', async () => {
    const { number, head } = await propose();
    const body = { verdict: 'approved', body: 'Good.', head };

    const answer = await at<{ data: object }>(`/${number}/reviews`, { token: lin, body });

    expect(answer.status).toBe(201);
    const review = { reviewer: 'user:lin@example.com', ...body, isStale: false };
    expect(answer.body.data).toMatchObject(review);
    const { body: list } = await at<{ data: object[] }>(`/${number}/reviews`);
    expect(list.data).toMatchObject([review]);
  });

  it('refuses the verdict of a key that an administrator made for somebody', async () => {
    const { number, head } = await propose();
    const token = await org.keyOf({ role: 'approver', user: 'kim@example.com' });
    const body = { verdict: 'approved', head };

    const answer = await refused(`/${number}/reviews`, { token, body });

    expect([answer.status, answer.body.error.code]).toEqual([403, 'PERM_DENIED']);
  });

  it('refuses that of a key which such a key made, as if it were the person', async () => {
    const { number, head } = await propose();
    const first = await org.keyOf({ role: 'admin', user: 'kim@example.com' });
    const url = `${service.url}/api/v1/api-keys`;
    const more = { name: 'more', roles: ['admin'], user: 'kim@example.com' };
    const made = await ask<{ data: { key: string } }>(url, { token: first, body: more });
    const body = { verdict: 'approved', head };

    const answer = await refused(`/${number}/reviews`, { token: made.body.data.key, body });

    expect([made.status, answer.status, answer.body.error.code]).toEqual([201, 403, 'PERM_DENIED']);
  });

  it('is stale once the branch has moved, and refused for a commit that it has left', async () => {
    const { number, head, source } = await propose();
    const body = { verdict: 'approved', head };
    await at(`/${number}/reviews`, { token: lin, body });
    const next = await git('commit-tree', '-p', head, '-m', 'More', `${head}^{tree}`);
    await git('update-ref', `refs/heads/${source}`, next);

    const late = await refused(`/${number}/reviews`, { token: lin, body });

    expect([late.status, late.body.error.details]).toEqual([409, { head: next }]);
    const shown = await at(`/${number}`);
    expect(shown.body.data).toMatchObject({ head: next, reviews: [{ isStale: true }] });
  });
});

describe('POST /api/v1/change-requests/:number/merge', () => {
  it('brings it into main, which clients are served at once', async () => {
    const { number, head } = await propose();

    const merged = await at(`/${number}/merge`, { body: { method: 'fast-forward', head } });

    expect(merged.body.data).toMatchObject({ status: 'merged', mergeCommit: head, checks: [] });
    const path = '/plugins/sales/manifest?channel=rolling';
    const manifest = await org.get<{ resolved: { commit: string } }>(path);
    expect(manifest.body.resolved.commit).toBe(head);
  });

  it('names the conflicts', async () => {
    const [{ number: first }, { number: second }] = [await propose(), await propose()];
    await at(`/${first}/merge`, { body: { method: 'merge' } });

    const answer = await refused(`/${second}/merge`, { body: { method: 'merge' } });

    expect([answer.status, answer.body.error.details]).toEqual([409, { conflicts: [quote] }]);
    const { body } = await at(`/${second}`);
    expect(body.data).toMatchObject({ mergeable: false, conflicts: [quote] });
    expect(body.data.checks[0]).toMatchObject({ name: 'schema', status: 'pending' });
  });
});

describe('POST /api/v1/change-requests/:number/close', () => {
  it('ends it', async () => {
    const { number } = await propose();

    expect((await at(`/${number}/close`, { method: 'POST' })).body.data.status).toBe('closed');

    const again = await refused(`/${number}/close`, { method: 'POST' });
    expect([again.status, again.body.error.code]).toEqual([409, 'RES_STATE_CONFLICT']);
  });
});

describe('POST /api/v1/changes on a protected main', () => {
  it('opens a request instead', async () => {
    const spec =
      '  title: Tools\n  delivery: {defaultAccess: orgWide}\n  protection: {approvals: 1}';
    const text = `apiVersion: waymark/v1\nkind: Registry\nspec:\n${spec}\n`;
    const base = await org.push({ 'registry.yaml': text });
    const operations = [{ op: 'upsert', path: quote, content: command('Ask first.') }];

    const url = `${service.url}/api/v1/changes`;
    const body = { base, message: 'Ask first\n\nAs agreed.', operations };
    const answer = await ask<{ data: { change: { number: number; url: string } } }>(url, {
      token: org.admin,
      body,
    });

    expect(answer.status, answer.text).toBe(202);
    const { number, url: place } = answer.body.data.change;
    expect(answer.headers.get('location')).toBe(place);
    expect(place).toBe(`/api/v1/change-requests/${number}`);
    const { body: shown } = await at(`/${number}`);
    expect(shown.data).toMatchObject({
      title: 'Ask first',
      description: 'As agreed.',
      mergeable: false,
      checks: expect.arrayContaining([
        { name: 'approvals', status: 'pending', summary: '0 of 1 approvals', diagnostics: [] },
      ]),
    });
  });
});
