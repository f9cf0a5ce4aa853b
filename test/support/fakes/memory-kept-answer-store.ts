import type { KeptAnswerStore } from '../../../src/identity/kept-answer.ts';
import { copy, type Memory } from './memory.ts';

export function memoryKeptAnswerStore(memory: Memory): KeptAnswerStore {
  const find = (id: string) => memory.keptAnswers.find((kept) => kept.id === id);

  return {
    async begin(kept, now) {
      if (kept.org !== null) memory.requireOrg(kept.org);
      const known = find(kept.id);
      if (known && known.expiresAt > now) return copy(known);
      memory.keptAnswers = memory.keptAnswers.filter(({ id }) => id !== kept.id);
      memory.keptAnswers.push(copy(kept));
      return undefined;
    },

    async finish({ id, attempt, sealed, expiresAt }) {
      const kept = find(id);
      if (kept?.attempt === attempt) Object.assign(kept, { isRunning: false, sealed, expiresAt });
    },

    async forget(id, attempt) {
      memory.keptAnswers = memory.keptAnswers.filter(
        (kept) => kept.id !== id || kept.attempt !== attempt,
      );
    },

    async sweep(now) {
      const before = memory.keptAnswers.length;
      memory.keptAnswers = memory.keptAnswers.filter(({ expiresAt }) => expiresAt > now);
      return before - memory.keptAnswers.length;
    },
  };
}
