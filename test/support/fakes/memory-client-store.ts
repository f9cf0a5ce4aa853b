import type { ClientStore } from '../../../src/delivery/client.ts';
import { copy, type Memory, sortedBy } from './memory.ts';

export function memoryClientStore(memory: Memory): ClientStore {
  const indexOf = (org: string, id: string): number =>
    memory.clients.findIndex((client) => client.org === org && client.id === id);

  return {
    find: async (org, id) => copy(memory.clients[indexOf(org, id)]),

    findByToken: async (tokenHash) =>
      copy(memory.clients.find((client) => client.tokenHash === tokenHash)),

    list: async (org, afterId, limit) =>
      sortedBy(memory.clients, 'id')
        .filter((client) => client.org === org && client.id > afterId && !client.revokedAt)
        .slice(0, limit),

    async insert(client, entry) {
      memory.requireOrg(client.org);
      memory.clients.push(copy(client));
      memory.append(entry);
    },

    async replace(client, expected, entry) {
      const index = indexOf(client.org, client.id);
      if (memory.clients[index]?.version !== expected) return false;
      memory.clients[index] = copy(client);
      memory.append(entry);
      return true;
    },

    async saveStates(states) {
      for (const state of states) {
        if (indexOf(state.org, state.clientId) < 0) continue;
        memory.states = memory.states.filter(
          ({ org, clientId }) => org !== state.org || clientId !== state.clientId,
        );
        memory.states.push(copy(state));
      }
    },

    findState: async (org, clientId) =>
      copy(memory.states.find((state) => state.org === org && state.clientId === clientId)),
  };
}
