import { randomUUID } from 'node:crypto';
import type { Logger } from '../audit/logger.ts';
import { type Clock, toTime } from '../model/clock.ts';
import { WaymarkError } from '../model/errors.ts';
import type { Binding } from './binding.ts';
import { type PluginHealth, readHealth } from './contract/read-lifecycle.ts';
import { tellOf } from './failures.ts';
import type { HealthNote, IntegrationHealthStore } from './integration-health.ts';
import type { PluginHost } from './plugin-host.ts';

export interface PollDeps {
  plugins: Pick<PluginHost, 'bindings' | 'call'>;
  integrationHealth: IntegrationHealthStore;
  clock: Clock;
  log: Logger;
}

/** Fewer than one plugin takes at once: its other calls go on. */
const AT_ONCE = 4;
/** A note is a line of a list. */
const LONGEST_MESSAGE = 500;

/** The host's doing, or nobody's: it says nothing of the other side. */
const PASSING: ReadonlySet<string> = new Set(['PLG_BUSY', 'PLG_RESTARTED', 'PLG_NOT_FOUND']);

/** Asks every integration of an org that is on how it is, and forgets those that are gone. */
export async function pollIntegrations(
  deps: PollDeps,
  org: string,
  signal: AbortSignal,
): Promise<void> {
  const { plugins, integrationHealth } = deps;
  const bound = plugins.bindings(org).filter(({ scope }) => scope === 'integration');
  const waiting = bound.filter(({ isEnabled }) => isEnabled);
  const known = await integrationHealth.latest(org);
  const work = async () => {
    for (let next = waiting.pop(); next && !signal.aborted; next = waiting.pop()) {
      await poll(deps, org, next, known.get(next.id)?.status);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  const names = new Set(bound.map(({ id }) => id));
  for (const name of known.keys()) {
    if (!names.has(name)) await integrationHealth.forget(org, name);
  }
}

async function poll(
  deps: PollDeps,
  org: string,
  binding: Binding,
  before: HealthNote['status'] | undefined,
): Promise<void> {
  const { integrationHealth, clock, log } = deps;
  const beganAtMs = performance.now();
  const told = await ask(deps, org, binding);
  if (!told) return;
  const { status, message } = told;
  const note: HealthNote = {
    at: toTime(clock()),
    status,
    latencyMs: Math.round(performance.now() - beganAtMs),
    message: message?.slice(0, LONGEST_MESSAGE) || null,
  };
  await integrationHealth.note(org, binding.id, note);
  if (status !== 'healthy' && status !== before) {
    log.warn({ org, integration: binding.id, status, message }, 'an integration is not well');
  }
}

/** Undefined where nothing can be said. */
async function ask(
  { plugins }: PollDeps,
  org: string,
  binding: Binding,
): Promise<Pick<PluginHealth, 'status' | 'message'> | undefined> {
  const { pluginId, id, type } = binding;
  const params = { integration: { id, name: id, type } };
  const about = { org, pluginId, binding, params, requestId: randomUUID() };
  const read = (value: unknown) => readHealth(value, 'integration.health');
  try {
    return (await plugins.call({ ...about, method: 'integration.health', read })) as PluginHealth;
  } catch (error) {
    const code = error instanceof WaymarkError ? error.code : '';
    if (PASSING.has(code)) return undefined;
    if (code === 'PLG_METHOD_UNSUPPORTED') {
      return { status: 'unknown', message: 'its plugin does not tell' };
    }
    return { status: 'unhealthy', message: tellOf(error) };
  }
}
