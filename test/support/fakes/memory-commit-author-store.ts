import type { CommitAuthorStore } from '../../../src/delivery/commit-authors.ts';
import type { Memory } from './memory.ts';

export function memoryCommitAuthorStore(memory: Memory): CommitAuthorStore {
  return {
    async add(org, commit, actors) {
      if (actors.length > 0) memory.requireOrg(org);
      memory.commitAuthors.push(...actors.map((actor) => ({ org, commit, actor })));
    },

    async of(org, commits) {
      const found = memory.commitAuthors.filter(
        (one) => one.org === org && commits.includes(one.commit),
      );
      return [...new Set(found.map(({ actor }) => actor))].sort();
    },
  };
}
