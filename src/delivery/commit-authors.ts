import type { PushedRef } from '../git/gate.ts';
import { commitsBetween } from '../git/history.ts';
import { ZERO_OID } from '../model/names.ts';
import { MAIN } from './projection.ts';

/** Who brought commits here, whatever the commits themselves say. */
export interface CommitAuthorStore {
  /** Actors, as the audit log names them. Those who are known already stay. */
  add(org: string, commit: string, actors: readonly string[]): Promise<void>;
  /** Whoever brought any of the commits, each once, in order. */
  of(org: string, commits: readonly string[]): Promise<string[]>;
}

/** Those of one org's repository. */
export class CommitAuthors {
  readonly #org: string;
  readonly #repo: string;
  readonly #store: CommitAuthorStore;

  constructor(org: string, repo: string, store: CommitAuthorStore) {
    this.#org = org;
    this.#repo = repo;
    this.#store = store;
  }

  /** Before branches move: whom nobody has noted would pass for somebody else. */
  async note(updates: readonly PushedRef[], actors: readonly string[]): Promise<void> {
    for (const { ref, new: commit } of updates) {
      const isProposed = ref.startsWith('refs/heads/') && ref !== MAIN && commit !== ZERO_OID;
      if (isProposed) await this.add(commit, actors);
    }
  }

  /** Whoever brings a commit is not the one to approve it. */
  add(commit: string, actors: readonly string[]): Promise<void> {
    return this.#store.add(this.#org, commit, actors);
  }

  /** Who has brought the commits that lead to `head`, and not to `after`. */
  async between(head: string, after: string): Promise<string[]> {
    return this.#store.of(this.#org, await commitsBetween(this.#repo, head, after));
  }
}
