import { toTime } from '../model/clock.ts';
import { WaymarkError } from '../model/errors.ts';
import type { OutboundPolicy } from '../outbound/guard.ts';
import type { Binding } from './binding.ts';
import { checkEndpoints } from './check-endpoints.ts';
import { checkReferences } from './check-references.ts';
import { PluginFault } from './contract/fault.ts';
import {
  type DiscoveredResource,
  type IntegrationTest,
  readIntegrationTest,
  readResources,
} from './contract/read-integration.ts';
import type { SchemaChecker } from './contract/schema-checker.ts';
import type { Config } from './contract/secrets-in-config.ts';
import { tellOf } from './failures.ts';
import type { HealthNote } from './integration-health.ts';
import { findIntegrationType } from './integration-types.ts';
import type { HostCall, PluginHost } from './plugin-host.ts';
import { checkCredentials, mergedCredentials } from './write-integration.ts';
import { judgeWritten } from './written-binding.ts';

export interface IntegrationAskDeps {
  plugins: Pick<PluginHost, 'plugins' | 'find' | 'call' | 'checkConfig'>;
  schemas: Pick<SchemaChecker, 'check'>;
  outbound: OutboundPolicy;
}

/** An integration that is asked on somebody's behalf. */
export interface Asked extends Pick<HostCall, 'org' | 'requestId' | 'caller'> {
  binding: Binding;
}

/** In place of what is saved: the configuration whole, credentials by field. */
export interface Unsaved {
  config?: Config | undefined;
  credentials?: Config | undefined;
}

export interface TestOutcome extends IntegrationTest {
  latencyMs: number;
}

const TEST_MS = 10_000;

/**
 * Whether an integration works as it is saved, or would with what is not. A stored
 * secret is sent to no other host than it was given for.
 *
 * @param limitMs for all of it
 * @throws {WaymarkError} `RES_STATE_CONFLICT`, `VAL_FAILED`, `PERM_DENIED`,
 *   `INT_CREDENTIALS_REQUIRED`, `INT_ENDPOINT_REFUSED`; what its plugin fails by is
 *   a check that failed
 */
export async function testIntegration(
  deps: IntegrationAskDeps,
  asked: Asked,
  unsaved: Unsaved = {},
  limitMs = TEST_MS,
): Promise<TestOutcome> {
  checkEnabled(asked.binding);
  const beganAtMs = performance.now();
  const overlay = await overlayOf(deps, asked, unsaved);
  const about = { ...(overlay && { overlay }), read: readIntegrationTest };
  const told = ask(deps, asked, 'integration.test', {}, about) as Promise<IntegrationTest>;
  const outcome = await within(limitMs, told.catch(failedCheck));
  return { ...outcome, latencyMs: Math.round(performance.now() - beganAtMs) };
}

/** @throws {WaymarkError} what is not the plugin's doing */
function failedCheck(error: unknown): IntegrationTest {
  const isOfCaller = error instanceof WaymarkError && /^(INT|VAL)_/.test(error.code);
  if (isOfCaller || !(error instanceof WaymarkError || error instanceof PluginFault)) throw error;
  return { ok: false, checks: [{ name: 'plugin', ok: false, message: tellOf(error) }] };
}

/** The call itself goes on to its own deadline. */
async function within(limitMs: number, told: Promise<IntegrationTest>): Promise<IntegrationTest> {
  const { promise, resolve } = Promise.withResolvers<IntegrationTest>();
  const message = `no answer within ${limitMs / 1000} s`;
  const late = { ok: false, checks: [{ name: 'plugin', ok: false, message }] };
  const timer = setTimeout(() => resolve(late), limitMs);
  try {
    return await Promise.race([told, promise]);
  } finally {
    clearTimeout(timer);
  }
}

async function overlayOf(
  { plugins, schemas, outbound }: IntegrationAskDeps,
  { org, binding }: Asked,
  unsaved: Unsaved,
): Promise<HostCall['overlay']> {
  if (!unsaved.config && !unsaved.credentials) return undefined;
  const { pluginId, type = '' } = binding;
  const before = { config: binding.config, credentials: binding.credentials ?? {} };
  const credentials = mergedCredentials(before.credentials, unsaved.credentials) ?? {};
  const next = { config: unsaved.config ?? binding.config, credentials };
  const known = findIntegrationType(plugins, org, type);
  await checkCredentials(schemas, known?.secretsSchema ?? null, credentials);
  const of = { org, ref: binding, pluginId, type };
  const written = await judgeWritten(plugins, of, { before, next });
  // As of somebody who may use no secret but those that it has: this one is not even saved.
  checkReferences(new Set(), before, written);
  const permissions = plugins.find(org, pluginId)?.manifest.permissions;
  await checkEndpoints({ ...next.config, ...credentials }, permissions, outbound);
  return {
    config: written.config.config,
    credentials: Object.fromEntries(written.credentials.secrets),
  };
}

export interface Search {
  resourceType: string;
  query?: string;
  page?: number;
}

/**
 * What there is at the other side.
 *
 * @throws {WaymarkError} `RES_STATE_CONFLICT`, `INT_CAPABILITY_MISSING`,
 *   `INT_CREDENTIALS_REQUIRED`, `INT_ENDPOINT_REFUSED`, `INT_UPSTREAM_FAILED` with its
 *   `status`, and as `PluginHost.call`
 */
export async function discoverResources(
  deps: IntegrationAskDeps,
  asked: Asked,
  search: Search,
): Promise<readonly DiscoveredResource[]> {
  const { org, binding } = asked;
  checkEnabled(binding);
  const type = findIntegrationType(deps.plugins, org, binding.type ?? '');
  if (!type?.resourceTypes.includes(search.resourceType)) throw noSuchResources(binding, search);
  try {
    const read = { read: readResources };
    const found = await ask(deps, asked, 'integration.discover', search, read);
    return found as readonly DiscoveredResource[];
  } catch (error) {
    throw asUpstreamFailure(error, binding, search);
  }
}

function asUpstreamFailure(error: unknown, binding: Binding, search: Search): unknown {
  if (error instanceof WaymarkError && error.code === 'PLG_METHOD_UNSUPPORTED') {
    return noSuchResources(binding, search);
  }
  if (!(error instanceof PluginFault)) return error;
  if (error.code === 'INT_CAPABILITY_MISSING') return noSuchResources(binding, search);
  const { code, message, details: said } = error;
  // Nothing was asked of the other side yet.
  if (code === 'INT_CREDENTIALS_REQUIRED' || code === 'INT_ENDPOINT_REFUSED') {
    return new WaymarkError(code, message, said && { details: said }, { cause: error });
  }
  const status = said?.['status'] ?? error.httpStatus ?? null;
  const details = { status, code };
  return new WaymarkError('INT_UPSTREAM_FAILED', message, { details }, { cause: error });
}

const noSuchResources = ({ id, type }: Binding, { resourceType }: Search): WaymarkError =>
  new WaymarkError('INT_CAPABILITY_MISSING', `${id}, a ${type}, has no resources ${resourceType}`);

function ask(
  { plugins }: IntegrationAskDeps,
  { org, requestId, caller, binding }: Asked,
  method: 'integration.test' | 'integration.discover',
  params: object,
  more: Pick<HostCall, 'overlay' | 'read'>,
): Promise<unknown> {
  const { pluginId, id, type } = binding;
  const integration = { id, name: id, type };
  const call = { org, pluginId, binding, method, requestId, ...(caller && { caller }) };
  return plugins.call({ ...call, ...more, params: { integration, ...params } });
}

/** @throws {WaymarkError} `RES_STATE_CONFLICT` */
function checkEnabled({ id, isEnabled }: Binding): void {
  if (isEnabled) return;
  const details = { current: 'disabled', allowed: ['enabled'] };
  throw new WaymarkError('RES_STATE_CONFLICT', `the integration ${id} is off`, { details });
}

/** What a test of the saved configuration says of its health. */
export function noteOfTest({ ok, checks, latencyMs }: TestOutcome, nowMs: number): HealthNote {
  const failed = checks.find((check) => !check.ok);
  const message = failed ? `${failed.name}: ${failed.message ?? 'failed'}` : null;
  return { at: toTime(nowMs), status: ok ? 'healthy' : 'unhealthy', latencyMs, message };
}
