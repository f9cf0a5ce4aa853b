import type { CheckpointStore } from '../../../src/audit/checkpoints.ts';
import type { AuditStore } from '../../../src/audit/entry.ts';
import { pageIn } from './listing.ts';
import { copy, type Memory } from './memory.ts';

export function memoryAuditStore(memory: Memory): AuditStore {
  const entriesOf = (tenant: string) => memory.audit.filter((entry) => entry.tenant === tenant);

  return {
    list: async (tenant, afterSequence, limit) =>
      copy(
        entriesOf(tenant)
          .filter(({ sequence }) => sequence > afterSequence)
          .slice(0, limit),
      ),

    page: async (tenant, listing) => pageIn(entriesOf(tenant), listing, { id: 'sequence' }),

    async head(tenant) {
      const last = entriesOf(tenant).at(-1);
      return last && { sequence: last.sequence, hash: last.hash };
    },

    append: async (entry) => memory.append(entry),

    tells: async (tenant, resource, after) =>
      entriesOf(tenant).some((entry) => entry.resource === resource && entry.after === after),
  };
}

export function memoryCheckpointStore(memory: Memory): CheckpointStore {
  const ofTenant = (tenant: string) => memory.checkpoints.filter((one) => one.tenant === tenant);

  return {
    latest: async (tenant) =>
      copy(ofTenant(tenant).toSorted((a, b) => a.sequence - b.sequence)).at(-1),

    list: async (tenant, listing) => pageIn(ofTenant(tenant), listing, { id: 'sequence' }),

    async insert(checkpoint, entry) {
      memory.requireOrg(checkpoint.tenant);
      const { tenant, sequence } = checkpoint;
      if (ofTenant(tenant).some((one) => one.sequence === sequence)) return false;
      memory.checkpoints.push(copy(checkpoint));
      if (entry) memory.append(entry);
      return true;
    },
  };
}
