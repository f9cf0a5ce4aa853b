import type { BindingRef } from '../../../src/plugin-host/contract/wire.ts';
import type { PluginStateStore } from '../../../src/plugin-host/plugin-state.ts';
import { copy, type Memory, sortedBy } from './memory.ts';

export function memoryPluginStateStore(memory: Memory): PluginStateStore {
  const without = (org: string, ref: BindingRef) =>
    memory.bindingStops.filter(
      (stop) => stop.org !== org || stop.scope !== ref.scope || stop.id !== ref.id,
    );

  return {
    hostPlugins: async () => sortedBy(memory.hostPlugins, 'id'),

    async saveHostPlugin(state, entry) {
      memory.hostPlugins = memory.hostPlugins.filter(({ id }) => id !== state.id);
      memory.hostPlugins.push(copy(state));
      memory.append(entry);
    },

    stops: async (org) =>
      sortedBy(
        memory.bindingStops.filter((stop) => stop.org === org),
        'scope',
        'id',
      ),

    async stop(stop, entry) {
      memory.requireOrg(stop.org);
      memory.bindingStops = [...without(stop.org, stop), copy(stop)];
      memory.append(entry);
    },

    async resume(org, ref, entry) {
      const kept = without(org, ref);
      if (kept.length === memory.bindingStops.length) return false;
      memory.bindingStops = kept;
      memory.append(entry);
      return true;
    },
  };
}
