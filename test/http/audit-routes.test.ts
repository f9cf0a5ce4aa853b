import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ChainedEntry, type ChainReport, findBreak } from '../../src/model/audit-chain.ts';
import { type Checkpoint, verifyCheckpoint } from '../../src/signing/checkpoint.ts';
import { keysOfRole, parseRoot } from '../../src/signing/root.ts';
import { type Answered, type Asked, ask, type Refused } from '../support/app.ts';
import { type OrgApi, openOrg } from '../support/org-api.ts';
import { openService, type TestService } from '../support/service.ts';
import { tamper } from '../support/tamper.ts';

type Enveloped<T> = { data: T; meta: { pagination: { totalItems: number } } };

let service: TestService;
let tools: OrgApi;
let auditor: string;
let orgs = 0;

beforeAll(async () => {
  service = await openService();
});

// Logs are tampered with, so each test has an org of its own.
beforeEach(async () => {
  orgs += 1;
  tools = await openOrg(service, { org: `tools-${orgs}` });
  auditor = await tools.keyOf({ role: 'auditor' });
  return () => tools.close();
});

afterAll(async () => {
  expect(service.logged).toEqual([]);
  await service.close();
});

const call = <T = Refused>(path: string, asked: Asked = {}): Promise<Answered<T>> =>
  ask<T>(`${service.url}/api/v1/audit${path}`, { token: auditor, ...asked });

const asSite = (tenant: string): Asked => ({
  token: service.admin,
  headers: { 'x-waymark-org': tenant },
});

async function dataOf<T>(path: string, asked?: Asked): Promise<T> {
  const answer = await call<Enveloped<T>>(path, asked);
  expect(answer.status, answer.text).toBeLessThan(300);
  return answer.body.data;
}

const entries = async (asked?: Asked): Promise<ChainedEntry[]> => {
  const { text } = await call('?format=ndjson', asked);
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as ChainedEntry);
};

const filterOf = (filter: object): string => encodeURIComponent(JSON.stringify(filter));

const refusal = ({ status, body }: Answered<Refused>) => [status, body.error.code];

describe('GET /api/v1/audit', () => {
  it('gives the entries of the org, the newest first, with exactly the fields of the log', async () => {
    const [newest, ...older] = await dataOf<ChainedEntry[]>('');

    expect(newest).toEqual({
      sequence: older.length + 1,
      at: expect.any(String),
      tenant: tools.org,
      actor: expect.stringMatching(/^key:/),
      action: 'api-key.create',
      resource: expect.any(String),
      after: expect.any(Object),
      requestId: expect.any(String),
      previousHash: older[0]!.hash,
      hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(older.at(-1)).toMatchObject({ sequence: 1, action: 'org.create' });
  });

  it('finds what one request did', async () => {
    const headers = { 'x-request-id': 'request-of-a-test', 'x-waymark-org': tools.org };
    const body = { name: 'one', roles: ['viewer'] };
    const made = { token: service.admin, headers, body };
    await ask(`${service.url}/api/v1/api-keys`, made);

    const filter = filterOf({ requestId: 'request-of-a-test' });
    const found = await call<Enveloped<ChainedEntry[]>>(`?filter=${filter}`);

    expect(found.body.data).toMatchObject([{ action: 'api-key.create' }]);
    expect(found.body.meta.pagination.totalItems).toBe(1);
  });

  it.each([
    [{ action: 'registry.create' }, []],
    [{ action: { $startsWith: 'org.' } }, ['org.activate', 'org.create']],
    [{ sequence: { $lt: 2 } }, ['org.create']],
    [{ actor: 'system:start' }, []],
    [{ at: { $gt: '2100-01-01T00:00:00Z' } }, []],
  ])('filters by %j', async (filter, actions) => {
    const found = await dataOf<ChainedEntry[]>(`?filter=${filterOf(filter)}`);

    expect(found.map(({ action }) => action)).toEqual(actions);
  });

  it('sorts by sequence alone', async () => {
    const ascending = await dataOf<ChainedEntry[]>('?sort=sequence&pageSize=2');

    expect(ascending.map(({ sequence }) => sequence)).toEqual([1, 2]);
    expect(refusal(await call('?sort=actor'))).toEqual([400, 'VAL_SORT_FIELD']);
  });

  it("gives the site's own log to its administrators, and that of an org that is gone", async () => {
    await ask(`${service.url}/api/v1/orgs/${tools.org}`, {
      method: 'DELETE',
      token: service.admin,
    });

    const site = await dataOf<ChainedEntry[]>('', asSite('*'));
    const [last] = await dataOf<ChainedEntry[]>(`?tenant=${tools.org}`, asSite('*'));

    expect(site.every(({ tenant }) => tenant === '*')).toBe(true);
    expect(last).toMatchObject({ tenant: tools.org, action: 'org.remove' });
  });

  it("refuses an org's auditor another tenant", async () => {
    expect(refusal(await call('?tenant=globex'))).toEqual([400, 'VAL_FAILED']);
    expect(refusal(await call('', { headers: { 'x-waymark-org': '*' } }))).toEqual([
      404,
      'RES_NOT_FOUND',
    ]);
  });
});

describe('GET /api/v1/audit?format=ndjson', () => {
  it('gives the whole chain, an entry a line', async () => {
    const { headers } = await call('?format=ndjson');
    const all = await entries();

    expect(headers.get('content-type')).toBe('application/x-ndjson');
    expect(all.length).toBeGreaterThan(3);
    expect(all[0]!.sequence).toBe(1);
    expect(findBreak(all)).toBeUndefined();
  });

  it('gives more than one part of a long log', async () => {
    const insert = `with recursive n(i) as (select 1 union all select i + 1 from n where i < 1234)
      insert into audit select ?, i, '', '', '', '', null, null, null, '', '' from n`;
    tamper(service.dataDir, insert, 'long');

    const { text } = await call('?format=ndjson&tenant=long', asSite('*'));

    expect(text.split('\n').slice(0, -1)).toHaveLength(1234);
  });

  it('is refused for a part of it', async () => {
    for (const part of ['filter={}', 'sort=sequence', 'page=2', 'pageSize=5']) {
      expect(refusal(await call(`?format=ndjson&${part}`))).toEqual([400, 'VAL_FAILED']);
    }
    expect(refusal(await call('?format=csv'))).toEqual([400, 'VAL_FAILED']);
  });
});

describe('POST /api/v1/audit/checkpoints', () => {
  it("signs the log's last entry with the org's index key, and says who asked", async () => {
    const last = (await entries()).at(-1)!;

    const made = await dataOf<Checkpoint>('/checkpoints', { method: 'POST' });

    expect(made).toMatchObject({ tenant: tools.org, sequence: last.sequence, hash: last.hash });
    const root = await tools.get('/root');
    const index = keysOfRole(parseRoot(Buffer.from(root.text)), 'index');
    await verifyCheckpoint(made, index);
    expect((await entries()).at(-1)).toMatchObject({
      action: 'audit.checkpoint',
      resource: String(last.sequence),
      after: { hash: last.hash },
      requestId: expect.any(String),
    });
  });

  it('is refused for the log of the site, which has no key', async () => {
    const answer = await call('/checkpoints', { method: 'POST', ...asSite('*') });

    expect(refusal(answer)).toEqual([409, 'RES_STATE_CONFLICT']);
  });
});

describe('GET /api/v1/audit/checkpoints', () => {
  it('lists them, the newest first', async () => {
    const first = await dataOf<Checkpoint>('/checkpoints', { method: 'POST' });
    const second = await dataOf<Checkpoint>('/checkpoints', { method: 'POST' });

    expect(await dataOf('/checkpoints')).toEqual([second, first]);
  });
});

describe('GET /api/v1/audit/checkpoints/:sequence', () => {
  it('finds one by the entry that it vouches for', async () => {
    const first = await dataOf<Checkpoint>('/checkpoints', { method: 'POST' });
    await dataOf('/checkpoints', { method: 'POST' });

    expect(await dataOf(`/checkpoints/${first.sequence}`)).toEqual(first);
  });

  it.each(['9999', '0', 'latest'])('is 404 for %s', async (sequence) => {
    expect(refusal(await call(`/checkpoints/${sequence}`))).toEqual([404, 'RES_NOT_FOUND']);
  });
});

describe('GET /api/v1/audit/verify', () => {
  const where = (sequence: number) => [tools.org, sequence] as const;
  const verify = () => dataOf<ChainReport>('/verify');

  it('finds an untouched log whole', async () => {
    const checkpoint = await dataOf<Checkpoint>('/checkpoints', { method: 'POST' });

    const report = await verify();

    const all = await entries();
    expect(report).toEqual({ ok: true, entries: all.length, gaps: [], checkpoint });
  });

  it('finds the log of the site whole', async () => {
    const report = await dataOf('/verify', asSite('*'));

    expect(report).toMatchObject({ ok: true, checkpoint: null });
  });

  it('names the entry that was altered', async () => {
    const alter = 'update audit set actor = ? where tenant = ? and sequence = ?';
    tamper(service.dataDir, alter, 'user:somebody-else', ...where(2));

    expect(await verify()).toMatchObject({ ok: false, firstBreak: 2, gaps: [] });
  });

  it('names what was deleted', async () => {
    tamper(service.dataDir, 'delete from audit where tenant = ? and sequence = ?', ...where(2));

    expect(await verify()).toMatchObject({
      ok: false,
      firstBreak: 3,
      gaps: [{ from: 2, to: 2 }],
    });
  });

  it('misses an end that was cut off, by the newest checkpoint', async () => {
    const { sequence } = await dataOf<Checkpoint>('/checkpoints', { method: 'POST' });
    const cut = 'delete from audit where tenant = ? and sequence >= ?';
    tamper(service.dataDir, cut, ...where(sequence));

    expect(await verify()).toMatchObject({ ok: false, firstBreak: sequence });
  });
});
