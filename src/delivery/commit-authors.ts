/** Who brought commits here, whatever the commits themselves say. */
export interface CommitAuthorStore {
  /** Actors, as the audit log names them. Those who are known already stay. */
  add(org: string, commit: string, actors: readonly string[]): Promise<void>;
  /** Whoever brought any of the commits, each once, in order. */
  of(org: string, commits: readonly string[]): Promise<string[]>;
}
