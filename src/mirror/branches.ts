import type { Logger } from '../audit/logger.ts';
import type { OrgRuntime } from '../delivery/runtime.ts';
import { fetchRefs, type Remote, type RemoteWork } from '../git/remote.ts';
import { RemoteError } from '../git/remote-error.ts';
import { ZERO_OID } from '../model/names.ts';
import type { Errands } from './errands.ts';
import { upstreamRef } from './plan.ts';

const HEADS = 'refs/heads/';
export const BRANCH_PATTERN = `${HEADS}*`;
const UPSTREAM_HEADS = upstreamRef(HEADS);
/** Nobody reviews more at a time; a repository with more is no registry. */
const MOST_BRANCHES = 500;

/** What an upstream listed, and how to bring it. */
export interface Listing {
  remote: Remote;
  work: RemoteWork;
  /** The followed one, as the upstream names it. */
  branch: string;
  listed: ReadonlyMap<string, string>;
}

/** The upstream's other branches: what somebody proposes over there, to be checked before it is merged. */
export class Branches {
  readonly #runtime: OrgRuntime;
  readonly #errands: Errands;
  readonly #log: Logger;
  readonly #told = new Set<string>();

  constructor(runtime: OrgRuntime, { errands, log }: { errands: Errands; log: Logger }) {
    this.#runtime = runtime;
    this.#errands = errands;
    this.#log = log;
  }

  /** @param isAgain also of commits that were reported before */
  async report(listing: Listing, isAgain: boolean): Promise<void> {
    await this.#fetch(listing);
    const org = this.#runtime.org.slug;
    await this.#errands.followPullRequests(org);
    const heads = new Set((await this.#runtime.refs.list(UPSTREAM_HEADS)).values());
    for (const commit of this.#told) if (!heads.has(commit)) this.#told.delete(commit);
    for (const commit of heads) {
      if (this.#told.has(commit) && !isAgain) continue;
      await this.#errands.validate(org, commit, isAgain);
      this.#told.add(commit);
    }
  }

  /** A branch that cannot be had keeps nothing else from being followed. */
  async #fetch({ remote, work, branch, listed }: Listing): Promise<void> {
    const { refs } = this.#runtime;
    const stored = await refs.list(UPSTREAM_HEADS);
    const names = [...listed.keys()].filter((ref) => ref.startsWith(HEADS) && ref !== branch);
    const kept = new Map(names.slice(0, MOST_BRANCHES).map((ref) => [upstreamRef(ref), ref]));
    // First, since `a` stands in the way of `a/b`.
    for (const [ref, oldOid] of stored) {
      const isGone = ref !== upstreamRef(branch) && !kept.has(ref);
      if (isGone) await refs.updateRef({ ref, oldOid, newOid: ZERO_OID });
    }
    // People rewrite what they propose.
    const wanted = [...kept]
      .map(([ref, name]) => ({ ref, oid: listed.get(name)!, isForced: true }))
      .filter(({ ref, oid }) => stored.get(ref) !== oid);
    if (wanted.length === 0) return;
    try {
      await fetchRefs(remote, wanted, work);
    } catch (error) {
      if (!(error instanceof RemoteError) || error.reason === 'stopped') throw error;
      this.#log.warn({ org: this.#runtime.org.slug, error }, 'branches could not be fetched');
    }
  }
}
