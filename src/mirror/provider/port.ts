import type { ChangeStatus } from '../../changes/change-request.ts';

/** What a check found of a commit, as the provider shows it beside the commit. */
export interface CommitStatus {
  commit: string;
  state: 'pending' | 'success' | 'failure';
  /** The check's name: a later status of the same replaces an earlier one. */
  context: string;
  /** One line; what is longer than a provider takes is cut off. */
  description: string;
  /** Where more is said; null for nowhere. */
  targetUrl: string | null;
}

export interface NewPullRequest {
  /** Already there, with commits that `base` has not. */
  branch: string;
  base: string;
  title: string;
  /** Markdown. */
  body: string;
  isDraft: boolean;
}

export interface PullRequest {
  number: number;
  title: string;
  description: string;
  /** Branches; of a fork, the one over there. */
  source: string;
  target: string;
  /** A name at the provider. */
  author: string;
  /** The commit that `source` was last at. */
  head: string;
  status: ChangeStatus;
  createdAt: string;
  updatedAt: string;
  mergedAt: string | null;
  mergeCommit: string | null;
  /** Of its page. */
  url: string;
}

/** One repository at the service that it lives on. Every method throws {@link ProviderError}. */
export interface Provider {
  /** Again with the same is as once. */
  reportStatus(status: CommitStatus): Promise<void>;
  /** The open one of that branch into that base, if there is one. */
  findPullRequest(branch: string, base: string): Promise<PullRequest | undefined>;
  openPullRequest(wanted: NewPullRequest): Promise<PullRequest>;
  /** Of every state, the last changed first; at most a hundred. */
  listPullRequests(): Promise<PullRequest[]>;
  /** So many of them, from page 1 on. */
  pagePullRequests(page: number, size: number): Promise<PullRequest[]>;
  getPullRequest(number: number): Promise<PullRequest>;
}

export type ProviderReason =
  | 'secret-missing'
  | 'credentials-refused'
  | 'not-found'
  | 'refused'
  | 'address-refused'
  | 'rate-limited'
  | 'unreachable'
  | 'failed';

/** What trying again does not change. */
const LASTING: ReadonlySet<ProviderReason> = new Set([
  'secret-missing',
  'credentials-refused',
  'not-found',
  'refused',
  'address-refused',
]);

/** Why a provider did not do what was asked. `message` names no host, address or secret. */
export class ProviderError extends Error {
  override readonly name = 'ProviderError';
  readonly reason: ProviderReason;
  /** Of its answer; undefined where none came, or none that can be read. */
  readonly status: number | undefined;

  constructor(
    reason: ProviderReason,
    message: string,
    { status, ...options }: ErrorOptions & { status?: number } = {},
  ) {
    super(`the provider: ${message}`, options);
    this.reason = reason;
    this.status = status;
  }

  get isLasting(): boolean {
    return LASTING.has(this.reason);
  }
}
