import type { TokenKeyStore } from '../../../src/identity/token-key.ts';
import { copy, type Memory } from './memory.ts';

export function memoryTokenKeyStore(memory: Memory): TokenKeyStore {
  return {
    list: async () => copy(memory.tokenKeys),

    async rotate(key, entry) {
      if (memory.tokenKeys.some(({ sequence }) => sequence === key.sequence)) return false;
      const kept = memory.tokenKeys.filter(({ sequence }) => sequence >= key.sequence - 1);
      memory.tokenKeys = kept.map((each) => ({ ...each, wrappedPrivate: null }));
      memory.tokenKeys.push(copy(key));
      memory.append(entry);
      return true;
    },
  };
}
