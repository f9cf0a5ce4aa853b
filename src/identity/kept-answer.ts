/** What a repeated request is answered with; sealed, for it may show a secret that is shown once. */
export interface KeptAnswer {
  /** A digest of whose request it is, and of the key that they gave it. */
  id: string;
  /** Null for the site. It goes with its org. */
  org: string | null;
  /** Of the one that works on it: another may have taken over. */
  attempt: string;
  isRunning: boolean;
  sealed: string;
  /** Of a running one: from then on it is taken for abandoned. */
  expiresAt: string;
}

export interface KeptAnswerStore {
  /** Stores it, unless one is there that has not expired by `now`: answers that one. */
  begin(kept: KeptAnswer, now: string): Promise<KeptAnswer | undefined>;
  /** Writes nothing when another attempt has taken over. */
  finish(kept: KeptAnswer): Promise<void>;
  /** So that the next one is worked on anew; likewise. */
  forget(id: string, attempt: string): Promise<void>;
  /** Removes what has expired: how many. */
  sweep(now: string): Promise<number>;
}
