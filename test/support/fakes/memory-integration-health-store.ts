import {
  HISTORY,
  type IntegrationHealthStore,
} from '../../../src/plugin-host/integration-health.ts';
import type { Memory } from './memory.ts';

export function memoryIntegrationHealthStore(memory: Memory): IntegrationHealthStore {
  const newestFirst = (org: string) =>
    memory.integrationHealth.filter((row) => row.org === org).reverse();

  const store: IntegrationHealthStore = {
    history: async (org, integration) =>
      newestFirst(org)
        .filter((row) => row.integration === integration)
        .slice(0, HISTORY)
        .map(({ org: _org, integration: _name, ...note }) => note),

    async latest(org) {
      const names = new Set(newestFirst(org).map(({ integration }) => integration));
      const notes = await Promise.all(
        [...names].map(async (name) => [name, (await store.history(org, name))[0]!] as const),
      );
      return new Map(notes);
    },

    async note(org, integration, note) {
      memory.requireOrg(org);
      memory.integrationHealth.push({ org, integration, ...note });
    },

    async forget(org, integration) {
      memory.integrationHealth = memory.integrationHealth.filter(
        (row) => row.org !== org || row.integration !== integration,
      );
    },
  };
  return store;
}
