import type { Logger } from '../audit/logger.ts';
import type { ObjectPool } from '../git/object-pool.ts';
import type { Diagnostic } from '../model/diagnostic.ts';
import { ok, type Result } from '../model/result.ts';
import type { Snapshot } from '../registry/snapshot.ts';
import { type Compiler, compileCommit, placeInHistory } from './compiler.ts';
import type { ReleaseRow } from './publication.ts';
import { type Published, readRecord, storeRecord } from './published.ts';
import type { PluginRecord } from './record.ts';
import { SnapshotCache } from './snapshot-cache.ts';
import { isUnreadable } from './unreadable.ts';

const KEPT_COMMITS = 16;

/** An org's commits as they would be served, each compiled when it is first asked for. */
export class Commits {
  /** What is served now: the base of every compile. */
  served: Published | undefined;
  readonly #compiler: Compiler;
  readonly #log: Logger;
  readonly #cache = new SnapshotCache(KEPT_COMMITS);
  readonly #restoring = new Map<string, Promise<void>>();

  constructor(compiler: Compiler, log: Logger) {
    this.#compiler = compiler;
    this.#log = log;
  }

  /** @param pool the quarantine's, for a commit that is not accepted yet */
  async compile(
    commit: string,
    pool: ObjectPool = this.#compiler.pool,
  ): Promise<Result<Snapshot, Diagnostic[]>> {
    const known = this.#cache.get(commit);
    if (known) return ok(known);
    const base = await this.#base();
    const result = await compileCommit(this.#compiler, pool, commit, base?.snapshot);
    if (result.ok) this.#cache.set(commit, result.value);
    return result;
  }

  /** A compiled commit with its place in the history that leads to it from what is served. */
  async place(commit: string, snapshot: Snapshot): Promise<Omit<Published, 'replaced'>> {
    const base = await this.#base();
    const placed = await placeInHistory(this.#compiler, commit, snapshot, base?.published);
    return { ...placed, isCurrent: true, snapshot: async () => snapshot };
  }

  /** Any commit that git still holds; undefined when it does not compile. */
  async publishedAt(commit: string): Promise<Published | undefined> {
    if (this.served?.commit === commit) return this.served;
    const known = this.#cache.published(commit);
    if (known) return known;
    const result = await this.compile(commit);
    if (!result.ok) return undefined;
    const published = { ...(await this.place(commit, result.value)), replaced: [] };
    this.#cache.keep(published);
    return published;
  }

  async recordAt(plugin: string, commit: string): Promise<PluginRecord | undefined> {
    return (await this.publishedAt(commit))?.records.get(plugin);
  }

  /** What a release serves, as stored; made again from its commit where that is lost. */
  recordOf(release: Pick<ReleaseRow, 'recordDigest'> & Partial<ReleaseRow>): Promise<PluginRecord> {
    const { artifacts } = this.#compiler;
    return this.#cache.record(release.recordDigest, async () => {
      try {
        return await readRecord(artifacts, release.recordDigest);
      } catch (error) {
        const record = isUnreadable(error) ? await this.#remake(release) : undefined;
        if (!record) throw error;
        await storeRecord(artifacts, record);
        return record;
      }
    });
  }

  async #remake({ plugin, commit, contentDigest }: Partial<ReleaseRow>) {
    if (plugin === undefined || commit === undefined) return undefined;
    await this.restore(commit);
    const record = await this.recordAt(plugin, commit);
    return record?.content.contentDigest === contentDigest ? record : undefined;
  }

  /** Stores a commit's contents again, after one of them was found missing or damaged. */
  async restore(commit: string): Promise<void> {
    let restoring = this.#restoring.get(commit);
    if (!restoring) {
      this.#log.warn({ commit }, 'stored contents are made again from the repository');
      restoring = compileCommit(this.#compiler, this.#compiler.pool, commit, undefined)
        .then(() => {})
        .finally(() => this.#restoring.delete(commit));
      this.#restoring.set(commit, restoring);
    }
    await restoring;
  }

  /** A damaged one, or one of an older compiler, costs a cold compile, not the service. */
  async #base(): Promise<{ published: Published; snapshot: Snapshot } | undefined> {
    const published = this.served;
    if (!published?.isCurrent) return undefined;
    try {
      return { published, snapshot: await published.snapshot() };
    } catch (error) {
      this.#log.error({ error }, 'the stored snapshot cannot be read: all is compiled anew');
      return undefined;
    }
  }
}
