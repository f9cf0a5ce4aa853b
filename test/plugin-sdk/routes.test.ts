import { describe, expect, it } from 'vitest';
import { assemble } from '../../src/plugin-sdk/assemble.ts';
import {
  authenticateRequest,
  createAuthError,
  hasRequiredScope,
} from '../../src/plugin-sdk/dual-auth.ts';
import { type NextRequest, NextResponse } from '../../src/plugin-sdk/next-server.ts';
import {
  type ApiRequest,
  definePlugin,
  PluginError,
  type Principal,
  type RouteTree,
} from '../../src/plugin-sdk/plugin.ts';
import { rateTierOf, withRateLimitTier } from '../../src/plugin-sdk/rate-limit.ts';
import { usePlugin } from '../../src/plugin-sdk/use-plugin.ts';
import { call, context } from './host.ts';

const ada: Principal = {
  id: 'ada',
  type: 'user',
  roles: ['admin', 'viewer'],
  permissions: ['releases:read'],
  scopes: [],
  departmentIds: ['emea'],
};

/** Asks `routes` and answers what they said. */
async function ask(routes: RouteTree, more: Partial<ApiRequest> = {}) {
  const table = assemble({}, routes);
  const answer = await table['api.handle']?.(
    {
      Method: 'GET',
      Path: '/api/v1/plugin/example/items/7',
      Endpoint: 'items/[id]',
      Params: { id: '7' },
      Headers: { 'X-Two': ['a', 'b'] },
      Query: {},
      Body: '',
      Principal: ada,
      host_callback_id: 'call-1',
      context: context(),
      ...more,
    },
    call,
  );
  const text = Buffer.from(answer?.Body ?? '', 'base64').toString();
  return { status: answer?.StatusCode, headers: answer?.Headers, text };
}

describe('a route file', () => {
  it('gets the request as Next.js gives it', async () => {
    const seen = await ask(
      {
        'items/[id]': {
          async POST(request) {
            const { searchParams } = new URL(request.url);
            return NextResponse.json({
              tags: searchParams.getAll('tag'),
              path: request.nextUrl.pathname,
              two: request.headers.get('x-two'),
              body: await request.json(),
            });
          },
        },
      },
      { Method: 'POST', Query: { tag: ['a b', '&'] }, Body: btoa('{"a":1}') },
    );

    expect(JSON.parse(seen.text)).toEqual({
      tags: ['a b', '&'],
      path: '/api/v1/plugin/example/items/7',
      two: 'a, b',
      body: { a: 1 },
    });
    expect(seen).toMatchObject({ status: 200, headers: { 'content-type': ['application/json'] } });
  });

  it('is told when it answers what is neither a Response nor of the wire', async () => {
    const GET = () => ({ hello: 1 }) as object;

    await expect(ask({ 'items/[id]': { GET } })).rejects.toThrow(
      'a handler answers a Response or what reply() makes, not an object with hello',
    );
    expect(
      await ask({ 'items/[id]': { GET: () => ({ statuscode: 200 }) as object } }),
    ).toBeDefined();
  });

  it('gets its parameters at once or awaited, and the plugin’s context', async () => {
    const seen = await ask({
      'items/[id]': {
        async GET(_, { params, context: ctx }) {
          const { id } = await params;
          return Response.json([params.id, id, ctx.orgId]);
        },
      },
    });

    expect(seen.text).toBe('["7","7","acme"]');
  });

  it('answers HEAD by GET', async () => {
    const routes = { 'items/[id]': { GET: () => new NextResponse('page') } };

    expect(await ask(routes, { Method: 'HEAD' })).toMatchObject({ status: 200 });
  });

  it('answers 204 where a handler gives nothing', async () => {
    expect(await ask({ 'items/[id]': { GET: () => undefined } })).toMatchObject({ status: 204 });
  });

  it('redirects', async () => {
    const seen = await ask({
      'items/[id]': { GET: () => NextResponse.redirect('/api/v1/plugin/example/other', 303) },
    });

    expect(seen).toMatchObject({
      status: 303,
      headers: { location: ['/api/v1/plugin/example/other'] },
    });
  });

  it('throws what it means to be read', async () => {
    const details = { field: 'name' };
    const taken = new PluginError('TAKEN', 'taken', {
      httpStatus: 409,
      details,
      isRetryable: true,
    });
    const routes = { 'items/[id]': { GET: () => Promise.reject(taken) } };

    await expect(ask(routes)).rejects.toMatchObject({
      code: 'TAKEN',
      message: 'taken',
      http_status: 409,
      details,
      retryable: true,
    });
  });

  it('is 404 where nothing stands', async () => {
    await expect(ask({ other: {} })).rejects.toMatchObject({ http_status: 404 });
  });
});

describe('authenticateRequest', () => {
  const who = async (principal: Partial<Principal>) => {
    const seen = await ask(
      {
        'items/[id]': {
          GET: async (r: NextRequest) => Response.json(await authenticateRequest(r)),
        },
      },
      { Principal: { ...ada, ...principal } },
    );
    return JSON.parse(seen.text);
  };

  it('says who asks, whom the host has authenticated', async () => {
    const user = {
      id: 'ada',
      role: 'admin',
      roles: ['admin', 'viewer'],
      permissions: ['releases:read'],
      departmentIds: ['emea'],
    };
    expect(await who({})).toEqual({
      success: true,
      authenticated: true,
      type: 'session',
      user,
      session: { user },
      scopes: [],
    });
  });

  it('tells a key from a person', async () => {
    expect(await who({ type: 'apiKey', scopes: ['plugin:example:read'] })).toMatchObject({
      type: 'api-key',
      scopes: ['plugin:example:read'],
    });
  });

  it('knows nobody on a public route, and of a request that came from elsewhere', async () => {
    expect(await who({ type: 'anonymous' })).toMatchObject({ success: false, user: null });
    expect(await authenticateRequest(new Request('https://a.example'))).toMatchObject({
      authenticated: false,
      session: null,
    });
  });

  it('comes with the contract’s helpers', async () => {
    const key = await who({ type: 'apiKey', scopes: ['items:read'] });

    expect(hasRequiredScope(key, 'items:read')).toBe(true);
    expect(hasRequiredScope(key, 'items:write')).toBe(false);
    expect(hasRequiredScope(await who({}), 'items:write')).toBe(true);
    expect(await createAuthError('No', 403).json()).toEqual({ success: false, error: 'No' });
  });
});

describe('usePlugin', () => {
  it('finds the plugin’s own functions, and no others', () => {
    const api = { double: (n: number) => 2 * n };
    definePlugin({ id: 'doubling', api });

    expect(usePlugin<typeof api>('doubling').double(4)).toBe(8);
    expect(() => usePlugin('another')).toThrow('a plugin sees only its own');
  });
});

describe('withRateLimitTier', () => {
  it('leaves the counting to the host, and is remembered for the manifest', () => {
    const handler = () => undefined;

    expect(withRateLimitTier(handler, 'strict')).toBe(handler);
    expect(rateTierOf(handler)).toBe('strict');
  });
});

describe('assemble', () => {
  const table = definePlugin({ onAgentQuery: async () => [] });
  const described = { id: 'a', capabilities: ['agent_query'], onAgentQuery: async () => [] };

  it.each([
    ['the table that is the default export', { default: table, other: {} }],
    ['the definition that is the default export', { default: { onAgentQuery: async () => [] } }],
    ['the only export that describes a plugin', { examplePlugin: described, helper: {} }],
  ])('takes %s', (_, module) => {
    expect(Object.keys(assemble(module, {}))).toEqual(['agent.query']);
  });

  it('adds route files to what the module defines', () => {
    const tree = { items: { GET: () => undefined } };

    expect(Object.keys(assemble({ default: table }, tree))).toEqual(['agent.query', 'api.handle']);
  });

  it('does not guess between two plugins', () => {
    expect(() => assemble({ one: described, two: { ...described } }, {})).toThrow(
      'several exports are plugins: make one the default',
    );
  });
});
