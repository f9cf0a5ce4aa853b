import type { SecretStore } from '../../../src/secrets/secret.ts';
import { pageIn } from './listing.ts';
import { copy, type Memory } from './memory.ts';

export function memorySecretStore(memory: Memory): SecretStore {
  const without = (org: string, name: string) =>
    memory.secrets.filter((secret) => secret.org !== org || secret.name !== name);

  return {
    find: async (org, name) =>
      copy(memory.secrets.find((secret) => secret.org === org && secret.name === name)),

    list: async (org, listing) =>
      pageIn(
        memory.secrets.filter((secret) => secret.org === org),
        listing,
        { id: 'name' },
      ),

    async put(secret, entry) {
      memory.requireOrg(secret.org);
      memory.secrets = [...without(secret.org, secret.name), copy(secret)];
      memory.append(entry);
    },

    async remove(org, name, entry) {
      const left = without(org, name);
      if (left.length === memory.secrets.length) return false;
      memory.secrets = left;
      memory.append(entry);
      return true;
    },
  };
}
