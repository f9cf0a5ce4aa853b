import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { jsonBody } from '../../src/http/json-body.ts';
import { type Route, route, textVersionOf } from '../../src/http/route.ts';
import { WaymarkError } from '../../src/model/errors.ts';
import { type Refused, serveApp, type TestApp } from '../support/app.ts';

interface Box {
  name: string;
  tags?: string[];
}

const boxBody = jsonBody<Box>({
  type: 'object',
  required: ['name'],
  additionalProperties: false,
  properties: {
    name: { type: 'string', minLength: 1 },
    tags: { type: 'array', items: { enum: ['red', 'blue'] } },
  },
});

/** Ends when the test says so. */
let open = Promise.withResolvers<void>();

const rows: Route[] = [
  route({
    method: 'get',
    path: '/boxes',
    permission: 'releases:read',
    handle: async ({ org }) => ({ status: 200, body: { org } }),
  }),
  route({
    method: 'post',
    path: '/boxes',
    permission: 'releases:publish',
    body: boxBody,
    handle: async ({ body, org }) => ({ status: 201, body: { org, ...body } }),
  }),
  route({
    method: 'get',
    path: '/orgs/:orgId/boxes/:id',
    permission: 'releases:read',
    handle: async ({ params, org }) => ({ status: 200, body: { ...params, org } }),
  }),
  route({
    method: 'put',
    path: '/boxes/:id',
    permission: 'releases:publish',
    handle: async ({ ifMatch = null }) => ({ status: 200, body: { ifMatch } }),
  }),
  route({
    method: 'patch',
    path: '/files/:id',
    permission: 'releases:publish',
    hasTextVersion: true,
    handle: async ({ request }) => ({
      status: 200,
      body: { version: textVersionOf(request) ?? null },
    }),
  }),
  route({
    method: 'get',
    path: '/found',
    permission: 'self',
    scope: 'site',
    query: {
      depth: { type: 'integer', minimum: 1, maximum: 9 },
      kind: { enum: ['red', 'blue'] },
    },
    handle: async ({ caller }) => ({ status: 200, body: { actor: caller.actor } }),
  }),
  route({
    method: 'get',
    path: '/notices',
    permission: 'public',
    handle: async ({ caller, org }) => ({ status: 200, body: { actor: caller.actor, org } }),
  }),
  route({
    method: 'get',
    path: '/bytes',
    permission: 'releases:read',
    handle: async () => ({
      status: 200,
      body: Buffer.from([1, 2, 3]),
      headers: { 'Content-Type': 'application/octet-stream' },
    }),
  }),
  route({
    method: 'get',
    path: '/faults/:which',
    permission: 'releases:read',
    async handle({ params, response }) {
      response.setHeader('ETag', '"of-the-success"');
      if (params.which === 'busy') throw new WaymarkError('RES_UNAVAILABLE', 'try again');
      if (params.which === 'late') {
        await new Promise((resolve) => response.write('half of it', resolve));
      }
      throw new Error('connect ECONNREFUSED 10.0.0.7:5432 password=hunter2');
    },
  }),
  route({
    method: 'get',
    path: '/slow',
    permission: 'releases:read',
    deadlineMs: 20,
    async handle() {
      await open.promise;
      return { status: 200, body: {} };
    },
  }),
];

let app: TestApp;
let viewer: string;
let publisher: string;
let siteAdmin: string;

beforeEach(async () => {
  app = await serveApp({ rows: () => rows });
  viewer = await app.keyOf('viewer');
  publisher = await app.keyOf('publisher');
  siteAdmin = await app.keyOf('owner', null);
});

afterEach(() => app.close());

describe('an answer', () => {
  it('is in the envelope, with the request’s own id', async () => {
    const headers = { 'x-request-id': 'mine-1' };

    const answer = await app.ask('/boxes', { token: viewer, headers });

    expect(answer.status).toBe(200);
    expect(answer.headers.get('x-request-id')).toBe('mine-1');
    expect(answer.body).toEqual({
      success: true,
      data: { org: 'acme' },
      meta: { requestId: 'mine-1', timestamp: expect.stringMatching(/^\d{4}-.*Z$/) },
    });
  });

  it('has a new id where the given one is not well-formed', async () => {
    const headers = { 'x-request-id': 'two words' };

    const answer = await app.ask('/boxes', { token: viewer, headers });

    expect(answer.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('is bare where the routes are mounted so', async () => {
    const bare = await serveApp({ rows: () => rows, isEnveloped: false });

    const answer = await bare.ask('/boxes', { token: await bare.keyOf('viewer') });
    await bare.close();

    expect(answer.body).toEqual({ org: 'acme' });
  });

  it('may be bytes, as they are', async () => {
    const answer = await app.ask('/bytes', { token: viewer });

    expect(answer.headers.get('content-type')).toBe('application/octet-stream');
    expect(answer.text).toBe('\x01\x02\x03');
  });

  it('does not say what the server is made of', async () => {
    const { headers } = await app.ask('/boxes', { token: viewer });

    expect(headers.get('x-powered-by')).toBeNull();
    expect(headers.get('server')).toBeNull();
  });
});

describe('a refusal', () => {
  it('is 401 with a challenge where there is no credential', async () => {
    const answer = await app.ask<Refused>('/boxes');

    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toBe('Bearer realm="Waymark"');
    expect(answer.body.error.code).toBe('AUTH_TOKEN_MISSING');
  });

  it('is 403 that names the permission', async () => {
    const answer = await app.ask<Refused>('/boxes', { token: viewer, body: { name: 'a' } });

    expect(answer.status).toBe(403);
    expect(answer.body.error).toMatchObject({
      code: 'PERM_DENIED',
      details: { permission: 'releases:publish' },
    });
  });

  it('is 404 for a path that no route has', async () => {
    const answer = await app.ask<Refused>('/Boxes');

    expect(answer.status).toBe(404);
    expect(answer.body.error).toEqual({
      code: 'RES_NOT_FOUND',
      message: 'there is nothing at this address',
    });
  });

  it('is 405 with the methods that the path has', async () => {
    const answer = await app.ask<Refused>('/boxes', { method: 'DELETE', token: viewer });

    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toBe('GET, POST, HEAD');
    expect(answer.body.error.code).toBe('RES_METHOD');
  });

  it('is 400 for a path that is not well-formed', async () => {
    const answer = await app.ask<Refused>('/boxes/%E0%A4%A', { method: 'PUT', token: publisher });

    expect(answer.status).toBe(400);
    expect(answer.body.error.code).toBe('VAL_FAILED');
  });

  it('is 503 with Retry-After, and without what the success would have carried', async () => {
    const answer = await app.ask<Refused>('/faults/busy', { token: viewer });

    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).toBe('5');
    expect(answer.headers.get('etag')).toBeNull();
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  it('says nothing of a bug, which is logged', async () => {
    const answer = await app.ask<Refused>('/faults/bug', { token: viewer });

    expect(answer.status).toBe(500);
    expect(answer.body.error).toEqual({ code: 'INTERNAL', message: 'internal error' });
    expect(app.logged).toEqual([
      expect.objectContaining({ message: expect.stringMatching(/ECONN/) }),
    ]);
  });

  it('cuts off an answer that has begun, so that nobody takes it for whole', async () => {
    await expect(app.ask('/faults/late', { token: viewer })).rejects.toThrow(TypeError);
  });

  it('comes at the deadline, whatever the handler still does', async () => {
    open = Promise.withResolvers();

    const answer = await app.ask<Refused>('/slow', { token: viewer });
    open.resolve();

    expect(answer.status).toBe(503);
    expect(answer.body.error.message).toBe('no answer within 0.02 s');
    expect(answer.headers.get('connection')).toBe('close');
    expect((await app.ask('/boxes', { token: viewer })).status).toBe(200);
  });
});

describe('a body', () => {
  const post = (body: unknown, headers: Record<string, string> = {}) =>
    app.ask<Refused>('/boxes', { token: publisher, body, headers });

  it('reaches the handler when it is valid', async () => {
    const answer = await post({ name: 'a', tags: ['red'] });

    expect(answer.status).toBe(201);
    expect(answer.body).toMatchObject({ data: { org: 'acme', name: 'a', tags: ['red'] } });
  });

  it('is refused with every field at fault', async () => {
    const answer = await post({ tags: ['red', 'green'], size: 3 });

    expect(answer.status).toBe(400);
    expect(answer.body.error.code).toBe('VAL_FAILED');
    expect(answer.body.error.validationErrors).toEqual([
      { field: 'name', message: 'is missing', code: 'required' },
      { field: 'size', message: 'is not known here', code: 'additionalProperties' },
      { field: 'tags.1', message: 'must be one of red, blue', code: 'enum' },
    ]);
  });

  it.each([
    ['no JSON', '{"name":', 'VAL_JSON', 400],
    ['no object', '[]', 'VAL_FAILED', 400],
    ['nothing', '', 'VAL_FAILED', 400],
    ['more than 1 MiB', JSON.stringify({ name: 'x'.repeat(1_048_576) }), 'VAL_TOO_LARGE', 413],
  ])('that is %s is refused', async (_what, body, code, status) => {
    const answer = await post(body);

    expect(answer.body.error.code).toBe(code);
    expect(answer.status).toBe(status);
  });

  it.each([
    ['content-type', 'text/plain'],
    ['content-type', 'application/json; charset=latin1'],
    ['content-encoding', 'compress'],
  ])('with %s: %s is 415', async (header, value) => {
    const answer = await post({ name: 'a' }, { [header]: value });

    expect(answer.body.error.code).toBe('VAL_MEDIA_TYPE');
    expect(answer.status).toBe(415);
  });

  it('is not read before the caller may send it', async () => {
    const answer = await app.ask<Refused>('/boxes', { token: viewer, body: '{"name":' });

    expect(answer.body.error.code).toBe('PERM_DENIED');
  });
});

describe('the tenant', () => {
  it('is the credential’s own', async () => {
    const token = await app.keyOf('viewer', 'globex');

    expect((await app.ask('/boxes', { token })).body).toMatchObject({ data: { org: 'globex' } });
  });

  it('is named by a site admin', async () => {
    const headers = { 'x-waymark-org': 'globex' };

    const answer = await app.ask('/boxes', { token: siteAdmin, headers });

    expect(answer.body).toMatchObject({ data: { org: 'globex' } });
  });

  it('must be named where there are several', async () => {
    const answer = await app.ask<Refused>('/boxes', { token: siteAdmin });

    expect(answer.status).toBe(400);
    expect(answer.body.error.validationErrors).toMatchObject([{ field: 'X-Waymark-Org' }]);
  });

  it('need not be named where there is one', async () => {
    const single = await serveApp({ rows: () => rows, orgs: ['initech'] });

    const answer = await single.ask('/boxes', { token: await single.keyOf('owner', null) });
    await single.close();

    expect(answer.body).toMatchObject({ data: { org: 'initech' } });
  });

  it.each(['/orgs/globex/boxes/1', '/orgs/nowhere/boxes/1'])(
    'answers %s of another or of nobody alike',
    async (path) => {
      const answer = await app.ask<Refused>(path, { token: viewer });

      expect(answer.status).toBe(404);
      const [, , slug] = path.split('/');
      expect(answer.body.error).toEqual({
        code: 'RES_NOT_FOUND',
        message: `there is no organisation ${slug}`,
      });
    },
  );

  it.each(['globex', '*'])('cannot be changed to %s by a header', async (org) => {
    const headers = { 'x-waymark-org': org };

    const answer = await app.ask<Refused>('/boxes', { token: viewer, headers });

    expect(answer.status).toBe(404);
  });

  it('gives the handler what the path names', async () => {
    const answer = await app.ask('/orgs/acme/boxes/a%2Fb', { token: viewer });

    expect(answer.body).toMatchObject({ data: { orgId: 'acme', id: 'a/b', org: 'acme' } });
  });
});

describe('If-Match', () => {
  const put = (value: string) =>
    app.ask('/boxes/1', { method: 'PUT', token: publisher, headers: { 'if-match': value } });

  it.each([
    ['"3"', 3],
    ['3', 3],
    ['*', null],
  ])('%s asks for version %s', async (header, version) => {
    expect((await put(header)).body).toMatchObject({ data: { ifMatch: version } });
  });

  it('is refused when it is no version', async () => {
    const answer = await put('"abc"');

    expect(answer.status).toBe(400);
    expect(answer.text).toMatch('If-Match');
  });
});

describe('If-Match of a version that is text', () => {
  const patch = (value: string) =>
    app.ask('/files/1', { method: 'PATCH', token: publisher, headers: { 'if-match': value } });

  it.each([
    ['"sha256:ab-c.1"', 'sha256:ab-c.1'],
    ['0a1b', '0a1b'],
    ['*', null],
  ])('%s asks for %s', async (header, version) => {
    expect((await patch(header)).body).toMatchObject({ data: { version } });
  });

  it.each(['W/"a"', '"a", "b"', '""'])('%s is refused', async (header) => {
    const answer = await patch(header);

    expect(answer.status).toBe(400);
    expect(answer.text).toMatch('If-Match');
  });
});

describe('a query', () => {
  it.each([
    ['depth=0', 'depth', 'minimum'],
    ['depth=two', 'depth', 'type'],
    ['kind=green', 'kind', 'enum'],
    ['kind=red&kind=blue', 'kind', 'once'],
  ])('of %s is refused by its parameter', async (query, field, code) => {
    const answer = await app.ask<Refused>(`/found?${query}`, { token: viewer });

    expect(answer.status).toBe(400);
    expect(answer.body.error.code).toBe('VAL_FAILED');
    expect(answer.body.error.validationErrors).toMatchObject([{ field, code }]);
  });

  it('that is as declared is let through, and so is what is not declared', async () => {
    expect((await app.ask('/found?depth=9&kind=red&other=1', { token: viewer })).status).toBe(200);
  });
});

describe('a route for whoever has a credential', () => {
  it('lets every role in, and a site admin', async () => {
    const auditor = await app.keyOf('auditor');

    for (const token of [auditor, siteAdmin]) {
      expect((await app.ask('/found', { token })).status).toBe(200);
    }
  });

  it('is 401 without one', async () => {
    const answer = await app.ask<Refused>('/found');

    expect(answer.body.error.code).toBe('AUTH_TOKEN_MISSING');
  });
});

describe('a public route', () => {
  it('lets everybody in', async () => {
    const answer = await app.ask('/notices');

    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ data: { actor: 'anonymous', org: '*' } });
  });

  it('knows who has a credential', async () => {
    const answer = await app.ask('/notices', { token: viewer });

    expect(answer.text).toMatch('key:');
  });

  it('is 401 with a wrong one', async () => {
    const answer = await app.ask<Refused>('/notices', { token: 'wmk_nobody' });

    expect(answer.status).toBe(401);
    expect(answer.body.error.code).toBe('AUTH_TOKEN_INVALID');
  });
});
