import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Asked, ask, type Refused } from '../support/app.ts';
import { type OrgApi, openOrg } from '../support/org-api.ts';
import { openService, type TestService } from '../support/service.ts';
import { command } from '../support/small-registry.ts';

let service: TestService;
let org: OrgApi;
let publisher: string;
let editor: string;
/** What `main` is at before each test. */
let base: string;
let turn = 0;

const FILE = 'plugins/sales/commands/quote.yaml';

beforeAll(async () => {
  service = await openService();
  org = await openOrg(service);
  publisher = await org.keyOf({ role: 'publisher', user: 'ada@example.com' });
  editor = await org.keyOf({ role: 'editor' });
});
beforeEach(async () => {
  base = (await org.get<{ commit: string }>('/index')).body.commit;
});
afterAll(async () => {
  await org.close();
  await service.close();
});

const post = <T>(path: string, body: unknown, asked: Asked = {}) =>
  ask<T>(`${service.url}/api/v1${path}`, { token: publisher, body, ...asked });

/** An edit that nobody made before. */
function edit(more: object = {}) {
  turn += 1;
  const content = command(`Write quote ${turn}.`);
  return { base, message: 'Quote', operations: [{ op: 'upsert', path: FILE, content }], ...more };
}

const seqOf = (answer: { headers: Headers }) => answer.headers.get('x-waymark-seq');

describe('POST /api/v1/changes', () => {
  it('answers 201 with the commit that is now served', async () => {
    const answer = await post<{ data: { commit: string; sequence: number } }>('/changes', edit());

    const index = (await org.get<{ commit: string; sequence: number }>('/index')).body;
    expect(answer.status).toBe(201);
    expect(answer.body.data).toEqual({ commit: index.commit, sequence: index.sequence });
    expect(seqOf(answer)).toBe(String(index.sequence));
  });

  it('answers 202 with a change request to who may not move main', async () => {
    const answer = await post<{ data: { change: { number: number; head: string; url: string } } }>(
      '/changes',
      edit(),
      { token: editor },
    );

    const { change } = answer.body.data;
    expect(answer.status).toBe(202);
    expect(answer.headers.get('location')).toBe(change.url);
    const shown = await ask<{ data: object }>(service.url + change.url, { token: editor });
    expect(shown.body.data).toMatchObject({ head: change.head, title: 'Quote', status: 'open' });
    expect((await org.get<{ commit: string }>('/index')).body.commit).toBe(base);
  });

  it('answers a repeated request with the first answer', async () => {
    const asked = { headers: { 'idempotency-key': 'edit-1' } };
    const body = edit();

    const first = await post<{ data: object }>('/changes', body, asked);
    const second = await post<{ data: object }>('/changes', body, asked);

    expect([first.status, second.status]).toEqual([201, 201]);
    expect(second.body.data).toEqual(first.body.data);
  });

  it('answers 409 with the head once main has moved', async () => {
    await post('/changes', edit());

    const { status, body } = await post<Refused>('/changes', edit());

    const { commit: head } = (await org.get<{ commit: string }>('/index')).body;
    expect(status).toBe(409);
    expect(body.error).toMatchObject({
      code: 'RES_VERSION_CONFLICT',
      details: { head, changedPaths: [FILE], isMergeClean: false, conflicts: [FILE] },
    });
  });

  it('answers 422 with every fault of what would not compile', async () => {
    const operations = [{ op: 'upsert', path: FILE, content: 'kind: [\n' }];

    const { status, body } = await post<Refused>('/changes', edit({ operations }));

    expect(status).toBe(422);
    expect(body.error.code).toBe('REG_GATE_REFUSED');
    expect(body.error.details?.['diagnostics']).toEqual([
      expect.objectContaining({ path: FILE, line: 2, column: 1, message: expect.any(String) }),
    ]);
  });

  it.each<[object, string]>([
    [{ base: 'main' }, 'base'],
    [{ message: ' \n' }, 'message'],
    [{ message: 'a\0b' }, 'message'],
    [{ message: 'a\u001b[2Jb' }, 'message'],
    [{ operations: [] }, 'operations'],
    [{ operations: [{ op: 'move', path: 'a' }] }, 'operations.0'],
    [{ operations: [{ op: 'upsert', path: 'a' }] }, 'operations.0.content'],
    [{ operations: [{ op: 'remove', path: 'a', to: 'b' }] }, 'operations.0.to'],
    [
      { operations: [{ op: 'patch', path: 'a', patch: [{ op: 'move', path: '' }] }] },
      'operations.0.patch.0.from',
    ],
    [{ operations: Array(501).fill({ op: 'remove', path: 'a' }) }, 'operations'],
    [{ operations: [{ op: 'remove', path: 'none' }] }, 'operations.0.path'],
  ])('answers 400 and the field to %j', async (wrong, field) => {
    const { status, body } = await post<Refused>('/changes', edit(wrong));

    expect(status).toBe(400);
    expect(body.error.validationErrors?.map((one) => one.field)).toContain(field);
  });

  it('answers 403 to a viewer', async () => {
    const token = await org.keyOf({ role: 'viewer' });

    expect((await post('/changes', edit(), { token })).status).toBe(403);
    expect((await post('/changes/preview', edit(), { token })).status).toBe(403);
  });
});

describe('POST /api/v1/changes/preview', () => {
  it('answers 200 with what would come of it', async () => {
    const answer = await post<{ data: object }>('/changes/preview', edit(), { token: editor });

    expect(answer.status).toBe(200);
    expect(answer.body.data).toMatchObject({
      base,
      isValid: true,
      diff: [{ path: FILE, status: 'changed' }],
      objects: { added: [], removed: [] },
      digests: [{ plugin: 'sales' }],
    });
  });

  it('answers 200 with the faults of what would not compile', async () => {
    const operations = [{ op: 'remove', path: 'registry.yaml' }];

    const answer = await post<{ data: object }>('/changes/preview', edit({ operations }));

    expect(answer.status).toBe(200);
    expect(answer.body.data).toMatchObject({
      isValid: false,
      diagnostics: [{ code: 'missing-registry', path: 'registry.yaml' }],
      objects: null,
    });
  });
});

describe('X-Waymark-Min-Seq', () => {
  const read = (minimum: string) =>
    org.get<Refused>('/index', { headers: { 'x-waymark-min-seq': minimum } });

  it('lets a read see what was just written, past the hot path', async () => {
    const written = seqOf(await post('/changes', edit()))!;
    await org.get('/index');
    const before = service.hotAnswers();

    const answer = await read(written);

    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ sequence: Number(written) });
    expect(service.hotAnswers()).toBe(before);
  });

  it('waits for what is still to come', async () => {
    const next = Number(seqOf(await post('/changes', edit()))) + 1;
    const reading = read(String(next));
    const index = (await org.get<{ commit: string }>('/index')).body;

    await post('/changes', edit({ base: index.commit }));

    expect((await reading).body).toMatchObject({ sequence: next });
  });

  it('answers 503 for what does not come in 5 seconds', async () => {
    const { status, headers, body } = await read('999999999999999');

    expect(status).toBe(503);
    expect(headers.get('retry-after')).toBe('5');
    expect(body.error.code).toBe('RES_UNAVAILABLE');
  });

  it('answers 400 for what is no number', async () => {
    const { status, body } = await read('soon');

    expect(status).toBe(400);
    expect(body.error.validationErrors?.[0]?.field).toBe('X-Waymark-Min-Seq');
  });

  it('is told by every write', async () => {
    const key = await ask(`${service.url}/api/v1/api-keys`, {
      token: org.admin,
      body: { name: 'ci', roles: ['viewer'] },
    });

    expect(seqOf(key)).toBe(seqOf(await org.get('/index')));
  });
});
