import { callsOf, type HostCall } from './host-bridge.ts';
import { createHttp, type PluginHttp } from './http-client.ts';
import type { GuestCall, JsonObject, WireContext } from './wire.ts';

type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type PluginLogger = Readonly<
  Record<LogLevel, (message: string, fields?: JsonObject) => void>
>;

/** Values of this binding, kept by the host: JSON, 1 MiB together. Needs `permissions.kv`. */
export interface PluginStore {
  get<T = unknown>(key: string): Promise<T | undefined>;
  set(key: string, value: unknown): Promise<void>;
  delete(key: string): Promise<void>;
  /** Keys, by their bytes. */
  list(prefix?: string): Promise<readonly string[]>;
}

/** Fields that the schema marks secret. Needs `permissions.secrets`. */
export interface PluginSecrets {
  get(field: string): Promise<string | undefined>;
  /** Only where the schema says `x-writable`. */
  set(field: string, value: string): Promise<void>;
  list(): Promise<readonly string[]>;
}

export interface ReadQuery {
  filter?: JsonObject;
  sort?: string;
  page?: number;
  pageSize?: number;
}

/** What the API's lists and resources show to this binding. Needs `permissions.read`. */
export interface PluginReader {
  get<T = JsonObject>(resource: string, id: string): Promise<T>;
  list<T = JsonObject>(resource: string, query?: ReadQuery): Promise<{ items: readonly T[] }>;
}

/** What a handler gets: of the call that it answers, and worth nothing when that has ended. */
export interface PluginContext<C = JsonObject> {
  orgId: string;
  /** Null where the binding is the organisation's own or an integration. */
  namespaceId: string | null;
  departmentId: string | null;
  config: C;
  logger: PluginLogger;
  http: PluginHttp;
  db: PluginReader;
  kv: PluginStore;
  secrets: PluginSecrets;
  /** Aborted when nobody waits for the answer any more. */
  signal: AbortSignal;
  requestId: string;
  /** Any other callback, such as `host.model.execute`. */
  call(name: string, params?: JsonObject): Promise<unknown>;
  /** `host.crypto.sha256`, `host.crypto.random`, `host.url.parse`, and `host.crypto.hmac` by a key in hand. */
  callSync(name: string, params?: JsonObject): unknown;
}

/** The context of a call, by its parameters. An integration is configured by its type's schema. */
export type ContextOf<C> = (
  params: { context: WireContext; integration?: { type: string } },
  call: GuestCall,
) => Promise<PluginContext<C>>;

export function createContext<C>(
  context: WireContext,
  config: C,
  { signal }: GuestCall,
): PluginContext<C> {
  const { call, callSync } = callsOf(context.host_callback_id);
  return {
    orgId: context.orgId,
    namespaceId: context.namespaceId,
    departmentId: context.departmentId,
    config,
    logger: createLogger(call),
    http: createHttp(call),
    db: {
      get: (resource, id) => call('host.read', { resource, id }) as Promise<never>,
      list: (resource, query = {}) => call('host.read', { resource, ...query }) as Promise<never>,
    },
    kv: createStore(call),
    secrets: {
      get: async (name) => valueIn(await call('host.secret.get', { name })) as string | undefined,
      set: async (name, value) => void (await call('host.secret.set', { name, value })),
      list: async () => ((await call('host.secret.list')) as { names: string[] }).names,
    },
    signal,
    requestId: context.requestId,
    call,
    callSync,
  };
}

const valueIn = (answer: unknown): unknown => (answer as { value?: unknown }).value ?? undefined;

const createStore = (call: HostCall): PluginStore => ({
  get: async <T>(key: string) => valueIn(await call('host.kv.get', { key })) as T | undefined,
  set: async (key, value) => void (await call('host.kv.set', { key, value })),
  delete: async (key) => void (await call('host.kv.delete', { key })),
  list: (prefix = '') => allKeys(call, prefix),
});

async function allKeys(call: HostCall, prefix: string): Promise<string[]> {
  const all: string[] = [];
  for (let after: string | null = ''; after !== null; ) {
    const page = await call('host.kv.list', { prefix, after, limit: 1000 });
    const { keys, next } = page as { keys: string[]; next: string | null };
    all.push(...keys);
    after = next;
  }
  return all;
}

function createLogger(call: HostCall): PluginLogger {
  const at =
    (level: LogLevel) =>
    (message: string, fields: JsonObject = {}) => {
      // A line that cannot be written is nothing that the plugin could mend.
      call('host.log', { level, message, fields }).catch(() => {});
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
