import type { AuditEntry } from '../audit/entry.ts';
import type { ListFields, Listing, Page } from '../model/listing.ts';
import type { HookEvent } from '../plugin-host/events/event.ts';

/** `draft → open → merged | closed`; from the last two nothing leads on. */
export type ChangeStatus = 'draft' | 'open' | 'merged' | 'closed';

/** The wish to bring one branch into another, as stored. What follows from it and git is not. */
export interface ChangeRequest {
  org: string;
  /** From 1, for each org. */
  number: number;
  title: string;
  /** Markdown. */
  description: string;
  /** Branches, without `refs/heads/`. */
  source: string;
  target: string;
  /** As the audit log names people and keys. */
  author: string;
  /** The commit that the source branch was last seen at. */
  head: string;
  status: ChangeStatus;
  createdAt: string;
  updatedAt: string;
  mergedAt: string | null;
  /** What the target branch was moved to, and from where. */
  mergeCommit: string | null;
  mergeBase: string | null;
  version: number;
  /** Of the pull request that it is, at a mirror's upstream. */
  url: string | null;
  /** A move of a ref that this row cannot tell the outcome of; `settle` completes it. */
  pending: PendingStep | null;
}

export type PendingStep =
  | { step: 'branch'; requestId?: string }
  /** `at` is a time: a step older than a ref may take to move will not happen any more. */
  | { step: 'merge'; commit: string; base: string; by: string; requestId?: string; at: string };

export type NewChangeRequest = Omit<ChangeRequest, 'number' | 'source'> & {
  /** Null for a branch that is yet to be made: {@link branchOf}. */
  source: string | null;
};

export type Verdict = 'approved' | 'changes_requested' | 'commented';

export interface Review {
  org: string;
  number: number;
  /** UUIDv7: by it reviews are in the order in which they were made. */
  id: string;
  reviewer: string;
  verdict: Verdict;
  body: string;
  /** What was looked at: the review is stale once the branch is elsewhere. */
  head: string;
  createdAt: string;
}

/** Characters. */
export const LONGEST_TITLE = 200;

export interface ChangeRequestStore {
  find(org: string, number: number): Promise<ChangeRequest | undefined>;
  list(org: string, listing: Listing): Promise<Page<ChangeRequest>>;
  /** Drafts and open ones, by number. */
  active(org: string): Promise<ChangeRequest[]>;
  /**
   * Gives it the org's next number. Undefined, and nothing written, where its
   * source has an active request already.
   */
  insert(
    request: NewChangeRequest,
    entryOf: (made: ChangeRequest) => AuditEntry,
    eventsOf?: (made: ChangeRequest) => readonly HookEvent[],
  ): Promise<ChangeRequest | undefined>;
  /**
   * False, and nothing written, unless the stored version is `expected`. Without
   * an entry it only says which step is pending: what comes of it is told then.
   */
  replace(
    request: ChangeRequest,
    expected: number,
    entry?: AuditEntry,
    events?: readonly HookEvent[],
  ): Promise<boolean>;
  /**
   * Makes a mirror's requests what its upstream's are, by number: one that has
   * changed gets another version.
   */
  follow(requests: readonly ChangeRequest[], entry?: AuditEntry): Promise<void>;
  /** In the order in which they were made. */
  reviews(org: string, number: number): Promise<Review[]>;
  addReview(review: Review, entry: AuditEntry, events?: readonly HookEvent[]): Promise<void>;
}

/** The branch that the server makes for a request from operations. Nobody else may start one. */
export const branchOf = (number: number): string => `change/${number}`;

export const isActive = ({ status }: Pick<ChangeRequest, 'status'>): boolean =>
  status === 'draft' || status === 'open';

export const refOf = (branch: string): string => `refs/heads/${branch}`;

export const changeListFields = {
  number: { type: 'number', isSortable: true },
  title: { type: 'text', isSortable: true },
  status: { type: 'text', isSortable: true },
  source: { type: 'text' },
  target: { type: 'text' },
  author: { type: 'text', isSortable: true },
  head: { type: 'text' },
  createdAt: { type: 'time', isSortable: true },
  updatedAt: { type: 'time', isSortable: true },
  mergedAt: { type: 'time', isSortable: true },
} as const satisfies ListFields;

/** What git takes for a branch, and no way out of the folder of branches. */
export const isBranchName = (name: string): boolean =>
  /^[^\s\p{Cc}~^:?*[\\]{1,200}$/u.test(name) &&
  !/(^|\/)[.-]|[./]$|\.\.|\/\/|@\{|\.lock(\/|$)|^@$/.test(name) &&
  !name.startsWith('/');
