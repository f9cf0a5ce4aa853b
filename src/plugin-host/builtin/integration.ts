import {
  maybeMapIn,
  maybeNumberIn,
  maybeTextIn,
  type Params,
  textIn,
} from '../callbacks/params.ts';
import type { DiscoveredResource } from '../contract/read-integration.ts';
import type { HealthCheck, HealthStatus } from '../contract/read-lifecycle.ts';
import type { CallContext } from '../contract/wire.ts';
import type { GuestCall, MethodTable } from '../runtime/guest/types.ts';
import { capabilityMissing, codeOf } from './fault.ts';
import { inTime } from './in-time.ts';

type Config = CallContext['config'];

export interface Search {
  /** What a name is to have in it; '' for every one. */
  query: string;
  /** From 1. */
  page: number;
}

/** What an integration of one type can do. */
export interface Integration {
  /** Whether it can be worked with. */
  check: Check;
  /** Where finding out by `check` would disturb somebody. */
  health?: (config: Config) => Promise<Health>;
  /** By resource type. */
  discover?: Readonly<
    Record<string, (config: Config, search: Search) => Promise<readonly DiscoveredResource[]>>
  >;
  operations: Readonly<
    Record<string, (config: Config, params: Params, call: GuestCall) => Promise<object>>
  >;
}

export interface Check {
  name: string;
  /** Answers what it found. @throws what is wrong, with a `code` */
  run: (config: Config) => Promise<string>;
}

export interface Health {
  status: HealthStatus;
  message: string;
  checks: readonly HealthCheck[];
}

interface Asked extends Params {
  context: CallContext;
}

/** The wire's `integration.*`. */
export const integrationMethods = (integration: Integration): MethodTable => ({
  'integration.test': async (params, call) => {
    const done = await runCheck(integration.check, configIn(params), call);
    return { ok: done.ok, checks: [done] };
  },

  'integration.health': async (params, call) => {
    const { check, health = (config) => healthBy(check, config, call) } = integration;
    return await health(configIn(params));
  },

  'integration.discover': async (params, call) => {
    const asked = params as Asked;
    const type = textIn(asked, 'resourceType', 100);
    const list = ownIn(integration.discover ?? {}, type);
    if (!list) throw capabilityMissing(`it has no resources of type ${type}`);
    const query = maybeTextIn(asked, 'query', 200) ?? '';
    const page = Math.floor(maybeNumberIn(asked, 'page', 1, 10_000) ?? 1);
    return { resources: await inTime(call, () => list(asked.context.config, { query, page })) };
  },

  'integration.call': async (params, call) => {
    const asked = params as Asked;
    const operation = textIn(asked, 'operation', 100);
    const run = ownIn(integration.operations, operation);
    if (!run) throw capabilityMissing(`it has no operation ${operation}`);
    const given = maybeMapIn(asked, 'params') ?? {};
    return await inTime(call, (inner) => run(asked.context.config, given, inner));
  },
});

const configIn = (params: unknown): Config => (params as Asked).context.config;

const ownIn = <T>(table: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(table, name) ? table[name] : undefined;

async function runCheck(
  { name, run }: Check,
  config: Config,
  call: GuestCall,
): Promise<HealthCheck> {
  try {
    const message = await inTime(call, () => run(config));
    return { name, ok: true, message };
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    return { name, ok: false, message: (error as Error).message };
  }
}

async function healthBy(check: Check, config: Config, call: GuestCall): Promise<Health> {
  const done = await runCheck(check, config, call);
  const message = done.ok ? '' : `${done.name}: ${done.message ?? ''}`;
  return { status: done.ok ? 'healthy' : 'unhealthy', message, checks: [done] };
}
