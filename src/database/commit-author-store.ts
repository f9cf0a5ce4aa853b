import type { Kysely } from 'kysely';
import type { CommitAuthorStore } from '../delivery/commit-authors.ts';
import type { Tables } from './tables.ts';

/** Commits asked for at once: both databases take only so many parameters. */
const BATCH = 500;

export function commitAuthorStore(db: Kysely<Tables>): CommitAuthorStore {
  return {
    async add(org, commit, actors) {
      if (actors.length === 0) return;
      const rows = actors.map((actor) => ({ org, commit, actor }));
      await db
        .insertInto('commitAuthor')
        .values(rows)
        .onConflict((conflict) => conflict.columns(['org', 'commit', 'actor']).doNothing())
        .execute();
    },

    async of(org, commits) {
      const found = new Set<string>();
      for (let i = 0; i < commits.length; i += BATCH) {
        const rows = await db
          .selectFrom('commitAuthor')
          .select('actor')
          .distinct()
          .where('org', '=', org)
          .where('commit', 'in', commits.slice(i, i + BATCH))
          .execute();
        for (const { actor } of rows) found.add(actor);
      }
      return [...found].sort();
    },
  };
}
