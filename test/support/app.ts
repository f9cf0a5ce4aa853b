import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { Stores } from '../../src/database/stores.ts';
import { createApp } from '../../src/http/app.ts';
import { createOnce } from '../../src/http/idempotency.ts';
import { managementPlugins } from '../../src/http/management-plugins.ts';
import { managementRouter } from '../../src/http/management-router.ts';
import { openApiOf } from '../../src/http/openapi.ts';
import { type CheckInput, pluginApiRouter } from '../../src/http/plugin-api-router.ts';
import { createRateLimiter } from '../../src/http/rate-limit.ts';
import { resourcePages } from '../../src/http/resource-pages.ts';
import { type Route, routesOf } from '../../src/http/route.ts';
import { createHttpServer, type HotPath } from '../../src/http/server.ts';
import { createTierLimiter } from '../../src/http/tier-limit.ts';
import { type Authenticator, createAuthenticator } from '../../src/identity/authenticate.ts';
import { mintApiKey } from '../../src/identity/keys.ts';
import { createManagementAuth } from '../../src/identity/management.ts';
import type { OrgPolicy } from '../../src/identity/org-policy.ts';
import type { ResolveJwt } from '../../src/identity/resolve-token.ts';
import type { Role } from '../../src/identity/roles.ts';
import type { Clock } from '../../src/model/clock.ts';
import { parseNetworks } from '../../src/outbound/address.ts';
import type { PluginHost } from '../../src/plugin-host/plugin-host.ts';
import { createMasterKey } from '../../src/signing/master-key.ts';
import { conformanceTo } from './conformance.ts';
import { Memory } from './fakes/memory.ts';
import { createMemoryStores } from './fakes/memory-stores.ts';
import { loggingIn } from './passwords.ts';
import { makeApiKey, makeEntry, makeOrg } from './records.ts';

export interface Answered<T = unknown> {
  status: number;
  headers: Headers;
  text: string;
  /** The body as JSON; undefined when there is none. */
  body: T;
}

export interface Asked {
  method?: string;
  token?: string;
  headers?: Record<string, string>;
  /** Sent as JSON; text goes as it is. */
  body?: unknown;
}

export interface TestApp {
  url: string;
  stores: Stores;
  /** What the stores are over. */
  memory: Memory;
  authenticator: Authenticator;
  /** What was logged as nobody's fault but ours. */
  logged: unknown[];
  ask<T = unknown>(path: string, asked?: Asked): Promise<Answered<T>>;
  /** The token of a new key; `org: null` is a site admin's. */
  keyOf(role: Role, org?: string | null, expiresAt?: string): Promise<string>;
  close(): Promise<void>;
}

export interface AppOptions {
  rows(stores: Stores, authenticator: Authenticator): Route[];
  orgs?: readonly string[];
  at?: string;
  isEnveloped?: boolean;
  clock?: Clock;
  rateLimit?: number | 'off';
  isReady?: boolean;
  degraded?: readonly string[];
  headersTimeoutMs?: number;
  publicUrl?: string | null;
  /** As the setting has it. */
  trustedProxies?: string;
  /** Whose a JWT is; none counts without. */
  resolveJwt?: ResolveJwt;
  /** What runs of server parts, with their routes and pages. */
  plugins?: PluginHost;
  checkInput?: CheckInput;
  policy?: OrgPolicy;
}

export const MANAGEMENT_KEY = 'the-management-key-of-tests';

/** The app on the loopback address, over stores in memory. */
export async function serveApp(options: AppOptions): Promise<TestApp> {
  const { orgs = ['acme', 'globex'], at = '/', isEnveloped = true, clock = Date.now } = options;
  const {
    isReady = true,
    degraded = [],
    rateLimit = 'off',
    headersTimeoutMs,
    publicUrl = null,
    trustedProxies = '',
    resolveJwt,
    plugins,
    checkInput = async () => ({ isValid: true }),
    policy,
  } = options;
  const names = {
    has: (slug: string) => orgs.includes(slug),
    slugs: () => orgs,
    policy: () => policy,
  };
  const memory = new Memory();
  const stores = createMemoryStores(memory);
  for (const slug of orgs) await stores.orgs.insert(makeOrg(slug), makeEntry());
  const authenticator = createAuthenticator({
    ...loggingIn(stores, clock),
    ...(resolveJwt && { resolveJwt }),
  });
  const logged: unknown[] = [];
  const rows = options.rows(stores, authenticator);
  const conformance = conformanceTo(openApiOf([{ at, rows, isEnveloped }], 'test'));
  const router = routesOf(rows, {
    orgs: names,
    isEnveloped,
    once: createOnce({ ...stores, master: createMasterKey(Buffer.alloc(32, 7)), clock }),
  });
  const app = createApp({
    authenticator,
    limiter: createRateLimiter(() => rateLimit, clock),
    readiness: async () => ({ isReady, degraded }),
    logError: (error) => logged.push(error),
    publicUrl,
    trustedProxies: parseNetworks(trustedProxies),
    management: managementRouter(
      createManagementAuth({ key: MANAGEMENT_KEY, clock }),
      plugins && managementPlugins({ plugins, orgs: names, clock }),
    ),
    ...(plugins && { pages: resourcePages({ plugins, orgs: names }) }),
    routers: [...(plugins ? [pluginApi(plugins)] : []), { at, router }],
  });
  function pluginApi(host: PluginHost) {
    const tiers = rateLimit === 'off' ? undefined : createTierLimiter(clock);
    const own = pluginApiRouter({ plugins: host, orgs: names, checkInput, tiers });
    return { at: '/api/v1/plugin', router: own };
  }
  const watch: HotPath = (request, response) => {
    conformance.watch(request, response);
    return false;
  };
  const parts = { app, hotPath: watch };
  const server = createHttpServer(
    headersTimeoutMs === undefined ? parts : { ...parts, headersTimeoutMs },
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  return {
    url,
    stores,
    memory,
    authenticator,
    logged,
    ask: (path, asked) => ask(url + path, asked),
    async keyOf(role, org = 'acme', expiresAt) {
      const { id, token, secretHash } = mintApiKey();
      const part = { secretHash, org, roles: [role], user: null, expiresAt: expiresAt ?? null };
      await stores.apiKeys.insert(makeApiKey(id, part), makeEntry());
      return token;
    },
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
      conformance.check();
    },
  };
}

/** One request. `token` goes as Bearer. */
export async function ask<T>(url: string, asked: Asked = {}): Promise<Answered<T>> {
  const { method = asked.body === undefined ? 'GET' : 'POST', token, body } = asked;
  const headers = new Headers(asked.headers);
  if (token !== undefined) headers.set('authorization', `Bearer ${token}`);
  if (body !== undefined && !headers.has('content-type')) {
    headers.set('content-type', 'application/json');
  }
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const answer = await fetch(url, {
    method,
    headers,
    ...(body === undefined ? {} : { body: text }),
  });
  const said = await answer.text();
  const isJson = /\bjson\b/.test(answer.headers.get('content-type') ?? '') && said !== '';
  return {
    status: answer.status,
    headers: answer.headers,
    text: said,
    body: (isJson ? JSON.parse(said) : undefined) as T,
  };
}

/** The body of a refusal. */
export interface Refused {
  success: false;
  error: {
    code: string;
    message: string;
    details?: Record<string, unknown>;
    validationErrors?: { field: string; message: string; code: string }[];
  };
  meta: { requestId: string; timestamp: string };
}
