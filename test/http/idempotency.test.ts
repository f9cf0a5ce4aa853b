import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { jsonBody } from '../../src/http/json-body.ts';
import { type Answer, type Route, route } from '../../src/http/route.ts';
import { mintApiKey } from '../../src/identity/keys.ts';
import { WaymarkError } from '../../src/model/errors.ts';
import { type Refused, serveApp, type TestApp } from '../support/app.ts';
import { addPerson } from '../support/people.ts';
import { makeApiKey, makeEntry, makeMember } from '../support/records.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

let app: TestApp;
let token: string;
let nowMs: number;
/** How often the handler was asked. */
let asked: number;
/** What it does, the first time and then. */
let work: () => Promise<Answer>;

const made = async (): Promise<Answer> => ({
  status: 201,
  body: { id: asked, key: `wmk_secret-${asked}` },
  headers: { Location: `/boxes/${asked}` },
});

const handle = async () => {
  asked += 1;
  return work();
};
const body = jsonBody<{ name: string }>({
  type: 'object',
  required: ['name'],
  properties: { name: { type: 'string' } },
});
const rows: Route[] = [
  route({ method: 'post', path: '/boxes', permission: 'releases:publish', body, handle }),
  route({ method: 'post', path: '/bags', permission: 'releases:publish', body, handle }),
  route({ method: 'post', path: '/log-in', permission: 'public', body, handle }),
  route({ method: 'put', path: '/boxes', permission: 'releases:publish', body, handle }),
];

beforeEach(async () => {
  asked = 0;
  work = made;
  nowMs = Date.parse('2026-03-01T12:00:00Z');
  app = await serveApp({ rows: () => rows, clock: () => nowMs });
  token = await app.keyOf('publisher');
});

afterEach(() => app.close());

interface Sent {
  key?: string;
  name?: string;
  path?: string;
  method?: string;
  who?: string;
}

const send = ({ key = 'k-1', name = 'a', path = '/boxes', method = 'POST', who }: Sent = {}) =>
  app.ask<Refused & { data: { id: number } }>(path, {
    method,
    token: who ?? token,
    headers: { 'idempotency-key': key },
    body: { name },
  });

describe('a repeated POST', () => {
  it('gets the first answer again: status, headers and what it shows once', async () => {
    const first = await send();

    const second = await send();

    expect(asked).toBe(1);
    expect(second.status).toBe(201);
    expect(second.headers.get('location')).toBe('/boxes/1');
    expect(second.body.data).toEqual(first.body.data);
    expect(second.headers.get('idempotency-replayed')).toBe('true');
    expect(first.headers.get('idempotency-replayed')).toBeNull();
    expect(second.body.meta.requestId).toBe(second.headers.get('x-request-id'));
  });

  it('gets the first refusal again, with all that it said', async () => {
    const facts = { details: { head: 'abc' } };
    work = async () => {
      throw new WaymarkError('REL_TAG_EXISTS', `refused ${asked}`, facts);
    };

    const [first, second] = [await send(), await send()];

    expect(asked).toBe(1);
    expect(second.status).toBe(409);
    expect(second.body.error).toEqual(first.body.error);
    expect(second.body.error).toEqual({
      code: 'REL_TAG_EXISTS',
      message: 'refused 1',
      details: { head: 'abc' },
    });
  });

  it.each([
    ['RES_UNAVAILABLE', 503],
    ['RATE_LIMITED', 429],
  ] as const)('is worked on anew after %s', async (code, status) => {
    work = async () => {
      throw new WaymarkError(code, 'not now');
    };
    expect((await send()).status).toBe(status);
    work = made;

    expect((await send()).status).toBe(201);
    expect(asked).toBe(2);
  });

  it('is worked on anew after a bug', async () => {
    work = async () => {
      throw new Error('a bug');
    };
    expect((await send()).status).toBe(500);
    work = made;

    expect((await send()).status).toBe(201);
  });

  it('with another body is 409', async () => {
    await send();

    const answer = await send({ name: 'b' });

    expect(answer.status).toBe(409);
    expect(answer.body.error.code).toBe('RES_IDEMPOTENCY_CONFLICT');
    expect(asked).toBe(1);
  });

  it('with another query is 409', async () => {
    await send();

    expect((await send({ path: '/boxes?at=1' })).body.error.code).toBe('RES_IDEMPOTENCY_CONFLICT');
  });

  it('is 409 while the first is being answered, and then gets its answer', async () => {
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    const { promise: opened, resolve: open } = Promise.withResolvers<void>();
    work = async () => {
      begin();
      await opened;
      return made();
    };
    const first = send();
    await begun;

    const second = await send();
    open();

    expect(second.status).toBe(409);
    expect(second.body.error.code).toBe('RES_STATE_CONFLICT');
    expect((await first).status).toBe(201);
    expect((await send()).body.data).toEqual((await first).body.data);
    expect(asked).toBe(1);
  });

  it('is worked on anew when a crash has cut off the first, a minute later', async () => {
    const never = Promise.withResolvers<Answer>();
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    work = () => {
      begin();
      return never.promise;
    };
    const first = send();
    await begun;
    work = made;

    nowMs += MINUTE_MS;
    const second = await send();
    never.resolve({ status: 201, body: { id: 'late' } });
    await first;

    expect(second.status).toBe(201);
    expect((await send()).body.data).toEqual(second.body.data);
  });

  it('is a new one after a day', async () => {
    await send();

    nowMs += DAY_MS;

    expect((await send()).body.data.id).toBe(2);
  });

  it('is checked for the caller’s permission first', async () => {
    await send();

    expect((await send({ who: await app.keyOf('viewer') })).status).toBe(403);
  });

  it('is stored so that the database alone does not tell what it showed', async () => {
    await send();

    const [kept] = app.memory.keptAnswers;
    const stored = Buffer.from(kept?.sealed ?? '', 'base64').toString('latin1');
    expect(stored.length).toBeGreaterThan(50);
    expect(stored).not.toContain('wmk_');
  });
});

describe('an Idempotency-Key', () => {
  it.each([
    ['another key', { key: 'k-2' }],
    ['another path', { path: '/bags' }],
  ])('with %s is another request', async (_what, sent) => {
    await send();

    expect((await send(sent)).body.data.id).toBe(2);
  });

  it('of another principal is another request', async () => {
    await send();

    const answer = await send({ who: await app.keyOf('publisher') });

    expect(answer.body.data.id).toBe(2);
  });

  it('is not shown what it may not do any more', async () => {
    const { members, apiKeys } = app.stores;
    await addPerson(app.stores, 'ada', { acme: ['admin'] });
    const { id, token: own, secretHash } = mintApiKey();
    const part = { secretHash, userId: 'id-of-ada', roles: ['admin'] };
    await apiKeys.insert(makeApiKey(id, part), makeEntry());
    await send({ who: own });
    const publisher = makeMember('ada', { roles: ['publisher'], version: 2 });
    expect(await members.replace(publisher, 1, makeEntry())).toBe('done');
    app.authenticator.invalidate('id-of-ada');

    const again = await send({ who: own });

    expect([again.status, again.body.error.code]).toEqual([409, 'RES_IDEMPOTENCY_CONFLICT']);
    expect(again.text).not.toContain('wmk_secret');
    expect(asked).toBe(1);
  });

  it.each(['/log-in', '/boxes'])(
    'is not looked at where nobody asks, or by PUT: %s',
    async (path) => {
      const isPut = path === '/boxes';
      const once = () =>
        app.ask(path, {
          method: isPut ? 'PUT' : 'POST',
          headers: { 'idempotency-key': 'k-1' },
          body: { name: 'a' },
          ...(isPut ? { token } : {}),
        });

      await once();
      await once();

      expect(asked).toBe(2);
    },
  );

  it.each(['', 'two words', 'x'.repeat(256)])('%j is refused', async (key) => {
    const answer = await send({ key });

    expect(answer.status).toBe(400);
    expect(answer.body.error.validationErrors).toMatchObject([{ field: 'Idempotency-Key' }]);
    expect(asked).toBe(0);
  });

  it('is not used up by a body that is refused', async () => {
    const headers = { 'idempotency-key': 'k-1' };
    const answer = await app.ask('/boxes', { token, headers, body: {} });
    expect(answer.status).toBe(400);

    expect((await send()).status).toBe(201);
  });
});
