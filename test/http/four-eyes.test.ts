import { afterAll, beforeAll, expect, it } from 'vitest';
import { repositoryPath } from '../../src/git/repository.ts';
import { type Answered, ask, type Refused } from '../support/app.ts';
import { runGit } from '../support/git.ts';
import { type OrgApi, openOrg } from '../support/org-api.ts';
import { openService, type TestService } from '../support/service.ts';
import { command, smallRegistry } from '../support/small-registry.ts';

const spec = '  title: Tools\n  delivery: {defaultAccess: orgWide}\n  protection: {approvals: 1}';
const registry = `apiVersion: waymark/v1\nkind: Registry\nspec:\n${spec}\n`;

let service: TestService;
let org: OrgApi;
let boss: string;
let lin: string;
let turn = 0;

beforeAll(async () => {
  service = await openService();
  org = await openOrg(service, { files: { ...smallRegistry, 'registry.yaml': registry } });
  boss = await org.ownKeyOf({ role: 'admin', username: 'boss' });
  lin = await org.ownKeyOf({ role: 'publisher', username: 'lin' });
});
afterAll(async () => {
  await org.close();
  await service.close();
});

interface Shown {
  number: number;
  head: string;
  source: string;
  checks: { name: string; status: string; summary: string }[];
}

const call = <T>(token: string, path: string, body?: object): Promise<Answered<T>> =>
  ask<T>(`${service.url}/api/v1${path}`, { token, ...(body && { body }) });

const git = (...args: string[]) => runGit(repositoryPath(service.dataDir, org.org), args);

async function proposeAs(token: string): Promise<Shown> {
  turn += 1;
  const content = command(`Turn ${turn}.`);
  const operations = [{ op: 'upsert', path: 'plugins/sales/commands/quote.yaml', content }];
  const body = { title: 'Say more', base: await git('rev-parse', 'main'), operations };
  const answer = await call<{ data: Shown }>(token, '/change-requests', body);
  expect(answer.status, answer.text).toBe(201);
  return answer.body.data;
}

async function pushAs(token: string, { head, source }: Shown): Promise<string> {
  const remote = `${service.url.replace('//', `//git:${token}@`)}/git/${org.org}.git`;
  const next = await git('commit-tree', '-p', head, '-m', 'More', `${head}^{tree}`);
  await git('push', '-q', remote, `${next}:refs/heads/${source}`);
  return next;
}

const approve = (token: string, number: number, head: string) =>
  call<Refused>(token, `/change-requests/${number}/reviews`, { verdict: 'approved', head });

const keyFor = async (user: string, maker: string) => {
  const body = { name: `for-${user}`, roles: ['editor'], user };
  const made = await call<{ data: { key: string } }>(maker, '/api-keys', body);
  expect(made.status, made.text).toBe(201);
  return made.body.data.key;
};

async function approvalsOf(number: number) {
  const { body } = await call<{ data: Shown }>(org.admin, `/change-requests/${number}`);
  return body.data.checks.find(({ name }) => name === 'approvals');
}

it('whoever pushes to another’s request approves it no more; a third person does', async () => {
  const request = await proposeAs(boss);
  const head = await pushAs(lin, request);

  const own = await approve(lin, request.number, head);
  expect([own.status, own.body.error.code]).toEqual([403, 'PERM_DENIED']);

  const rita = await org.ownKeyOf({ role: 'approver', username: 'rita' });
  expect((await approve(rita, request.number, head)).status).toBe(201);
  expect(await approvalsOf(request.number)).toMatchObject({ status: 'passed' });
});

it('whoever made the key by which a request was opened or pushed to does not approve it', async () => {
  const key = await keyFor('kim@example.com', boss);
  const opened = await proposeAs(key);
  const pushed = await proposeAs(lin);
  const head = await pushAs(key, pushed);

  const ofOpened = await approve(boss, opened.number, opened.head);
  const ofPushed = await approve(boss, pushed.number, head);

  expect([ofOpened.status, ofPushed.status]).toEqual([403, 403]);
  expect((await approve(lin, opened.number, opened.head)).status).toBe(201);
});

it('an approval counts no more once who gave it has left', async () => {
  const { number, head } = await proposeAs(boss);
  const sam = await org.ownKeyOf({ role: 'approver', username: 'sam' });
  expect((await approve(sam, number, head)).status).toBe(201);
  expect(await approvalsOf(number)).toMatchObject({ status: 'passed' });
  const members = await call<{ data: { userId: string; username: string }[] }>(
    org.admin,
    '/members',
  );
  const { userId } = members.body.data.find(({ username }) => username === 'sam')!;

  const url = `${service.url}/api/v1/members/${userId}`;
  const removed = await ask(url, { method: 'DELETE', token: org.admin });

  expect(removed.status, removed.text).toBeLessThan(300);
  expect(await approvalsOf(number)).toMatchObject({
    status: 'pending',
    summary: '0 of 1 approvals, not counted: user:sam',
  });
  const merge = await call<Refused>(lin, `/change-requests/${number}/merge`, { method: 'merge' });
  expect([merge.status, merge.body.error.code]).toEqual([422, 'CHANGE_NOT_MERGEABLE']);
});
