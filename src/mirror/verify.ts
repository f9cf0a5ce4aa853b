import type { Logger } from '../audit/logger.ts';
import type { OrgRuntime } from '../delivery/runtime.ts';
import { describeUnsigned, findUnsigned } from '../delivery/signed-commits.ts';
import { type Diagnostic, fileError } from '../model/diagnostic.ts';
import { WaymarkError } from '../model/errors.ts';
import { failpoint } from '../model/failpoint.ts';
import { ZERO_OID } from '../model/names.ts';
import { fail, type Result } from '../model/result.ts';
import { type Finding, MIRROR_ACTOR } from './conditions.ts';

const MAIN = 'refs/heads/main';
const UPSTREAM_TAGS = 'refs/upstream/tags/';

/** What keeps `main` from moving from `old` to a commit that was fetched. */
export async function checkFetched(
  runtime: OrgRuntime,
  head: string,
  old: string,
): Promise<Diagnostic[]> {
  const { repo, pool, protection, releaseKeys } = runtime;
  const diagnostics = await runtime.checkCommit(head);
  if (diagnostics.length > 0 || !protection.signedCommits) return diagnostics;
  const keys = [...protection.signers, ...releaseKeys];
  const after = old === ZERO_OID ? undefined : old;
  const unsigned = await findUnsigned({ repo, pool }, { head, after }, keys);
  if (unsigned.length === 0) return [];
  return [fileError('.', 'unsigned-commit', describeUnsigned(unsigned))];
}

/**
 * The gate between what was fetched and what is served. It remembers what it
 * refused: a broken commit is compiled once, not every minute.
 */
export class Verifier {
  readonly #runtime: OrgRuntime;
  readonly #log: Logger;
  readonly #ignoredTags = new Set<string>();
  #refused: { commit: string; diagnostics: readonly Diagnostic[] } | undefined;

  constructor(runtime: OrgRuntime, log: Logger) {
    this.#runtime = runtime;
    this.#log = log;
  }

  /**
   * Moves `main` to a commit that compiles.
   *
   * @param head fetched and a fast-forward, or accepted
   * @param branch as the upstream names it
   */
  async promote(head: string, branch: string): Promise<Finding[]> {
    const old = (await this.#runtime.refs.read(MAIN)) ?? ZERO_OID;
    if (old === head) return [];
    if (this.#refused?.commit !== head) {
      const diagnostics = await checkFetched(this.#runtime, head, old);
      this.#refused = { commit: head, diagnostics };
    }
    const { diagnostics } = this.#refused;
    if (diagnostics.length > 0) {
      return [{ kind: 'broken-commit', ref: branch, old, new: head, diagnostics }];
    }
    await failpoint('mirror.checked');
    const cause = { actor: MIRROR_ACTOR, action: 'mirror.promote' };
    await this.#runtime.promote({ old, new: head }, cause);
    await failpoint('mirror.promoted');
    return [];
  }

  /** Makes releases of the fetched tags that are ours; others stay beside `refs/tags/`. */
  async takeTags(): Promise<void> {
    const { refs } = this.#runtime;
    const released = await refs.list('refs/tags/');
    for (const [ref, oid] of await refs.list(UPSTREAM_TAGS)) {
      const name = ref.slice(UPSTREAM_TAGS.length);
      // One that is published never moves, whatever was accepted since.
      if (released.has(`refs/tags/${name}`) || this.#ignoredTags.has(`${name} ${oid}`)) continue;
      if (await this.#isRelease(name, oid)) {
        const update = { ref: `refs/tags/${name}`, old: ZERO_OID, new: oid };
        await this.#runtime.moveRef(update, { actor: MIRROR_ACTOR, action: 'mirror.take-tag' });
      } else {
        this.#ignoredTags.add(`${name} ${oid}`);
      }
    }
  }

  /** A tag that cannot be read keeps nothing else from being followed. */
  async #judge(name: string, oid: string): Promise<Result<unknown, string>> {
    const { pool } = this.#runtime;
    try {
      const found = await pool.find(oid);
      if (found?.type !== 'tag') return fail('it is no annotated tag');
      return await this.#runtime.judgeTag(name, oid);
    } catch (error) {
      if (error instanceof WaymarkError) return fail(error.message);
      throw error;
    }
  }

  async #isRelease(name: string, oid: string): Promise<boolean> {
    const result = await this.#judge(name, oid);
    if (result.ok) return true;
    const { slug } = this.#runtime.org;
    this.#log.warn({ org: slug, tag: name, reason: result.error }, 'upstream tag ignored');
    return false;
  }
}
