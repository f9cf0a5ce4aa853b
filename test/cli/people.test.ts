import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeClient, type TestClient } from '../support/client.ts';
import { type FakeApi, startFakeApi, success } from '../support/fake-api.ts';

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

const id = '01919191-0000-7000-8000-00000000000a';
const ada = { id, username: 'ada', displayName: 'Ada', isSiteAdmin: false, disabledAt: null };
const member = {
  userId: id,
  username: 'ada',
  displayName: 'Ada',
  roles: ['editor', 'approver'],
  departments: [],
};
const asked = () => api.requests.map(({ method, path }) => `${method} ${path}`);

describe('waymark user create', () => {
  it('makes a person with the password on standard input, without its line end', async () => {
    api.routes['POST /users'] = [201, success(ada)];
    client.stdin = ' correct horse battery\n';

    const { stdout } = await client.run(
      'user',
      'create',
      'ada',
      '--password',
      '--name',
      'Ada',
      '--email',
      'ada@example.com',
    );

    expect(stdout).toBe(`made ada (${id})\n`);
    expect(api.requests[0]?.body).toEqual({
      username: 'ada',
      displayName: 'Ada',
      email: 'ada@example.com',
      password: ' correct horse battery',
    });
  });

  it('reads nothing for a person who has no password', async () => {
    api.routes['POST /users'] = [201, success(ada)];
    client.stdin = 'not for this';

    await client.run('user', 'create', 'ada', '--site-admin');

    expect(api.requests[0]?.body).toEqual({ username: 'ada', isSiteAdmin: true });
  });

  it('makes nobody when the password is missing: exit 2', async () => {
    const { exitCode, stderr } = await client.run('user', 'create', 'ada', '--password');

    expect(exitCode).toBe(2);
    expect(stderr).toBe('waymark: standard input has no password\n');
    expect(api.requests).toEqual([]);
  });
});

describe('waymark user list', () => {
  it('says who is disabled, and who an administrator', async () => {
    const eve = { ...ada, username: 'eve', isSiteAdmin: true, disabledAt: '2026-11-21T00:00:00Z' };
    const root = { ...ada, username: 'root', isSiteAdmin: true };
    api.routes['GET /users'] = [200, success([ada, eve, root])];

    const { stdout } = await client.run('user', 'list');

    expect(stdout.split('\n').slice(0, 4)).toEqual([
      `USERNAME  NAME  STATE       ID`,
      `ada       Ada   -           ${id}`,
      `eve       Ada   disabled    ${id}`,
      `root      Ada   site admin  ${id}`,
    ]);
  });
});

describe('waymark member set', () => {
  it('gives a member other roles, by their user name', async () => {
    api.routes['GET /members'] = [200, success([member])];
    api.routes[`PUT /members/${id}`] = [200, success(member)];

    const { stdout } = await client.run('member', 'set', 'ada', '--role', 'editor', 'approver');

    expect(stdout).toBe('ada is editor, approver\n');
    expect(api.requests[0]?.query['filter']).toBe('{"username":"ada"}');
    expect(api.requests[1]?.body).toEqual({ roles: ['editor', 'approver'] });
  });

  it('makes somebody a member whom a site administrator knows by name', async () => {
    api.routes['GET /members'] = [200, success([])];
    api.routes['GET /users'] = [200, success([ada])];
    api.routes[`PUT /members/${id}`] = [201, success(member)];

    const { exitCode } = await client.run('member', 'set', 'ada', '--role', 'editor');

    expect(exitCode).toBe(0);
    expect(asked()).toEqual(['GET /members', 'GET /users', `PUT /members/${id}`]);
  });

  it('takes an id from whoever may not list people', async () => {
    api.routes[`PUT /members/${id}`] = [200, success(member)];

    await client.run('member', 'set', id, '--department', 'sales');

    expect(asked()).toEqual([`PUT /members/${id}`]);
    expect(api.requests[0]?.body).toEqual({ departments: ['sales'] });
  });

  it('says to give the id where the name is not known: exit 1', async () => {
    const error = { code: 'PERM_DENIED', message: 'this needs sites:manage' };
    api.routes['GET /members'] = [200, success([])];
    api.routes['GET /users'] = [403, { success: false, error }];

    const { exitCode, stderr } = await client.run('member', 'set', 'eve', '--role', 'editor');

    expect(exitCode).toBe(1);
    expect(stderr).toBe(
      'waymark: no eve is known to you here: give their id, or make them a user first\n',
    );
  });

  it('says what the server says when it does not answer the question', async () => {
    const error = { code: 'RATE_LIMITED', message: 'too many requests' };
    api.routes['GET /members'] = [200, success([])];
    api.routes['GET /users'] = [429, { success: false, error }];

    const { stderr } = await client.run('member', 'set', 'eve', '--role', 'editor');

    expect(stderr).toBe('waymark: too many requests\n');
  });

  it('asks for what to set: exit 2', async () => {
    expect((await client.run('member', 'set', 'ada')).exitCode).toBe(2);
    expect(api.requests).toEqual([]);
  });
});

describe('waymark member list', () => {
  it('shows roles and departments', async () => {
    const rita = { ...member, username: 'rita', departments: ['sales', 'legal'] };
    api.routes['GET /members'] = [200, success([member, rita])];

    const { stdout } = await client.run('member', 'list');

    expect(stdout.split('\n')[1]).toBe(`ada       Ada   editor,approver  -            ${id}`);
    expect(stdout.split('\n')[2]).toBe(`rita      Ada   editor,approver  sales,legal  ${id}`);
  });
});

describe('waymark member remove', () => {
  it('ends a membership', async () => {
    api.routes['GET /members'] = [200, success([member])];
    api.routes[`DELETE /members/${id}`] = [204, undefined];

    expect((await client.run('member', 'remove', 'ada')).stdout).toBe('removed ada\n');
    expect(asked().at(-1)).toBe(`DELETE /members/${id}`);
  });
});
