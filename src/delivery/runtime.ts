import { randomUUID } from 'node:crypto';
import type { Logger } from '../audit/logger.ts';
import type { Push, PushedRef, PushGate } from '../git/gate.ts';
import { isFirstParentAncestor } from '../git/history.ts';
import { removeStaleLocks } from '../git/locks.ts';
import { type ObjectPool, openObjectPool } from '../git/object-pool.ts';
import { openRefs, type Refs } from '../git/refs.ts';
import type { Org } from '../identity/org.ts';
import type { Permission } from '../identity/roles.ts';
import { type Clock, toTime } from '../model/clock.ts';
import { type Diagnostic, fileError, isError } from '../model/diagnostic.ts';
import { WaymarkError } from '../model/errors.ts';
import { failpoint } from '../model/failpoint.ts';
import { fail, ok, type Result } from '../model/result.ts';
import type { ArtifactStore } from '../registry/artifacts.ts';
import type { ParsePool } from '../registry/parse-pool.ts';
import { documentsOf, type Snapshot } from '../registry/snapshot.ts';
import { acceptTag, isReleaseName, type TagReader } from '../release/accept-tag.ts';
import type { StoredRoot } from '../signing/keys.ts';
import type { MasterKey } from '../signing/master-key.ts';
import { type Keyring, openKeyring } from '../signing/org-keys.ts';
import { keysOfRole, parseRoot, type RootDocument } from '../signing/root.ts';
import { type ResolvedChannels, resolveChannels } from './channels.ts';
import { type Compiler, compileCommit, placeInHistory } from './compiler.ts';
import { auditEntryOf, judgeIntents } from './intents.ts';
import { type KeyStore, readOrgKeys } from './key-store.ts';
import { nextPointers } from './next-pointers.ts';
import type { ActivePointer, Intent, PublicationStore, ReleaseRow } from './publication.ts';
import {
  keepReplaced,
  loadPublished,
  type Published,
  readRecord,
  storePublished,
  storeRecord,
} from './published.ts';
import { checkPush } from './push-gate.ts';
import type { PluginRecord } from './record.ts';
import { SnapshotCache } from './snapshot-cache.ts';
import { createView, type View } from './view.ts';

export interface RuntimeDeps {
  publications: PublicationStore;
  keys: KeyStore;
  artifacts: ArtifactStore;
  master: MasterKey;
  parsers: ParsePool;
  clock: Clock;
  log: Logger;
}

const MAIN = 'refs/heads/main';
const TAGS = 'refs/tags/';

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
  readonly org: Org;
  readonly repo: string;
  readonly pool: ObjectPool;
  readonly refs: Refs;
  readonly #deps: RuntimeDeps;
  readonly #snapshots = new SnapshotCache(16);
  readonly #listeners = new Set<(view: View, before: View | undefined) => void>();
  #roots: readonly StoredRoot[] = [];
  #root: RootDocument | undefined;
  #keyring: Keyring | undefined;
  #view: View | undefined;
  #served: Served | undefined;
  #rows: ReleaseRow[] = [];
  #pointers = new Map<string, ActivePointer>();
  #refreshing: Promise<void> | undefined;
  #again = false;
  #retry: NodeJS.Timeout | undefined;
  #ripening: NodeJS.Timeout | undefined;
  #failures = 0;
  #isClosed = false;

  constructor(org: Org, repo: string, deps: RuntimeDeps) {
    this.org = org;
    this.repo = repo;
    this.#deps = deps;
    this.pool = openObjectPool(repo);
    this.refs = openRefs(repo);
  }

  /** Serves what the database says, then catches up with the refs, now or as soon as they can be read. */
  async start(): Promise<void> {
    await removeStaleLocks(this.repo, () => false);
    await this.reloadKeys();
    await this.#catchUp();
    await this.refresh().catch((error: unknown) => {
      this.#deps.log.error({ org: this.org.slug, error }, 'the repository could not be followed');
      this.#retryLater();
    });
  }

  /** @throws {WaymarkError} `RES_UNAVAILABLE` before the first commit is served */
  get view(): View {
    if (this.#view) return this.#view;
    const details = { diagnostics: this.diagnostics };
    const message = `${this.org.slug} serves nothing yet: push a registry to main`;
    throw new WaymarkError('RES_UNAVAILABLE', message, { details });
  }

  get maybeView(): View | undefined {
    return this.#view;
  }

  /** What keeps `main` from being served, for the people who can mend it. */
  get diagnostics(): readonly Diagnostic[] {
    return this.#pointers.get('rolling')?.diagnostics ?? [];
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

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    clearTimeout(this.#ripening);
    this.pool.close();
    this.refs.close();
  }

  /** The gate for one push of a caller. */
  gate(caller: Actor): PushGate {
    let opIds: string[] = [];
    return {
      check: async (push) => {
        const messages = await this.#check(push, caller);
        if (messages.length > 0) return { accept: false, messages };
        opIds = await this.#openIntents(push.updates, caller.actor, 'git.push');
        return { accept: true, messages };
      },
      received: async (push, applied) => {
        const moved = new Set(applied.map(({ ref }) => ref));
        // Of one that lost the race for its ref: every later look at the refs would judge it again.
        const lost = opIds.filter((_opId, i) => !moved.has(push.updates[i]!.ref));
        await this.#deps.publications.dropIntents(lost);
        if (applied.length > 0) await this.refresh();
      },
    };
  }

  async #check(push: Push, { permissions }: Actor): Promise<string[]> {
    const org = {
      repo: this.repo,
      isProtected: () => this.#isProtected(),
      checkCommit: (commit: string, pool: ObjectPool) => this.checkCommit(commit, pool),
      tagReader: () => this.#tagReader(),
    };
    return await checkPush(org, push, permissions);
  }

  #isProtected(): boolean {
    const config = this.#view?.published.config;
    const [registry] = config ? documentsOf({ config }, 'Registry') : [];
    return registry?.spec.protection?.changeRequest === true;
  }

  /**
   * Moves one ref for the server itself: intent, compare and swap, projection.
   *
   * @throws {WaymarkError} `RES_VERSION_CONFLICT` when the ref is not where the caller saw it
   */
  async moveRef(
    update: PushedRef,
    { actor, action }: { actor: string; action: string },
  ): Promise<void> {
    await failpoint('publish.objects-written');
    const [opId] = await this.#openIntents([update], actor, action);
    await failpoint('publish.intent-written');
    const { ref, old, new: newOid } = update;
    const outcome = await this.refs.updateRef({ ref, oldOid: old, newOid });
    if (outcome === 'conflict') {
      await this.#deps.publications.dropIntents([opId!]);
      const details = { ref, head: await this.refs.read(ref) };
      throw new WaymarkError('RES_VERSION_CONFLICT', `${ref} has moved: read it, then retry`, {
        details,
      });
    }
    await failpoint('publish.ref-updated');
    await this.refresh();
    await failpoint('publish.projected');
  }

  /** What keeps a commit from being served, before a ref moves to it. */
  async checkCommit(commit: string, pool = this.pool): Promise<Diagnostic[]> {
    const result = await compileCommit(this.#compiler, pool, commit, await this.#base());
    if (!result.ok) return result.error.filter(isError);
    this.#snapshots.set(commit, result.value);
    return [];
  }

  /** What the next compile starts from. A damaged one costs a cold compile, not the service. */
  async #base(): Promise<Snapshot | undefined> {
    const published = this.#served?.published;
    if (!published?.isCurrent) return undefined;
    return await published.snapshot().catch((error: unknown) => {
      this.#deps.log.error({ org: this.org.slug, error }, 'the stored snapshot is compiled anew');
      return undefined;
    });
  }

  async #openIntents(
    updates: readonly PushedRef[],
    actor: string,
    action: string,
  ): Promise<string[]> {
    const createdAt = toTime(this.#deps.clock());
    const intents: Intent[] = updates.map(({ ref, old, new: newOid }) => ({
      opId: randomUUID(),
      org: this.org.slug,
      ref,
      old,
      new: newOid,
      actor,
      action,
      createdAt,
    }));
    await this.#deps.publications.openIntents(intents);
    return intents.map(({ opId }) => opId);
  }

  /** A plugin at any commit that git still holds. */
  async recordAt(plugin: string, commit: string): Promise<PluginRecord | undefined> {
    const published = this.#view?.published;
    if (published?.commit === commit) return published.records.get(plugin);
    const found = await this.publishedAt(commit);
    return found?.records.get(plugin);
  }

  /** Any commit as it would be served; undefined when it does not compile. */
  async publishedAt(commit: string): Promise<Published | undefined> {
    if (this.#view?.published.commit === commit) return this.#view.published;
    const known = this.#snapshots.published(commit);
    if (known) return known;
    const snapshot = await this.#snapshotOf(commit);
    if (!snapshot) return undefined;
    const placed = await placeInHistory(this.#compiler, commit, snapshot, undefined);
    const published = { ...placed, replaced: [], isCurrent: true, snapshot: async () => snapshot };
    this.#snapshots.keep(published);
    return published;
  }

  async #snapshotOf(commit: string): Promise<Snapshot | undefined> {
    const known = this.#snapshots.get(commit);
    if (known) return known;
    const result = await compileCommit(this.#compiler, this.pool, commit, await this.#base());
    return result.ok ? result.value : undefined;
  }

  recordOf({ recordDigest }: Pick<ReleaseRow, 'recordDigest'>): Promise<PluginRecord> {
    return this.#snapshots.record(recordDigest, () =>
      readRecord(this.#deps.artifacts, recordDigest),
    );
  }

  isOnMain(commit: string): Promise<boolean> {
    const head = this.view.published.commit;
    return isFirstParentAncestor(this.repo, commit, head);
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
    do {
      this.#again = false;
      await this.#project();
    } while (this.#again && !this.#isClosed);
  }

  async #project(): Promise<void> {
    const { publications, clock } = this.#deps;
    await this.#catchUp();
    const head = await this.refs.read(MAIN);
    const { tags, conditions } = await this.#readTags();
    const { served, diagnostics } = await this.#publish(head);
    const intents = await publications.pendingIntents(this.org.slug);
    const { done, dropped } = await judgeIntents(this, intents, clock());
    if (dropped.length > 0) await publications.dropIntents(dropped.map(({ opId }) => opId));
    const rows = [...this.#rows, ...tags];
    const channels = served && (await this.#channels(served.published, rows));
    const wanted = {
      org: this.org.slug,
      desired: head ?? '',
      active: served?.published.commit ?? '',
      digest: served?.digest ?? '',
      diagnostics: [...diagnostics, ...conditions],
      channels: new Map([...(channels?.byName ?? [])].map(([name, { digest }]) => [name, digest])),
    };
    const pointers =
      head === undefined ? [] : nextPointers(wanted, this.#pointers, clock(), tags.length > 0);
    if (pointers.length === 0 && tags.length === 0 && done.length === 0) return;
    await failpoint('activate.before-swap');
    const isStored = await publications.project({
      org: this.org.slug,
      pointers: pointers.map((next) => ({
        next,
        expectedSequence: this.#pointers.get(next.channel)?.sequence ?? 0,
      })),
      releases: tags,
      closes: done.map(({ opId }) => opId),
      entries: done.map((intent) => auditEntryOf(intent, clock())),
    });
    if (!isStored) {
      // Another node was first: what it stored is taken over, and looked at again.
      this.#again = true;
      return;
    }
    for (const pointer of pointers) this.#pointers.set(pointer.channel, pointer);
    this.#rows = rows;
    if (served && channels && pointers.length > 0) this.#show(served, channels);
    await failpoint('activate.swapped');
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
    const published = await this.publishedAt(active);
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
      this.#retryLater();
      return { served, diagnostics: result.error };
    }
    this.#failures = 0;
    const snapshot = result.value;
    const base = served?.published.isCurrent ? served.published : undefined;
    const placed = await placeInHistory(this.#compiler, head, snapshot, base);
    const replaced = keepReplaced(served?.published, placed.records, this.#deps.clock());
    const published = { ...placed, replaced, isCurrent: true, snapshot: async () => snapshot };
    const digest = await storePublished(this.#deps.artifacts, published, snapshot);
    await failpoint('activate.artifacts-written');
    return { served: { published, digest }, diagnostics: [] };
  }

  async #compile(head: string): Promise<Result<Snapshot, readonly Diagnostic[]>> {
    const known = this.#snapshots.get(head);
    if (known) return ok(known);
    try {
      return await compileCommit(this.#compiler, this.pool, head, await this.#base());
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      return fail([fileError('.', 'unreadable', error.message)]);
    }
  }

  /** A commit that does not compile is tried again even if the head stays: the fault may be ours. */
  #retryLater(): void {
    clearTimeout(this.#retry);
    if (this.#isClosed) return;
    const delayMs = Math.min(1000 * 2 ** this.#failures++, 300_000);
    this.#retry = setTimeout(() => this.#refreshAlone(), delayMs).unref();
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
    if (resolved.nextChangeMs !== undefined) this.#refreshAt(resolved.nextChangeMs);
    return resolved;
  }

  /** A minimum age passes without any commit or tag. */
  #refreshAt(atMs: number): void {
    clearTimeout(this.#ripening);
    const delayMs = Math.min(Math.max(atMs - this.#deps.clock(), 0) + 1000, 2 ** 31 - 1);
    this.#ripening = setTimeout(() => this.#refreshAlone(), delayMs).unref();
  }

  #show(served: Served, channels: ResolvedChannels): void {
    const rolling = this.#pointers.get('rolling')!;
    this.#served = served;
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

  /** Tags that are refs but not rows yet; and the alarm for rows whose tag has gone or moved. */
  async #readTags(): Promise<{ tags: ReleaseRow[]; conditions: Diagnostic[] }> {
    const refs = await this.refs.list(TAGS);
    const oidByTag = new Map(this.#rows.map(({ tag, tagOid }) => [tag, tagOid]));
    const conditions = [...oidByTag].flatMap(([tag, tagOid]) => {
      const oid = refs.get(`${TAGS}${tag}`);
      return oid === tagOid ? [] : [movedTag(tag, oid)];
    });
    const tags: ReleaseRow[] = [];
    for (const [ref, oid] of refs) {
      const name = ref.slice(TAGS.length);
      if (!isReleaseName(name) || oidByTag.has(name)) continue;
      const result = await this.#tryAccept(name, oid);
      if (result.ok) tags.push(...result.value);
      else
        this.#deps.log.warn({ org: this.org.slug, tag: name, reason: result.error }, 'tag ignored');
    }
    return { tags, conditions };
  }

  async #tryAccept(name: string, oid: string) {
    try {
      return await acceptTag(this.#tagReader(), name, oid);
    } catch (error) {
      if (error instanceof WaymarkError) return { ok: false as const, error: error.message };
      throw error;
    }
  }

  #tagReader(): TagReader {
    return {
      org: this.org,
      releaseKeys: this.#root ? keysOfRole(this.#root, 'release') : [],
      readTag: (oid: string) => this.pool.readTag(oid),
      recordAt: (plugin: string, commit: string) => this.recordAt(plugin, commit),
      store: (record: PluginRecord) => storeRecord(this.#deps.artifacts, record),
    };
  }

  get #compiler(): Compiler {
    const { artifacts, parsers } = this.#deps;
    return { repo: this.repo, pool: this.pool, artifacts, parsers };
  }
}

/** What the repository or the store holds can not be read: a fault to show, not a bug. */
const isUnreadable = (error: unknown): error is WaymarkError =>
  error instanceof WaymarkError && (error.code === 'REG_CORRUPT' || error.code === 'VAL_TOO_LARGE');

function movedTag(tag: string, oid: string | undefined): Diagnostic {
  const what = oid === undefined ? 'has vanished' : 'was moved';
  return {
    severity: 'error',
    code: 'REL_TAG_MOVED',
    path: `${TAGS}${tag}`,
    line: 1,
    column: 1,
    pointer: '',
    message: `the release tag ${tag} ${what} in the repository; its published content stays served`,
  };
}
