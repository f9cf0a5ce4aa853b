import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeClient, type TestClient } from '../support/client.ts';
import { type FakeApi, startFakeApi, success } from '../support/fake-api.ts';

let api: FakeApi;
let client: TestClient;

beforeEach(async () => {
  api = await startFakeApi();
  client = await makeClient({ WAYMARK_URL: api.url, WAYMARK_TOKEN: 'wmk_1_s' });
});
afterEach(async () => {
  await client.remove();
  await api.close();
});

const secret = { name: 'token', updatedAt: '2026-11-21T06:53:57.831Z', updatedBy: 'key:0f3a' };

describe('waymark secret set', () => {
  it.each([
    ['a token, without the line end', 's3cret\n', 's3cret'],
    ['a token from Windows', 's3cret\r\n', 's3cret'],
    ['a token that nothing ends', 's3cret', 's3cret'],
    ['a private key as it is', '-----BEGIN\nAAAA\n', '-----BEGIN\nAAAA\n'],
    ['spaces too', ' s3cret ', ' s3cret '],
  ])('stores %s', async (_what, stdin, value) => {
    api.routes['PUT /secrets/token'] = [200, success(secret)];
    client.stdin = stdin;

    const { stdout } = await client.run('secret', 'set', 'token');

    expect(stdout).toBe('stored token\n');
    expect(api.requests[0]?.body).toEqual({ value });
  });

  it('never says the value', async () => {
    api.routes['PUT /secrets/token'] = [200, success(secret)];
    client.stdin = 's3cret';

    const { stdout, stderr } = await client.run('secret', 'set', 'token', '--json');

    expect(JSON.parse(stdout)).toEqual(secret);
    expect(stdout + stderr).not.toContain('s3cret');
  });

  it.each(['', '\n'])('stores nothing for %j: exit 2', async (stdin) => {
    client.stdin = stdin;

    const { exitCode, stderr } = await client.run('secret', 'set', 'token');

    expect(exitCode).toBe(2);
    expect(stderr).toBe('waymark: standard input has no value\n');
    expect(api.requests).toEqual([]);
  });

  it('keeps a name within its path', async () => {
    client.stdin = 's3cret';

    await client.run('secret', 'set', '../orgs/acme');

    expect(api.requests[0]?.path).toBe('/secrets/..%2Forgs%2Facme');
  });
});

describe('waymark secret list', () => {
  it('shows names, and who stored them when', async () => {
    api.routes['GET /secrets'] = [200, success([secret])];

    expect((await client.run('secret', 'list')).stdout).toBe(
      'NAME   UPDATED                   BY\ntoken  2026-11-21T06:53:57.831Z  key:0f3a\n',
    );
  });
});

describe('waymark secret remove', () => {
  it('removes one', async () => {
    api.routes['DELETE /secrets/token'] = [204, undefined];

    expect((await client.run('secret', 'remove', 'token')).stdout).toBe('removed token\n');
  });
});
