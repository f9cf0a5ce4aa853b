import type { Logger } from '../../audit/logger.ts';
import { type Clock, toTime } from '../../model/clock.ts';
import { WaymarkError } from '../../model/errors.ts';
import type { Binding } from '../binding.ts';
import type { BindingRef } from '../contract/wire.ts';
import type { PluginHost } from '../plugin-host.ts';
import type { HookEvent, WireEvent } from './event.ts';
import type { EventStore, HookDelivery } from './event-store.ts';
import { type Bound, subscribersOf } from './subscribers.ts';

export interface DispatchDeps {
  host: Bound & Pick<PluginHost, 'settled' | 'call'>;
  events: EventStore;
  clock: Clock;
  log: Logger;
}

const EVENTS_AT_ONCE = 100;

/** Events that one binding has yet to hear of, in their order. */
interface Lane {
  binding: Binding;
  events: HookEvent[];
}

/**
 * Tells an org's bindings of what happened: each binding in order, all of them
 * at once, and at least once. What a hook throws is logged and skipped. One that
 * does not answer keeps none of the others waiting for longer than one call:
 * its other events are left for the next run.
 *
 * @returns whether there is more to tell, at once
 */
export async function dispatchEvents(
  deps: DispatchDeps,
  org: string,
  signal: AbortSignal,
): Promise<boolean> {
  const events = await deps.events.unsettled(org, EVENTS_AT_ONCE);
  if (events.length === 0) return false;
  // Of a server part that is still being read nobody knows what it hears: its events would be lost.
  await deps.host.settled(org);
  const lanes = await lanesOf(deps, org, events);
  const left = await Promise.all(lanes.map((lane) => tell(deps, lane, signal)));
  const unheard = new Set(left.flat());
  const settled = events.map(({ id }) => id).filter((id) => !unheard.has(id));
  await deps.events.settle(org, settled, toTime(deps.clock()));
  return unheard.size > 0 || events.length === EVENTS_AT_ONCE;
}

async function lanesOf(
  { host, events: store }: DispatchDeps,
  org: string,
  events: readonly HookEvent[],
): Promise<Lane[]> {
  const told = await store.deliveries(
    org,
    events.map(({ id }) => id),
  );
  const isTold = new Set(told.map((one) => `${one.eventId} ${keyOf(one)}`));
  const lanes = new Map<string, Lane>();
  for (const event of events) {
    for (const binding of subscribersOf(host, event)) {
      const key = keyOf(binding);
      if (isTold.has(`${event.id} ${key}`)) continue;
      const lane = lanes.get(key) ?? { binding, events: [] };
      lane.events.push(event);
      lanes.set(key, lane);
    }
  }
  return [...lanes.values()];
}

const keyOf = ({ scope, id }: BindingRef): string => `${scope} ${id}`;

/** Answers the ids of events that the binding has not heard of. */
async function tell(
  deps: DispatchDeps,
  { binding, events }: Lane,
  signal: AbortSignal,
): Promise<string[]> {
  for (const [i, event] of events.entries()) {
    const error = await tellOne(deps, binding, event, signal);
    if (isTimeout(error)) return events.slice(i + 1).map(({ id }) => id);
  }
  return [];
}

async function tellOne(
  { host, events, clock, log }: DispatchDeps,
  binding: Binding,
  event: HookEvent,
  signal: AbortSignal,
): Promise<unknown> {
  signal.throwIfAborted();
  const { org, id: eventId } = event;
  const { scope, id, pluginId } = binding;
  const begunAt = clock();
  const error = await callHook(host, binding, event, signal);
  // Nobody knows what came of it: it is told again.
  signal.throwIfAborted();
  const durationMs = clock() - begunAt;
  if (error !== undefined) {
    log.warn({ org, pluginId, binding: id, event: event.type, eventId, error }, 'a hook failed');
  }
  const delivery: HookDelivery = {
    ...{ org, eventId, scope, id, durationMs },
    at: toTime(clock()),
    ...(error === undefined
      ? { outcome: 'done', error: null }
      : { outcome: 'failed', error: textOf(error) }),
  };
  await events.addDelivery(delivery);
  return error;
}

/** Answers what it threw. */
async function callHook(
  host: Pick<PluginHost, 'call'>,
  { scope, id, pluginId, namespaceId, departmentId }: Binding,
  event: HookEvent,
  signal: AbortSignal,
): Promise<unknown> {
  try {
    await host.call({
      org: event.org,
      pluginId,
      binding: { scope, id },
      method: 'hook.handle',
      params: { event: wireEventOf(event, { namespaceId, departmentId }) },
      requestId: event.id,
      isRepeatable: true,
      signal,
    });
    return undefined;
  } catch (error) {
    return error ?? new Error('the hook failed without a reason');
  }
}

export const wireEventOf = (
  { id, type, at: timestamp, org: orgId, data }: HookEvent,
  place: Pick<Binding, 'namespaceId' | 'departmentId'>,
): WireEvent => ({ id, type, timestamp, orgId, ...place, data });

const isTimeout = (error: unknown): boolean =>
  error instanceof WaymarkError && error.code === 'PLG_TIMEOUT';

const textOf = (error: unknown): string =>
  String((error as Error).message ?? error)
    .replaceAll('\0', '')
    .slice(0, 1000);
