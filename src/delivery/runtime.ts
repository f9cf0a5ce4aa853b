import type { AuditEntry, AuditStore } from '../audit/entry.ts';
import type { Logger } from '../audit/logger.ts';
import type { Push, PushedRef, PushGate } from '../git/gate.ts';
import { isFirstParentAncestor } from '../git/history.ts';
import { removeStaleLocks } from '../git/locks.ts';
import { movedRef } from '../git/moved-ref.ts';
import { type ObjectPool, openObjectPool } from '../git/object-pool.ts';
import { openRefs, type Refs } from '../git/refs.ts';
import type { Org } from '../identity/org.ts';
import type { Permission } from '../identity/roles.ts';
import type { Clock } from '../model/clock.ts';
import { type Diagnostic, fileError, isError } from '../model/diagnostic.ts';
import { WaymarkError } from '../model/errors.ts';
import { failpoint } from '../model/failpoint.ts';
import { fail, type Result } from '../model/result.ts';
import type { ArtifactStore } from '../registry/artifacts.ts';
import type { ParsePool } from '../registry/parse-pool.ts';
import type { Snapshot } from '../registry/snapshot.ts';
import { acceptTag, type TagReader } from '../release/accept-tag.ts';
import type { StoredRoot } from '../signing/keys.ts';
import type { MasterKey } from '../signing/master-key.ts';
import { type Keyring, openKeyring } from '../signing/org-keys.ts';
import { keysOfRole, parseRoot, type RootDocument } from '../signing/root.ts';
import { findAuditGaps } from './audit-gap.ts';
import { type ResolvedChannels, resolveChannels } from './channels.ts';
import { Commits } from './commits.ts';
import { auditEntryOf, type Cause, intentsOf, judgeIntents } from './intents.ts';
import { type KeyStore, readOrgKeys } from './key-store.ts';
import { nextPointers } from './next-pointers.ts';
import { type Protection, protectionOf } from './protection.ts';
import type { ActivePointer, Intent, PublicationStore, ReleaseRow } from './publication.ts';
import {
  keepReplaced,
  loadPublished,
  type Published,
  storePublished,
  storeRecord,
} from './published.ts';
import { checkPush } from './push-gate.ts';
import { FOLLOWS_UPSTREAM } from './push-rules.ts';
import type { Quarantine, QuarantineStore } from './quarantine.ts';
import type { PluginRecord } from './record.ts';
import { type FoundTags, readReleaseTags } from './release-tags.ts';
import { Reminders } from './reminders.ts';
import { isUnreadable } from './unreadable.ts';
import { createView, type View } from './view.ts';

export interface RuntimeDeps {
  publications: PublicationStore;
  audit: Pick<AuditStore, 'tells'>;
  quarantines: Pick<QuarantineStore, 'find'>;
  keys: KeyStore;
  artifacts: ArtifactStore;
  master: MasterKey;
  parsers: ParsePool;
  clock: Clock;
  log: Logger;
}

const MAIN = 'refs/heads/main';
/** Each is one that another node has won. */
const MOST_ATTEMPTS = 20;

/** What is served of `main`. `digest` is its artifact's; '' when it has to be stored again. */
interface Served {
  published: Published;
  digest: string;
}

/** Who does something to an org, as far as the gate and the audit log need to know. */
export interface Actor {
  actor: string;
  permissions: ReadonlySet<Permission>;
}

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
  readonly #deps: RuntimeDeps;
  readonly #commits: Commits;
  readonly #reminders: Reminders;
  readonly #listeners = new Set<(view: View, before: View | undefined) => void>();
  readonly #followers: (() => Promise<void>)[] = [];
  #roots: readonly StoredRoot[] = [];
  #root: RootDocument | undefined;
  #keyring: Keyring | undefined;
  #view: View | undefined;
  #served: Served | undefined;
  #rows: ReleaseRow[] = [];
  #pointers = new Map<string, ActivePointer>();
  #refreshing: Promise<void> | undefined;
  #again = false;
  #quarantine: Quarantine | undefined;
  #hasAuditGap = false;
  readonly #closing = new AbortController();

  constructor(org: Org, repo: string, deps: RuntimeDeps) {
    this.org = org;
    this.repo = repo;
    this.#deps = deps;
    this.pool = openObjectPool(repo);
    this.refs = openRefs(repo);
    const { pool } = this;
    const { artifacts, parsers, log } = deps;
    this.#commits = new Commits({ repo, pool, artifacts, parsers }, log);
    this.#reminders = new Reminders(deps.clock, () => this.#refreshAlone());
  }

  /** Serves what the database says, then catches up with the refs, now or as soon as they can be read. */
  async start(): Promise<void> {
    this.#quarantine = await this.#deps.quarantines.find(this.org.slug);
    await this.reloadKeys();
    await this.#catchUp();
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
    return this.#pointers.get('rolling')?.diagnostics ?? [];
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
    return this.#hasAuditGap;
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
    if (this.#view) this.#swap({ ...this.#view, rootVersion: latest.version });
  }

  #swap(view: View): void {
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
      tagReader: () => this.#tagReader(),
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
  async moveRef(update: PushedRef, cause: Cause): Promise<void> {
    if (update.ref === MAIN && this.org.mode === 'mirror') throw mirrorIsReadOnly();
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

  /** The releases that a tag which is here would make, or why it makes none. */
  judgeTag(name: string, oid: string): Promise<Result<ReleaseRow[], string>> {
    return acceptTag(this.#tagReader(), name, oid);
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
      if (!(await this.#project()) && ++overtaken === MOST_ATTEMPTS) {
        throw new WaymarkError('RES_UNAVAILABLE', 'other nodes are always first: retry');
      }
    } while (this.#again && !this.#isClosed);
  }

  /** One look at the refs. False when another node was first: what it stored is to be taken over. */
  async #project(): Promise<boolean> {
    const { publications, clock } = this.#deps;
    await this.#catchUp();
    const head = await this.refs.read(MAIN);
    const { added, alarms } = await this.#readTags();
    const { served, diagnostics } = await this.#publish(head);
    const intents = await publications.pendingIntents(this.org.slug);
    const { done, dropped } = await judgeIntents(this, intents, clock());
    if (dropped.length > 0) await publications.dropIntents(dropped.map(({ opId }) => opId));
    const rows = [...this.#rows, ...added];
    const channels = served && (await this.#channels(served.published, rows));
    const wanted = {
      org: this.org.slug,
      desired: head ?? '',
      active: served?.published.commit ?? '',
      digest: served?.digest ?? '',
      diagnostics: [...diagnostics, ...alarms],
      channels: new Map([...(channels?.byName ?? [])].map(([name, { digest }]) => [name, digest])),
    };
    const pointers =
      head === undefined ? [] : nextPointers(wanted, this.#pointers, clock(), added.length > 0);
    if (pointers.length === 0 && added.length === 0 && done.length === 0) return true;
    const gaps = await this.#findGaps(head, added, done);
    await failpoint('activate.before-swap');
    const isStored = await publications.project({
      org: this.org.slug,
      pointers: pointers.map((next) => ({
        next,
        expectedSequence: this.#pointers.get(next.channel)?.sequence ?? 0,
      })),
      releases: added,
      closes: done.map(({ opId }) => opId),
      entries: [...done.map((intent) => auditEntryOf(intent, clock())), ...gaps],
    });
    if (!isStored) {
      this.#again = true;
      return false;
    }
    this.#reportGaps(gaps);
    for (const pointer of pointers) this.#pointers.set(pointer.channel, pointer);
    this.#rows = rows;
    if (served && channels && pointers.length > 0) this.#show(served, channels);
    await failpoint('activate.swapped');
    return true;
  }

  #findGaps(head: string | undefined, added: readonly ReleaseRow[], done: readonly Intent[]) {
    const { audit, clock } = this.#deps;
    const desired = this.#pointers.get('rolling')?.desired ?? '';
    return findAuditGaps(audit, { org: this.org.slug, desired, head, added, done }, clock());
  }

  #reportGaps(gaps: readonly AuditEntry[]): void {
    for (const { resource: ref, after } of gaps) {
      this.#hasAuditGap = true;
      const facts = { org: this.org.slug, ref, after };
      this.#deps.log.error(facts, 'a ref was moved, and the audit log does not say by whom');
    }
  }

  /** Serves what another node stored, or this one before it was started again. */
  async #catchUp(): Promise<void> {
    const { publications } = this.#deps;
    const stored = await publications.pointers(this.org.slug);
    const pointers = new Map(stored.map((pointer) => [pointer.channel, pointer]));
    const rolling = pointers.get('rolling');
    if (!rolling || rolling.sequence === this.#pointers.get('rolling')?.sequence) return;
    this.#pointers = pointers;
    this.#rows = await publications.releases(this.org.slug);
    const isSame = rolling.digest === this.#served?.digest;
    const served = isSame ? this.#served : await this.#load(rolling);
    if (served) this.#show(served, await this.#channels(served.published, this.#rows));
  }

  /** A stored publication; where it is damaged or of another format, its commit is compiled again. */
  async #load({ active, digest }: ActivePointer): Promise<Served | undefined> {
    if (digest === '') return undefined;
    try {
      const published = await loadPublished(this.#deps.artifacts, digest);
      if (published) return { published, digest };
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      this.#deps.log.error({ org: this.org.slug, error }, 'the active snapshot is compiled anew');
    }
    const published = await this.publishedAt(active).catch((error: unknown) => {
      this.#deps.log.error({ org: this.org.slug, error }, 'the active commit cannot be read');
      return undefined;
    });
    return published && { published, digest: '' };
  }

  /** Compiles `head` where it is not what is served. A failure keeps the last good one. */
  async #publish(
    head: string | undefined,
  ): Promise<{ served: Served | undefined; diagnostics: readonly Diagnostic[] }> {
    const served = this.#served;
    const isServed =
      served?.published.isCurrent && served.published.commit === head && served.digest !== '';
    if (head === undefined || isServed) return { served, diagnostics: [] };
    const result = await this.#compile(head);
    if (!result.ok) {
      this.#reminders.retry();
      return { served, diagnostics: result.error };
    }
    this.#reminders.succeeded();
    const snapshot = result.value;
    const placed = await this.#commits.place(head, snapshot);
    const replaced = keepReplaced(served?.published, placed.records, this.#deps.clock());
    const published = { ...placed, replaced };
    const digest = await storePublished(this.#deps.artifacts, published, snapshot);
    await failpoint('activate.artifacts-written');
    return { served: { published, digest }, diagnostics: [] };
  }

  async #compile(head: string): Promise<Result<Snapshot, readonly Diagnostic[]>> {
    try {
      return await this.#commits.compile(head);
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      return fail([fileError('.', 'unreadable', error.message)]);
    }
  }

  #refreshAlone(): void {
    if (this.#isClosed) return;
    this.refresh().catch((error: unknown) => {
      if (!this.#isClosed) this.#deps.log.error({ org: this.org.slug, error }, 'refresh failed');
    });
  }

  async #channels(published: Published, rows: readonly ReleaseRow[]): Promise<ResolvedChannels> {
    const { artifacts, clock } = this.#deps;
    const resolved = await resolveChannels({
      published,
      rows,
      pointers: this.#pointers,
      artifacts,
      nowMs: clock(),
    });
    if (resolved.nextChangeMs !== undefined) this.#reminders.at(resolved.nextChangeMs);
    return resolved;
  }

  #show(served: Served, channels: ResolvedChannels): void {
    const rolling = this.#pointers.get('rolling')!;
    this.#served = served;
    this.#commits.served = served.published;
    const view = createView({
      org: this.org,
      sequence: rolling.sequence,
      desired: rolling.desired,
      rootVersion: this.rootVersion,
      diagnostics: rolling.diagnostics,
      published: served.published,
      rows: this.#rows,
      channels: new Map(
        [...channels.byName].map(([name, { spec, resolution }]) => [
          name,
          { spec, resolution, sequence: this.#pointers.get(name)?.sequence ?? rolling.sequence },
        ]),
      ),
    });
    this.#swap(view);
  }

  #readTags(): Promise<FoundTags> {
    return readReleaseTags(this.refs, this.#tagReader(), this.#rows, this.#deps.log);
  }

  #tagReader(): TagReader {
    return {
      org: this.org,
      releaseKeys: this.releaseKeys,
      readTag: (oid: string) => this.pool.readTag(oid),
      recordAt: (plugin: string, commit: string) => this.recordAt(plugin, commit),
      store: (record: PluginRecord) => storeRecord(this.#deps.artifacts, record),
    };
  }
}

export const mirrorIsReadOnly = (): WaymarkError =>
  new WaymarkError('REG_MIRROR_READ_ONLY', `main ${FOLLOWS_UPSTREAM}`);
