import type { Projection, PublicationStore } from '../../../src/delivery/publication.ts';
import { type Memory, sortedBy } from './memory.ts';
import { appendEvents } from './memory-events.ts';

export function memoryPublicationStore(memory: Memory): PublicationStore {
  return {
    pointers: async (org) =>
      sortedBy(
        memory.pointers.filter((pointer) => pointer.org === org),
        'channel',
      ),

    releases: async (org) =>
      sortedBy(
        memory.releases.filter((release) => release.org === org),
        'publishedAt',
        'tag',
        'plugin',
      ),

    async openIntents(intents) {
      for (const { org } of intents) memory.requireOrg(org);
      memory.intents.push(...structuredClone(intents));
    },

    pendingIntents: async (org) =>
      sortedBy(
        memory.intents.filter((intent) => intent.org === org),
        'createdAt',
        'opId',
      ),

    dropIntents: async (opIds) => close(memory, opIds),

    async project(projection) {
      if (isOvertaken(memory, projection)) return false;
      movePointers(memory, projection);
      addReleases(memory, projection);
      appendEvents(memory, projection.events ?? []);
      appendEntries(memory, projection);
      close(memory, projection.closes);
      return true;
    },
  };
}

function close(memory: Memory, opIds: readonly string[]): void {
  memory.intents = memory.intents.filter(({ opId }) => !opIds.includes(opId));
}

function isOvertaken(memory: Memory, { pointers }: Projection): boolean {
  return pointers.some(({ next, expectedSequence }) => {
    const stored = memory.pointers.find(
      ({ org, channel }) => org === next.org && channel === next.channel,
    );
    return (stored?.sequence ?? 0) !== expectedSequence;
  });
}

function movePointers(memory: Memory, { pointers }: Projection): void {
  for (const { next } of pointers) {
    memory.requireOrg(next.org);
    memory.pointers = memory.pointers.filter(
      ({ org, channel }) => org !== next.org || channel !== next.channel,
    );
    memory.pointers.push(structuredClone(next));
  }
}

function addReleases(memory: Memory, { releases }: Projection): void {
  for (const release of releases) {
    memory.requireOrg(release.org);
    const isKnown = memory.releases.some(
      ({ org, tag, plugin }) =>
        org === release.org && tag === release.tag && plugin === release.plugin,
    );
    if (!isKnown) memory.releases.push(structuredClone(release));
  }
}

function appendEntries(memory: Memory, { closes, entries }: Projection): void {
  const open = new Set(memory.intents.map(({ opId }) => opId));
  for (const [i, entry] of entries.entries()) {
    const opId = closes[i];
    if (opId === undefined || open.has(opId)) memory.append(entry);
  }
}
