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

const url = 'https://git.example.com/tools.git';
const head = 'a'.repeat(40);

const upstream = {
  url,
  branch: 'main',
  head,
  lastSuccessAt: '2026-11-21T06:53:57.831Z',
  lastError: null,
  lastWriteError: null,
  conditions: [],
};

const pushed = {
  id: '019a5d3e-7c00-7d7a-9f3b-2f1f5f0c8a11',
  kind: 'force-push',
  ref: 'refs/heads/main',
  old: head,
  new: 'b'.repeat(40),
  diagnostics: [],
  raisedAt: '2026-11-21T07:00:00.000Z',
  acceptedAt: null,
};

const broken = {
  ...pushed,
  id: '019a5d3e-7c00-7d7a-9f3b-2f1f5f0c8a12',
  kind: 'broken-commit',
  diagnostics: [
    {
      severity: 'error',
      code: 'unknown-field',
      path: 'registry.yaml',
      line: 4,
      column: 3,
      pointer: '/spec/tite',
      message: 'spec has no field "tite"',
      hint: 'did you mean title?',
    },
  ],
};

const show = async (facts: object) => {
  api.routes['GET /upstream'] = [200, success({ ...upstream, ...facts })];
  return (await client.run('upstream', 'show')).stdout;
};

describe('waymark upstream show', () => {
  it('says what is followed, and since when', async () => {
    expect(await show({})).toBe(`${url} main ${head}\nlast followed 2026-11-21T06:53:57.831Z\n`);
  });

  it('says that nothing was fetched yet, and why', async () => {
    const lastError = { reason: 'secret-missing', message: 'there is no secret token' };

    expect(await show({ head: null, lastSuccessAt: null, lastError })).toBe(
      `${url} main (nothing fetched yet)\nlast followed never\n` +
        'failed: secret-missing: there is no secret token\n',
    );
  });

  it('says what could not be written there', async () => {
    const lastWriteError = { what: 'status', reason: 'not-found', message: 'no such project' };

    expect(await show({ lastWriteError })).toMatch(
      /\nfailed to write a status: no such project\n$/,
    );
  });

  it('lists what waits for a person, and what is wrong in a commit', async () => {
    const accepted = { ...pushed, acceptedAt: pushed.raisedAt };

    const lines = (await show({ conditions: [accepted, pushed, broken] })).split('\n');

    expect(lines.slice(2)).toEqual([
      '',
      'CONDITION                             KIND           REF              FROM        TO          SINCE',
      `${pushed.id}  force-push     refs/heads/main  aaaaaaaaaa  bbbbbbbbbb  2026-11-21T07:00:00.000Z`,
      `${broken.id}  broken-commit  refs/heads/main  aaaaaaaaaa  bbbbbbbbbb  2026-11-21T07:00:00.000Z`,
      '  registry.yaml:4:3 spec has no field "tite" (did you mean title?)',
      '',
    ]);
  });

  it('is one JSON value with --json', async () => {
    api.routes['GET /upstream'] = [200, success(upstream)];

    const { stdout } = await client.run('upstream', 'show', '--json');

    expect(JSON.parse(stdout)).toEqual(upstream);
  });

  it('fails for a hosted organisation: exit 1', async () => {
    const { exitCode, stderr } = await client.run('upstream', 'show');

    expect(exitCode).toBe(1);
    expect(stderr).toContain('no /upstream');
  });
});

describe('waymark upstream sync', () => {
  it.each([200, 202])('has the server look, and shows what it answers: %i', async (status) => {
    api.routes['POST /upstream/sync'] = [status, success(upstream)];

    const { stdout } = await client.run('upstream', 'sync');

    expect(stdout).toContain(`${url} main ${head}\n`);
  });
});

describe('waymark upstream accept', () => {
  it('lets exactly that be followed', async () => {
    api.routes[`POST /upstream/conditions/${pushed.id}/accept`] = [200, success(pushed)];

    const { stdout } = await client.run('upstream', 'accept', pushed.id);

    expect(stdout).toBe(`accepted the force-push of refs/heads/main to ${pushed.new}\n`);
  });

  it('keeps an id within its path', async () => {
    await client.run('upstream', 'accept', '../../orgs');

    expect(api.requests[0]?.path).toBe('/upstream/conditions/..%2F..%2Forgs/accept');
  });

  it('needs one: exit 2', async () => {
    expect((await client.run('upstream', 'accept')).exitCode).toBe(2);
    expect(api.requests).toEqual([]);
  });
});
