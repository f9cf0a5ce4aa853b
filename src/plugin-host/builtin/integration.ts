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

type Config = CallContext['config'];

export interface Search {
  /** What a name is to have in it; '' for every one. */
  query: string;
  /** From 1. */
  page: number;
}

/** What an integration of one type can do. */
export interface Integration {
  /** One after the other; what follows one that fails is not tried. */
  checks: readonly Check[];
  /** Where finding out by `checks` would disturb somebody. */
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
  /** Answers what is worth saying, if anything. @throws what is wrong, with a `code` */
  run: (config: Config) => Promise<string | undefined>;
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
  'integration.test': async (params) => {
    const checks = await runChecks(integration.checks, configIn(params));
    return { ok: checks.every(({ ok }) => ok), checks };
  },

  'integration.health': async (params) => {
    const { health = (config) => healthBy(integration.checks, config) } = integration;
    return await health(configIn(params));
  },

  'integration.discover': async (params) => {
    const asked = params as Asked;
    const type = textIn(asked, 'resourceType', 100);
    const list = ownIn(integration.discover ?? {}, type);
    if (!list) throw capabilityMissing(`it has no resources of type ${type}`);
    const query = maybeTextIn(asked, 'query', 200) ?? '';
    const page = Math.floor(maybeNumberIn(asked, 'page', 1, 10_000) ?? 1);
    return { resources: await list(asked.context.config, { query, page }) };
  },

  'integration.call': async (params, call) => {
    const asked = params as Asked;
    const operation = textIn(asked, 'operation', 100);
    const run = ownIn(integration.operations, operation);
    if (!run) throw capabilityMissing(`it has no operation ${operation}`);
    return await run(asked.context.config, maybeMapIn(asked, 'params') ?? {}, call);
  },
});

const configIn = (params: unknown): Config => (params as Asked).context.config;

const ownIn = <T>(table: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(table, name) ? table[name] : undefined;

async function runChecks(checks: readonly Check[], config: Config): Promise<HealthCheck[]> {
  const done: HealthCheck[] = [];
  for (const { name, run } of checks) {
    try {
      const message = await run(config);
      done.push({ name, ok: true, ...(message !== undefined && { message }) });
    } catch (error) {
      if (codeOf(error) === undefined) throw error;
      done.push({ name, ok: false, message: (error as Error).message });
      break;
    }
  }
  return done;
}

async function healthBy(all: readonly Check[], config: Config): Promise<Health> {
  const checks = await runChecks(all, config);
  const failed = checks.find(({ ok }) => !ok);
  if (!failed) return { status: 'healthy', message: '', checks };
  return { status: 'unhealthy', message: `${failed.name}: ${failed.message ?? ''}`, checks };
}
