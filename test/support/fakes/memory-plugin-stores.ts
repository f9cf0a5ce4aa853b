import type { BindingSecretStore } from '../../../src/plugin-host/callbacks/binding-secret.ts';
import type { KvPlace, KvStore } from '../../../src/plugin-host/callbacks/kv-store.ts';
import type { BindingRef } from '../../../src/plugin-host/contract/wire.ts';
import { copy, type Memory, sortedBy } from './memory.ts';

export function memoryKvStore(memory: Memory): KvStore {
  const isAt = (place: KvPlace) => {
    const columns = Object.entries(place) as [keyof KvPlace, string][];
    return (row: KvPlace) => columns.every(([name, value]) => row[name] === value);
  };
  const valuesIn = (place: KvPlace) => memory.pluginValues.filter(isAt(place));

  return {
    find: async (place, key) => valuesIn(place).find((row) => row.key === key)?.value,

    async put(place, key, value, limitBytes) {
      memory.requireOrg(place.org);
      const rows = valuesIn(place).filter((row) => row.key !== key);
      const all = [...rows, { key, value }];
      const bytes = all.reduce((sum, row) => sum + Buffer.byteLength(row.key + row.value), 0);
      if (bytes > limitBytes) return false;
      const others = memory.pluginValues.filter((row) => row.key !== key || !isAt(place)(row));
      memory.pluginValues = [...others, { ...place, key, value }];
      return true;
    },

    async remove(place, key) {
      const found = valuesIn(place).find((row) => row.key === key);
      memory.pluginValues = memory.pluginValues.filter((row) => row !== found);
      return found !== undefined;
    },

    keys: async (place, { prefix, after, limit }) =>
      sortedBy(valuesIn(place), 'key')
        .map(({ key }) => key)
        .filter((key) => key > after && key.startsWith(prefix))
        .slice(0, limit),

    bindings: async (org) => bindingsIn(memory.pluginValues.filter((row) => row.org === org)),

    async clear(org, { scope, id }) {
      memory.pluginValues = memory.pluginValues.filter(
        (row) => row.org !== org || row.scope !== scope || row.binding !== id,
      );
    },
  };
}

function bindingsIn(rows: readonly Pick<KvPlace, 'scope' | 'binding'>[]): BindingRef[] {
  const found = new Map(
    rows.map(({ scope, binding: id }) => [`${scope} ${id}`, { scope, id }] as const),
  );
  return [...found.values()];
}

export function memoryBindingSecretStore(memory: Memory): BindingSecretStore {
  const of = (org: string, { scope, id }: BindingRef) =>
    sortedBy(
      memory.bindingSecrets.filter(
        (row) => row.org === org && row.scope === scope && row.binding === id,
      ),
      'name',
    );

  return {
    find: async (org, ref, name) => of(org, ref).find((row) => row.name === name),
    list: async (org, ref) => of(org, ref),
    bindings: async (org) => bindingsIn(memory.bindingSecrets.filter((row) => row.org === org)),

    async put(secrets, entry) {
      for (const secret of secrets) {
        memory.requireOrg(secret.org);
        const { org, scope, binding, name } = secret;
        memory.bindingSecrets = memory.bindingSecrets.filter(
          (row) =>
            row.org !== org || row.scope !== scope || row.binding !== binding || row.name !== name,
        );
        memory.bindingSecrets.push(copy(secret));
      }
      memory.append(entry);
    },

    async remove(org, { scope, id }, names, entry) {
      const left = memory.bindingSecrets.filter(
        (row) =>
          row.org !== org || row.scope !== scope || row.binding !== id || !names.includes(row.name),
      );
      if (left.length === memory.bindingSecrets.length) return;
      memory.bindingSecrets = left;
      memory.append(entry);
    },
  };
}
