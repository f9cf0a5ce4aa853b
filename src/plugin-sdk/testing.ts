/** `waymark/plugin/testing`: what a plugin's tests have, where `waymark plugin test` runs them. */
import type { HostEvent, JsonObject, PluginResult, ToolResult } from './wire.ts';

interface TestServer {
  url: string;
  org: string;
  token: string;
  managementKey: string;
  namespace: string;
  pluginId: string;
}

/** Put here by `waymark plugin test`, as it bundles the tests. */
declare const WAYMARK_TEST_SERVER: TestServer;

const server = (): TestServer => {
  if (typeof WAYMARK_TEST_SERVER === 'undefined') {
    throw new Error('tests of a plugin are run by `waymark plugin test`');
  }
  return WAYMARK_TEST_SERVER;
};

export interface EventOutcome {
  binding: string;
  ok: boolean;
  error?: { code: string; message: string };
}

/** The packed plugin, as it runs in a real server's sandbox. */
export const plugin = {
  /** One of its API routes: `plugin.api('items/7')`. */
  api: (path: string, init: RequestInit = {}): Promise<Response> =>
    ask(`/api/v1/plugin/${server().pluginId}/${path}`, init, bearer(server().token)),

  /** One of its management routes, with the management key. */
  management: (path: string, init: RequestInit = {}): Promise<Response> =>
    ask(
      `/v0/management/plugins/${server().pluginId}/${path}`,
      init,
      bearer(server().managementKey),
    ),

  /** One of its pages, as a browser gets it: without any key. */
  page: (path: string): Promise<Response> =>
    ask(`/v0/resource/plugins/${server().pluginId}/${path}`, {}, {}),

  /** Anything else below `/api/v1`, as an administrator: what `data` holds. */
  async server<T = JsonObject>(path: string, init: RequestInit = {}): Promise<T> {
    const answer = await ask(`/api/v1/${path}`, init, bearer(server().token));
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return ((await answer.json()) as { data: T }).data;
  },

  /** Gives its hooks an event, and waits until they have done with it. */
  async event(type: string, data: JsonObject): Promise<readonly EventOutcome[]> {
    const path = `/v0/management/plugins/${server().pluginId}/events`;
    const event = { type, data } satisfies Partial<HostEvent>;
    const answer = await ask(path, post(event), bearer(server().managementKey));
    if (!answer.ok) throw new Error(`${type}: ${answer.status} ${await answer.text()}`);
    return ((await answer.json()) as { data: { outcomes: EventOutcome[] } }).data.outcomes;
  },

  /** What it adds to an agent's question. */
  async query(query: string): Promise<readonly PluginResult[]> {
    const { namespace, pluginId } = server();
    const asked = post({ query, pluginIds: [pluginId] });
    const path = `namespaces/${namespace}/agent-query`;
    return (await plugin.server<{ results: PluginResult[] }>(path, asked)).results;
  },

  /** One of its tools. */
  tool(name: string, args: JsonObject): Promise<ToolResult> {
    const { namespace, pluginId } = server();
    const path = `namespaces/${namespace}/tools/${pluginId}/${name}`;
    return plugin.server<ToolResult>(path, post({ arguments: args }));
  },
};

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

const post = (body: object): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

function ask(path: string, init: RequestInit, credential: Record<string, string>) {
  const { url, org } = server();
  const headers = new Headers({ 'x-waymark-org': org, ...credential });
  new Headers(init.headers).forEach((value, name) => {
    headers.set(name, value);
  });
  return fetch(`${url}${path}`, { redirect: 'manual', ...init, headers });
}
