import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type BoundService, openBound } from '../../support/builtins.ts';
import { openReceiver, type Receiver } from '../../support/receiver.ts';

let bound: BoundService;
let receiver: Receiver;

const type = 'generic.http';
const endpointOf = () => `${receiver.url}/base`;

/** Answers such JSON. */
const respond = (status: number, body: unknown = null, headers = {}) => {
  receiver.respond = (response) =>
    response
      .writeHead(status, { 'content-type': 'application/json', ...headers })
      .end(JSON.stringify(body));
};

beforeAll(async () => {
  receiver = await openReceiver();
  const endpoint = endpointOf();
  const credentials = { username: 'ada', password: 'päss:word', token: 't0ken', value: 'v4lue' };
  bound = await openBound({
    integrations: {
      plain: { type, config: { endpoint } },
      basic: { type, config: { endpoint, authMode: 'basic' }, credentials },
      bearer: { type, config: { endpoint, authMode: 'bearer' }, credentials },
      header: {
        type,
        config: { endpoint, authMode: 'header', customHeaders: { 'X-Team': 'red' } },
        credentials: { ...credentials, header: 'X-Api-Key' },
      },
      unsure: { type, config: { endpoint, authMode: 'bearer' } },
      patient: {
        type,
        config: { endpoint, timeoutSec: 30, retryPolicy: { maxAttempts: 2, delaySec: 0 } },
      },
      health: { type, config: { endpoint, healthPath: '/health?full=1', expectStatus: 418 } },
    },
  });
});
afterAll(async () => {
  await bound?.close();
  await receiver?.close();
});
beforeEach(() => {
  receiver.received.length = 0;
  respond(200, {});
  // A binding sends 60 requests a minute.
  bound.service.advance(60_000);
});

const last = () => receiver.received.at(-1)!;
const failure = (status: number, ...failures: string[]) => ({
  code: 'INT_UPSTREAM_FAILED',
  details: { status, failures },
});

describe('authMode', () => {
  it.each([
    ['plain', {}],
    ['basic', { authorization: `Basic ${Buffer.from('ada:päss:word').toString('base64')}` }],
    ['bearer', { authorization: 'Bearer t0ken' }],
    ['header', { 'x-api-key': 'v4lue', 'x-team': 'red' }],
  ])('says how %s sends its credentials', async (name, headers) => {
    await bound.run(name, 'request');

    expect(last().headers).toMatchObject({ 'user-agent': 'waymark-plugin/http', ...headers });
    expect(last().headers.authorization).toBe(
      'authorization' in headers ? headers.authorization : undefined,
    );
  });

  it('needs credentials that are there', async () => {
    await expect(bound.run('unsure', 'request')).rejects.toMatchObject({
      code: 'INT_CREDENTIALS_REQUIRED',
      details: { field: 'token' },
    });
    expect(receiver.received).toEqual([]);
  });

  it('cannot be overruled by who asks', async () => {
    await bound.run('bearer', 'request', { headers: { Authorization: 'Bearer mine' } });

    expect(last().headers.authorization).toBe('Bearer t0ken');
  });
});

describe('request', () => {
  it('sends what it is told to, below the endpoint', async () => {
    respond(201, { id: 7 }, { 'x-kind': 'new' });

    const answer = await bound.run('plain', 'request', {
      method: 'PUT',
      path: '/items/7?dry=1',
      headers: { 'X-Trace': 'a' },
      body: { name: 'seven' },
    });

    expect(answer).toMatchObject({ status: 201, json: { id: 7 }, body: '{"id":7}' });
    expect(answer).toHaveProperty('headers.x-kind', 'new');
    expect(last()).toMatchObject({
      method: 'PUT',
      path: '/base/items/7?dry=1',
      headers: { 'x-trace': 'a', 'content-type': 'application/json' },
      body: '{"name":"seven"}',
    });
  });

  it('sends again what the retry policy says', async () => {
    const answers = [503, 200];
    receiver.respond = (response) => response.writeHead(answers.shift()!).end();

    expect(await bound.run('patient', 'request')).toMatchObject({ status: 200 });
    expect(receiver.received).toHaveLength(2);
  });

  it('sends text as it is, and gives text back', async () => {
    receiver.respond = (response) => response.end('hällo');
    const params = { method: 'POST', headers: { 'Content-Type': 'text/plain' }, body: 'tëxt' };

    const answer = await bound.run<object>('plain', 'request', params);

    expect(answer).toMatchObject({ body: 'hällo' });
    expect(answer).not.toHaveProperty('json');
    expect(last()).toMatchObject({ body: 'tëxt', headers: { 'content-type': 'text/plain' } });
  });

  it.each(['items', '/../secret', '/a/../../secret', '/%2e%2e/secret', '@example.com/'])(
    'stays below the endpoint: %s',
    async (path) => {
      await expect(bound.run('plain', 'request', { path })).rejects.toMatchObject({
        code: 'VAL_FAILED',
      });
      expect(receiver.received).toEqual([]);
    },
  );

  it('takes a second slash for a path', async () => {
    await bound.run('plain', 'request', { path: '//example.com/a' });

    expect(last().path).toBe('/base//example.com/a');
  });

  it('sends no secret that a caller names', async () => {
    const headers = { 'X-Echo': 'secret:password' };

    await expect(bound.run('bearer', 'request', { headers })).rejects.toMatchObject({
      code: 'VAL_FAILED',
    });
  });

  it('tells where it could not be sent', async () => {
    const overlay = { config: { endpoint: 'https://10.0.0.1' }, credentials: {} };

    const { ok, checks } = await bound.test('plain', overlay);

    expect(ok).toBe(false);
    expect(checks).toMatchObject([{ name: 'endpoint', ok: false }]);
    expect(checks[0]?.message).not.toContain('10.0.0.1');
  });

  it.each([
    [{ headers: { a: 7 } }],
    [{ expect: { status: 'ok' } }],
    [{ expect: { headers: ['a'] } }],
    [{ path: 7 }],
  ])('refuses %j', async (params) => {
    await expect(bound.run('plain', 'request', params)).rejects.toMatchObject({
      code: 'VAL_FAILED',
    });
  });
});

describe('expect', () => {
  const run = (expected?: object) => bound.run('plain', 'request', { expect: expected });

  it('is a success where nothing is said', async () => {
    respond(404);

    await expect(run()).rejects.toMatchObject(failure(404, 'status 404 is not 200 to 299'));
  });

  it.each([404, [200, 404]])('takes the status %j', async (status) => {
    respond(404);

    expect(await run({ status })).toMatchObject({ status: 404 });
  });

  it('holds for headers and for places in JSON, with everything that is not so', async () => {
    respond(200, { state: 'up', parts: [{ 'a/b': [1, 2] }], none: null }, { 'x-kind': 'new' });
    const json = { '/state': 'up', '/parts/0/a~1b': [1, 2], '/none': null };

    expect(await run({ status: 200, headers: { 'X-Kind': 'new' }, json })).toBeDefined();
    const wrong = { status: 201, headers: { 'X-Kind': 'old' }, json: { '/state': 'down' } };
    await expect(run(wrong)).rejects.toMatchObject(
      failure(200, 'status 200 is not 201', 'the header X-Kind is not old', '/state is not "down"'),
    );
  });

  it('holds for the whole body, and for none', async () => {
    respond(200, [1]);
    expect(await run({ json: { '': [1] } })).toMatchObject({ json: [1] });

    receiver.respond = (response) => response.end('no JSON');
    await expect(run({ json: { '/a': 1 } })).rejects.toMatchObject(failure(200, '/a is not 1'));
  });

  it('says what may be tried again', async () => {
    respond(503);
    await expect(run()).rejects.toMatchObject({ isRetryable: true });

    respond(400);
    await expect(run()).rejects.toMatchObject({ isRetryable: false });
  });
});

describe('test and health', () => {
  it('ask the health path for its status', async () => {
    respond(418);

    expect(await bound.test('health')).toEqual({
      ok: true,
      checks: [{ name: 'endpoint', ok: true, message: 'it answers 418' }],
    });
    expect(await bound.health('health')).toMatchObject({ status: 'healthy' });
    expect(receiver.received.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'GET /base/health?full=1',
      'GET /base/health?full=1',
    ]);
  });

  it('say what is wrong', async () => {
    respond(200);

    const message = 'it answers 200, and not 418';
    expect(await bound.test('health')).toEqual({
      ok: false,
      checks: [{ name: 'endpoint', ok: false, message }],
    });
    expect(await bound.health('health')).toMatchObject({
      status: 'unhealthy',
      message: `endpoint: ${message}`,
    });
  });

  it('tell of a redirect, which is not followed', async () => {
    respond(302, null, { location: 'https://example.com' });

    const { ok, checks } = await bound.test('health');

    expect([ok, checks[0]?.message]).toEqual([false, expect.stringContaining('redirect')]);
  });
});

describe('an endpoint that does not answer', () => {
  it('is at fault itself, and not the plugin that asks it', async () => {
    receiver.respond = () => {};
    const hanging = (method: 'integration.health' | 'integration.call', params = {}) =>
      bound.call({
        pluginId: 'http',
        binding: { scope: 'integration', id: 'plain' },
        method,
        params,
        deadlineMs: 700,
      });

    expect(await hanging('integration.health')).toMatchObject({
      status: 'unhealthy',
      message: 'endpoint: no answer in time',
    });
    await expect(hanging('integration.call', { operation: 'request' })).rejects.toMatchObject({
      code: 'UPSTREAM_TIMEOUT',
    });
    expect(bound.service.plugins.find('tools', 'http')?.health).toMatchObject({
      calls: { fault: 0 },
      restarts: 0,
    });
  });
});

describe('the integration type', () => {
  it('has no other operation, and no resources', async () => {
    const refusal = { code: 'INT_CAPABILITY_MISSING' };

    await expect(bound.run('plain', 'toString')).rejects.toMatchObject(refusal);
    await expect(bound.discover('plain', 'repository')).rejects.toMatchObject(refusal);
  });
});
