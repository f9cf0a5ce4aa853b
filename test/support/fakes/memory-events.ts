import type { BindingRef } from '../../../src/plugin-host/contract/wire.ts';
import type { HookEvent } from '../../../src/plugin-host/events/event.ts';
import { type EventStore, HOOKS } from '../../../src/plugin-host/events/event-store.ts';
import {
  OUTBOX,
  type OutboxKey,
  type OutboxStore,
} from '../../../src/plugin-host/events/outbox.ts';
import { copy, type Memory, sortedBy } from './memory.ts';
import { scheduleIn } from './memory-jobs.ts';

/** With the job that tells of them, as `appendEvents` of a database. */
export function appendEvents(memory: Memory, events: readonly HookEvent[]): void {
  const [first] = events;
  if (!first) return;
  memory.requireOrg(first.org);
  for (const event of events) {
    const isKnown =
      event.mark !== null &&
      memory.events.some(({ org, mark }) => org === event.org && mark === event.mark);
    if (!isKnown) memory.events.push({ ...copy(event), settledAt: null });
  }
  const { org, at } = first;
  memory.announce(scheduleIn(memory, { ...HOOKS, org, payload: null, runAt: at }, at));
}

export function memoryEventStore(memory: Memory): EventStore {
  return {
    async unsettled(org, limit) {
      const waiting = memory.events.filter((one) => one.org === org && one.settledAt === null);
      return sortedBy(waiting, 'id')
        .slice(0, limit)
        .map(({ settledAt: _settledAt, ...event }) => event);
    },

    deliveries: async (org, eventIds) =>
      sortedBy(
        memory.deliveries.filter((one) => one.org === org && eventIds.includes(one.eventId)),
        'eventId',
        'scope',
        'id',
      ),

    async addDelivery(delivery) {
      memory.requireOrg(delivery.org);
      memory.deliveries = memory.deliveries.filter(
        ({ org, eventId, scope, id }) =>
          org !== delivery.org ||
          eventId !== delivery.eventId ||
          scope !== delivery.scope ||
          id !== delivery.id,
      );
      memory.deliveries.push(copy(delivery));
    },

    async settle(org, eventIds, at) {
      for (const event of memory.events) {
        if (event.org === org && eventIds.includes(event.id)) event.settledAt = at;
      }
    },

    async backlog(org) {
      const waiting = memory.events.filter((one) => one.org === org && one.settledAt === null);
      return { waiting: waiting.length, oldestAt: sortedBy(waiting, 'at')[0]?.at ?? null };
    },

    async sweep(before) {
      const old = memory.events.filter(({ settledAt }) => settledAt !== null && settledAt < before);
      const isOld = ({ org, eventId }: { org: string; eventId: string }) =>
        old.some((event) => event.org === org && event.id === eventId);
      const gone = old.filter(({ mark }) => mark === null);
      memory.deliveries = memory.deliveries.filter((told) => !isOld(told));
      memory.events = memory.events.filter((event) => !gone.includes(event));
      return gone.length;
    },
  };
}

const isOf =
  (org: string, { scope, id }: BindingRef) =>
  (one: BindingRef & { org: string }): boolean =>
    one.org === org && one.scope === scope && one.id === id;

export function memoryOutboxStore(memory: Memory): OutboxStore {
  const find = (key: OutboxKey) =>
    memory.messages.filter(isOf(key.org, key)).find(({ eventId }) => eventId === key.eventId);
  const pendingOf = (org: string) =>
    memory.messages.filter((one) => one.org === org && one.state === 'pending');
  const wake = (org: string, runAt: string, now: string) =>
    memory.announce(scheduleIn(memory, { ...OUTBOX, org, payload: null, runAt }, now));

  return {
    async add(message, jobAt) {
      memory.requireOrg(message.org);
      if (find(message)) return;
      memory.messages.push(copy(message));
      wake(message.org, jobAt, message.changedAt);
    },

    async claim(key, now, until) {
      const message = find(key);
      if (message?.state !== 'pending' || message.dueAt > now) return undefined;
      Object.assign(message, { dueAt: until, changedAt: now });
      return copy(message);
    },

    async finish(key, end) {
      const message = find(key);
      if (message) Object.assign(message, copy(end), { attempts: message.attempts + 1 });
      if (end.state === 'pending') wake(key.org, end.dueAt, end.changedAt);
    },

    async listDue(org, now, limit) {
      const due = pendingOf(org).filter(({ dueAt }) => dueAt <= now);
      return sortedBy(due, 'dueAt', 'eventId', 'scope', 'id').slice(0, limit);
    },

    nextDue: async (org) => sortedBy(pendingOf(org), 'dueAt')[0]?.dueAt,

    async summary(org, binding) {
      const own = memory.messages.filter(isOf(org, binding));
      const count = (state: string) => own.filter((one) => one.state === state).length;
      const waiting = own.filter(({ state }) => state === 'pending');
      const tried = own.filter(({ attempts }) => attempts > 0);
      const last = sortedBy(tried, 'changedAt', 'eventId').at(-1);
      const suspension = memory.suspensions.find(isOf(org, binding));
      return {
        pending: count('pending'),
        sent: count('sent'),
        failed: count('failed'),
        nextAttemptAt: sortedBy(waiting, 'dueAt')[0]?.dueAt ?? null,
        lastStatus: last?.lastStatus ?? null,
        lastError: last?.lastError ?? null,
        suspendedSince: suspension?.since ?? null,
      };
    },

    async suspend(org, binding, urlDigest, since) {
      memory.requireOrg(org);
      await this.resume(org, binding);
      memory.suspensions.push({ org, scope: binding.scope, id: binding.id, urlDigest, since });
      for (const message of memory.messages.filter(isOf(org, binding))) {
        if (message.state !== 'pending') continue;
        Object.assign(message, { state: 'failed', changedAt: since });
      }
    },

    suspendedUrl: async (org, binding) => memory.suspensions.find(isOf(org, binding))?.urlDigest,

    async resume(org, binding, entry) {
      const isOurs = isOf(org, binding);
      if (!memory.suspensions.some(isOurs)) return false;
      memory.suspensions = memory.suspensions.filter((one) => !isOurs(one));
      if (entry) memory.append(entry);
      return true;
    },

    async backlog(org) {
      const waiting = pendingOf(org);
      const given = memory.messages.filter((one) => one.org === org && one.state === 'failed');
      const suspensions = memory.suspensions.filter((one) => one.org === org);
      return {
        pending: waiting.length,
        failed: given.length,
        suspended: suspensions.length,
        oldestAt: sortedBy(waiting, 'eventId')[0]?.event.timestamp ?? null,
      };
    },

    async sweep(before) {
      const kept = memory.messages.filter(
        ({ state, changedAt }) => state === 'pending' || changedAt >= before,
      );
      const count = memory.messages.length - kept.length;
      memory.messages = kept;
      return count;
    },
  };
}
