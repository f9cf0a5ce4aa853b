import type { UpstreamStore } from '../../../src/mirror/upstream.ts';
import { copy, type Memory, sortedBy } from './memory.ts';

export function memoryUpstreamStore(memory: Memory): UpstreamStore {
  const find = (org: string) => memory.upstreams.find((upstream) => upstream.org === org);

  return {
    find: async (org) => copy(find(org)),

    async insert(upstream, entry) {
      memory.requireOrg(upstream.org);
      memory.upstreams.push(copy(upstream));
      memory.append(entry);
    },

    async replace(org, settings, expected, entry) {
      const upstream = find(org);
      if (upstream?.version !== expected) return false;
      Object.assign(upstream, copy(settings), { version: expected + 1 });
      memory.append(entry);
      return true;
    },

    async saveStatus(org, status) {
      Object.assign(find(org) ?? {}, copy(status));
    },

    async saveWriteError(org, fault) {
      Object.assign(find(org) ?? {}, { lastWriteError: copy(fault) });
    },

    conditions: async (org) =>
      sortedBy(
        memory.conditions.filter((condition) => condition.org === org),
        'raisedAt',
        'id',
      ),

    async changeConditions(org, { raise, clear, entries }) {
      memory.requireOrg(org);
      const isCleared = (condition: { org: string; id: string }) =>
        condition.org === org && clear.includes(condition.id);
      memory.conditions = memory.conditions.filter((condition) => !isCleared(condition));
      memory.conditions.push(...copy(raise));
      for (const entry of entries) memory.append(entry);
    },

    async accept(org, id, { at, by }, entry) {
      const found = memory.conditions.find(
        (condition) => condition.org === org && condition.id === id && !condition.acceptedAt,
      );
      if (!found) return false;
      Object.assign(found, { acceptedAt: at, acceptedBy: by });
      memory.append(entry);
      return true;
    },
  };
}
