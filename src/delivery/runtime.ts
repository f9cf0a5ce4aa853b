import type { Push, PushedRef, PushGate } from '../git/gate.ts';
import { isFirstParentAncestor } from '../git/history.ts';
import { removeStaleLocks } from '../git/locks.ts';
import { movedRef } from '../git/moved-ref.ts';
import { type ObjectPool, openObjectPool } from '../git/object-pool.ts';
import { openRefs, type Refs } from '../git/refs.ts';
import type { Caller } from '../identity/caller.ts';
import type { Org } from '../identity/org.ts';
import type { Permission } from '../identity/roles.ts';
import { type Diagnostic, isError } from '../model/diagnostic.ts';
import { WaymarkError } from '../model/errors.ts';
import { failpoint } from '../model/failpoint.ts';
import type { Result } from '../model/result.ts';
import type { ParsePool } from '../registry/parse-pool.ts';
import type { Snapshot } from '../registry/snapshot.ts';
import { acceptTag, type TagReader } from '../release/accept-tag.ts';
import type { StoredRoot } from '../signing/keys.ts';
import type { MasterKey } from '../signing/master-key.ts';
import { type Keyring, openKeyring } from '../signing/org-keys.ts';
import { keysOfRole, parseRoot, type RootDocument } from '../signing/root.ts';
import { type CommitAuthorStore, CommitAuthors } from './commit-authors.ts';
import { Commits } from './commits.ts';
import { findHandedOut } from './handed-out.ts';
import { type AuthoredCause, type Cause, intentsOf } from './intents.ts';
import { type KeyStore, readOrgKeys } from './key-store.ts';
import { MAIN, Projection, type ProjectionDeps } from './projection.ts';
import { type Protection, protectionOf } from './protection.ts';
import type { ReleaseRow } from './publication.ts';
import { type Published, storeRecord } from './published.ts';
import { checkPush } from './push-gate.ts';
import { checkMoves } from './push-rules.ts';
import type { Quarantine, QuarantineStore } from './quarantine.ts';
import type { PluginRecord } from './record.ts';
import { Reminders } from './reminders.ts';
import type { View } from './view.ts';

export interface RuntimeDeps extends ProjectionDeps {
  quarantines: Pick<QuarantineStore, 'find'>;
  commitAuthors: CommitAuthorStore;
  keys: KeyStore;
  master: MasterKey;
  parsers: ParsePool;
}

/** Each is one that another node has won. */
const MOST_ATTEMPTS = 20;

/** Who does something to an org, as far as the gate and the audit log need to know. */
export type Actor = Pick<Caller, 'actor' | 'permissions' | 'makers'>;

/**
 * One org on this node: its repository, what it serves, and the only way to
 * change either. Refs are the truth; the database's rows are projections of
 * them, completed by {@link refresh} whatever was interrupted.
 */
export class OrgRuntime {
  /** Only its name and tier change. */
  org: Org;
  readonly repo: string;
  readonly pool: ObjectPool;
  readonly refs: Refs;
  readonly authors: CommitAuthors;
  readonly #deps: RuntimeDeps;
  readonly #commits: Commits;
  readonly #reminders: Reminders;
  readonly #projection: Projection;
  readonly #listeners = new Set<(view: View, before: View | undefined) => void>();
  readonly #followers: (() => Promise<void>)[] = [];
  #roots: readonly StoredRoot[] = [];
  #root: RootDocument | undefined;
  #keyring: Keyring | undefined;
  #view: View | undefined;
  #refreshing: Promise<void> | undefined;
  #again = false;
  #quarantine: Quarantine | undefined;
  readonly #closing = new AbortController();

  constructor(org: Org, repo: string, deps: RuntimeDeps) {
    this.org = org;
    this.repo = repo;
    this.#deps = deps;
    this.pool = openObjectPool(repo);
    this.refs = openRefs(repo);
    this.authors = new CommitAuthors(org.slug, repo, deps.commitAuthors);
    const { artifacts, parsers, log } = deps;
    this.#commits = new Commits({ repo, pool: this.pool, artifacts, parsers }, log);
    this.#reminders = new Reminders(deps.clock, () => this.#refreshAlone());
    this.#projection = new Projection(this, this.#commits, this.#reminders, deps);
  }

  /** Serves what the database says, then catches up with the refs, now or as soon as they can be read. */
  async start(): Promise<void> {
    this.#quarantine = await this.#deps.quarantines.find(this.org.slug);
    await this.reloadKeys();
    await this.#projection.catchUp();
    try {
      await removeStaleLocks(this.repo, () => false);
      await this.refresh();
    } catch (error) {
      // One org's repository may be gone or damaged: what is stored is served, and so are the others.
      this.#deps.log.error({ org: this.org.slug, error }, 'the repository could not be followed');
      this.#reminders.retry();
    }
  }

  /** @throws {WaymarkError} `RES_UNAVAILABLE` before the first commit is served */
  get view(): View {
    if (this.#view) return this.#view;
    const details = { diagnostics: this.diagnostics };
    const { slug, mode } = this.org;
    const isMirror = mode === 'mirror';
    const what = isMirror ? 'see how it follows its upstream' : 'push a registry to main';
    const message = `${slug} serves nothing yet: ${what}`;
    throw new WaymarkError('RES_UNAVAILABLE', message, { details });
  }

  get maybeView(): View | undefined {
    return this.#view;
  }

  /** What keeps `main` from being served, for the people who can mend it. */
  get diagnostics(): readonly Diagnostic[] {
    return this.#projection.diagnostics;
  }

  /** Set while the repository is known to be damaged: what was served stays served. */
  get quarantine(): Quarantine | undefined {
    return this.#quarantine;
  }

  /** After a check of the repository, or when another was put in its place. */
  async setQuarantine(quarantine: Quarantine | undefined): Promise<void> {
    this.#quarantine = quarantine;
    if (quarantine) return;
    // The next use starts them anew.
    this.pool.reopen();
    this.refs.close();
    await this.refresh();
  }

  /** @throws {WaymarkError} `REG_CORRUPT` in quarantine: what is built on damage could not be kept */
  checkWritable(): void {
    if (!this.#quarantine) return;
    const { since } = this.#quarantine;
    const message = 'the repository is damaged and takes nothing until it is mended';
    throw new WaymarkError('REG_CORRUPT', message, { details: { since } });
  }

  /** Whether, since the start, a ref was found that nothing in the audit log explains. */
  get hasAuditGap(): boolean {
    return this.#projection.hasAuditGap;
  }

  get keyring(): Keyring {
    if (!this.#keyring) throw new WaymarkError('SIGN_KEY_MISSING', 'the org has no keys yet');
    return this.#keyring;
  }

  /** By version, ascending. */
  get roots(): readonly StoredRoot[] {
    return this.#roots;
  }

  get rootVersion(): number {
    return this.#root?.version ?? 0;
  }

  /** Armored: what the root says signs releases, and commits that are made for people. */
  get releaseKeys(): readonly string[] {
    return this.#root ? keysOfRole(this.#root, 'release') : [];
  }

  /** Takes over a rotation that was made here or on another node. */
  async reloadKeys(): Promise<void> {
    const { keys, roots } = await readOrgKeys(this.#deps.keys, this.org.slug);
    const latest = roots.at(-1);
    // Nothing new; or less, in a call that was overtaken by a later one.
    if (!latest || latest.version <= this.rootVersion) return;
    this.#roots = roots;
    this.#root = parseRoot(Buffer.from(latest.body));
    this.#keyring = openKeyring(keys, this.#deps.master);
    if (this.#view) this.show({ ...this.#view, rootVersion: latest.version });
  }

  /** Serves from `view` from now on. */
  show(view: View): void {
    const before = this.#view;
    this.#view = view;
    for (const listener of this.#listeners) listener(view, before);
  }

  /** Called after every swap of what is served. Answers how to stop. */
  onChange(listener: (view: View, before: View | undefined) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Aborts when the runtime is closed: what works on its repository from outside is to stop. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  get #isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  close(): void {
    this.#closing.abort();
    this.#reminders.close();
    this.pool.close();
    this.refs.close();
  }

  /** The gate for one push of a caller. */
  gate(caller: Actor, requestId?: string): PushGate {
    let opIds: string[] = [];
    return {
      check: async (push) => {
        const messages = await this.#check(push, caller);
        if (messages.length > 0) return { accept: false, messages };
        const cause = { actor: caller.actor, action: 'git.push', ...(requestId && { requestId }) };
        await this.authors.note(push.updates, [caller.actor, ...(caller.makers ?? [])]);
        opIds = await this.#openIntents(push.updates, cause);
        return { accept: true, messages };
      },
      received: async (push, applied) => {
        const moved = new Set(applied.map(({ ref }) => ref));
        // Of one that lost the race for its ref: every later look at the refs would judge it again.
        const lost = opIds.filter((_opId, i) => !moved.has(push.updates[i]!.ref));
        await this.#deps.publications.dropIntents(lost);
        if (applied.length > 0) await this.follow();
      },
    };
  }

  async #check(push: Push, { permissions }: Actor): Promise<string[]> {
    const org = {
      repo: this.repo,
      isMirror: this.org.mode === 'mirror',
      protection: this.protection,
      releaseKeys: this.releaseKeys,
      checkCommit: (commit: string, pool: ObjectPool) => this.checkCommit(commit, pool),
      findHandedOut: this.findHandedOut.bind(this),
      tagReader: () => this.tagReader(),
    };
    return await checkPush(org, push, permissions);
  }

  /** What the registry that is served asks of a change to `main`. */
  get protection(): Protection {
    return protectionOf(this.#view?.published);
  }

  /**
   * Moves one ref for the server itself: intent, compare and swap, projection.
   *
   * @throws {WaymarkError} `RES_VERSION_CONFLICT` when the ref is not where the caller saw it,
   *   `REG_MIRROR_READ_ONLY`
   */
  async moveRef(update: PushedRef, { authors, ...cause }: AuthoredCause): Promise<void> {
    checkMoves(update, this.org);
    await this.authors.note([update], authors ?? [cause.actor]);
    await this.#moveRef(update, cause);
  }

  /** Moves a mirror's `main` to what its upstream has. */
  async promote(update: Omit<PushedRef, 'ref'>, cause: Cause): Promise<void> {
    await this.#moveRef({ ...update, ref: MAIN }, cause);
  }

  async #moveRef(update: PushedRef, cause: Cause): Promise<void> {
    this.checkWritable();
    await failpoint('publish.objects-written');
    const [opId] = await this.#openIntents([update], cause);
    await failpoint('publish.intent-written');
    const { ref, old, new: newOid } = update;
    const outcome = await this.refs.updateRef({ ref, oldOid: old, newOid });
    if (outcome === 'conflict') {
      await this.#deps.publications.dropIntents([opId!]);
      throw await movedRef(this.repo, update, await this.refs.read(ref));
    }
    await failpoint('publish.ref-updated');
    await this.refresh();
    await failpoint('publish.projected');
  }

  /** What keeps a commit from being served, before a ref moves to it. */
  async checkCommit(commit: string, pool = this.pool): Promise<Diagnostic[]> {
    const result = await this.#commits.compile(commit, pool);
    return result.ok ? [] : result.error.filter(isError);
  }

  /** What of a commit's roles is not for who has these permissions to give; of a broken one, nothing. */
  async findHandedOut(
    commit: string,
    permissions: ReadonlySet<Permission>,
    pool = this.pool,
  ): Promise<string[]> {
    const result = await this.#commits.compile(commit, pool);
    return result.ok ? findHandedOut(this.#view?.published, result.value, permissions) : [];
  }

  /** The releases that a tag which is here would make, or why it makes none. */
  judgeTag(name: string, oid: string): Promise<Result<ReleaseRow[], string>> {
    return acceptTag(this.tagReader(), name, oid);
  }

  async #openIntents(updates: readonly PushedRef[], cause: Cause): Promise<string[]> {
    const intents = intentsOf(this.org.slug, updates, cause, this.#deps.clock());
    await this.#deps.publications.openIntents(intents);
    return intents.map(({ opId }) => opId);
  }

  /** A plugin at any commit that git still holds. */
  recordAt(plugin: string, commit: string): Promise<PluginRecord | undefined> {
    return this.#commits.recordAt(plugin, commit);
  }

  /** Any commit as it would be served; undefined when it does not compile. */
  publishedAt(commit: string): Promise<Published | undefined> {
    return this.#commits.publishedAt(commit);
  }

  /** Stores a commit's contents again, after one of them was found missing or damaged. */
  restore(commit: string): Promise<void> {
    return this.#commits.restore(commit);
  }

  recordOf(row: Pick<ReleaseRow, 'recordDigest'>): Promise<PluginRecord> {
    return this.#commits.recordOf(row);
  }

  isOnMain(commit: string): Promise<boolean> {
    const head = this.view.published.commit;
    return isFirstParentAncestor(this.repo, commit, head);
  }

  /** Any commit, compiled: what it would serve, or all that is wrong with it. */
  compileAt(commit: string): Promise<Result<Snapshot, Diagnostic[]>> {
    return this.#commits.compile(commit);
  }

  /** For what else is a projection of the refs: called by {@link follow}, once the runtime's own are done. */
  onFollow(follower: () => Promise<void>): void {
    this.#followers.push(follower);
  }

  /** Takes up what was pushed, or what a crash interrupted. */
  async follow(): Promise<void> {
    await this.refresh();
    for (const follower of this.#followers) await follower();
  }

  /**
   * Brings the projections up to the refs. Calls during a run share the next
   * one, so a burst of pushes costs two.
   */
  async refresh(): Promise<void> {
    if (this.#refreshing) {
      this.#again = true;
      await this.#refreshing;
      // It may have been asked for after the last look: then nobody has taken it up.
      return this.#again ? await this.refresh() : undefined;
    }
    this.#refreshing = this.#runRefresh().finally(() => {
      this.#refreshing = undefined;
    });
    await this.#refreshing;
  }

  async #runRefresh(): Promise<void> {
    let overtaken = 0;
    do {
      this.#again = false;
      if (await this.#projection.project()) continue;
      // Another node was first: what it stored is to be taken over.
      this.#again = true;
      if (++overtaken === MOST_ATTEMPTS) {
        throw new WaymarkError('RES_UNAVAILABLE', 'other nodes are always first: retry');
      }
    } while (this.#again && !this.#isClosed);
  }

  #refreshAlone(): void {
    if (this.#isClosed) return;
    this.refresh().catch((error: unknown) => {
      if (!this.#isClosed) this.#deps.log.error({ org: this.org.slug, error }, 'refresh failed');
    });
  }

  tagReader(): TagReader {
    return {
      org: this.org,
      releaseKeys: this.releaseKeys,
      readTag: (oid: string) => this.pool.readTag(oid),
      recordAt: (plugin: string, commit: string) => this.recordAt(plugin, commit),
      store: (record: PluginRecord) => storeRecord(this.#deps.artifacts, record),
    };
  }
}
