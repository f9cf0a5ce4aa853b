import type { Logger } from '../../audit/logger.ts';
import { type Clock, toTime } from '../../model/clock.ts';
import { type ErrorCode, WaymarkError } from '../../model/errors.ts';
import type { Binding } from '../binding.ts';
import { WEBHOOKS } from '../builtin/webhooks.ts';
import { PluginFault } from '../contract/fault.ts';
import type { BindingRef } from '../contract/wire.ts';
import { isUnconfigured } from '../failures.ts';
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
/** What one binding may take of a run: whoever waits behind it waits no longer. */
const TURN_MS = 5_000;
/** A call that never began is made later, until its event is as old as that. */
const LATER_MS = 5_000;
const GIVEN_UP_MS = 10 * 60_000;

/** Events that one binding has yet to hear of, in their order. */
interface Lane {
  binding: Binding;
  events: HookEvent[];
}

/** Of a lane that is left before its end. */
interface Rest {
  unheard: readonly HookEvent[];
  pauseMs: number;
}

/**
 * Tells an org's bindings of what happened: each binding in order, all of them
 * at once, and at least once. What a hook throws is logged and skipped. A slow
 * one keeps the others waiting for no longer than its turn: its other events are
 * left for the next run.
 *
 * @returns in how many milliseconds there is more to tell
 */
export async function dispatchEvents(
  deps: DispatchDeps,
  org: string,
  signal: AbortSignal,
): Promise<number | undefined> {
  const events = await deps.events.unsettled(org, EVENTS_AT_ONCE);
  if (events.length === 0) return undefined;
  // Of a server part that is still being read nobody knows what it hears: its events would be lost.
  await deps.host.settled(org);
  const lanes = await lanesOf(deps, org, events);
  const rests = await Promise.all(lanes.map((lane) => tell(deps, lane, signal)));
  const left = rests.filter((rest) => rest !== undefined);
  const unheard = new Set(left.flatMap((rest) => rest.unheard));
  const settled = events.filter((event) => !unheard.has(event)).map(({ id }) => id);
  await deps.events.settle(org, settled, toTime(deps.clock()));
  const pauses = left.map(({ pauseMs }) => pauseMs);
  if (events.length === EVENTS_AT_ONCE) pauses.push(0);
  return pauses.length > 0 ? Math.min(...pauses) : undefined;
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

async function tell(
  deps: DispatchDeps,
  { binding, events }: Lane,
  signal: AbortSignal,
): Promise<Rest | undefined> {
  const begunAt = deps.clock();
  for (const [i, event] of events.entries()) {
    const isTold = await tellOne(deps, binding, event, signal);
    if (!isTold) return { unheard: events.slice(i), pauseMs: LATER_MS };
    const unheard = events.slice(i + 1);
    const isOver = deps.clock() - begunAt >= TURN_MS;
    if (isOver && unheard.length > 0) return { unheard, pauseMs: 0 };
  }
  return undefined;
}

/** False for a call that is to be made later. */
async function tellOne(
  { host, events, clock, log }: DispatchDeps,
  binding: Binding,
  event: HookEvent,
  signal: AbortSignal,
): Promise<boolean> {
  signal.throwIfAborted();
  const { org, id: eventId } = event;
  const { scope, id, pluginId } = binding;
  const begunAt = clock();
  const error = await callHook(host, binding, event, signal);
  // Nobody knows what came of it: it is told again.
  signal.throwIfAborted();
  const endedAt = clock();
  if (isUnconfigured(error, binding)) return true;
  if (error !== undefined) {
    if (isLater(error, binding) && endedAt - Date.parse(event.at) < GIVEN_UP_MS) return false;
    log.warn({ org, pluginId, binding: id, event: event.type, eventId, error }, 'a hook failed');
  }
  const delivery: HookDelivery = {
    org,
    eventId,
    scope,
    id,
    at: toTime(endedAt),
    durationMs: endedAt - begunAt,
    ...(error === undefined
      ? { outcome: 'done', error: null }
      : { outcome: 'failed', error: textOf(error) }),
  };
  await events.addDelivery(delivery);
  return true;
}

/** Answers what it threw. */
export async function callHook(
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

/** What it has not stored it has not heard of, and a second call is as good as the first. */
const UNSTORED: ReadonlySet<ErrorCode> = new Set([
  'PLG_BREAKER_OPEN',
  'PLG_RESTARTED',
  'PLG_TIMEOUT',
]);

/** It was not called, or says itself that it could be better served later. */
function isLater(error: unknown, { pluginId }: Pick<Binding, 'pluginId'>): boolean {
  if (error instanceof PluginFault) return error.isRetryable;
  if (!(error instanceof WaymarkError)) return false;
  return error.code === 'PLG_BUSY' || (pluginId === WEBHOOKS && UNSTORED.has(error.code));
}

export const textOf = (error: unknown): string =>
  String((error as Error).message ?? error)
    .replaceAll('\0', '')
    .slice(0, 1000);
