import { randomUUID } from 'node:crypto';
import type { Logger } from '../audit/logger.ts';
import { type Push, type PushedRef, type PushGate, quarantineEnv } from '../git/gate.ts';
import { isFirstParentAncestor } from '../git/history.ts';
import { removeStaleLocks } from '../git/locks.ts';
import { type ObjectPool, openObjectPool } from '../git/object-pool.ts';
import { openRefs, type Refs } from '../git/refs.ts';
import type { Org } from '../identity/org.ts';
import type { Permission } from '../identity/roles.ts';
import { type Clock, toTime } from '../model/clock.ts';
import { type Diagnostic, formatDiagnostic, isError } from '../model/diagnostic.ts';
import { WaymarkError } from '../model/errors.ts';
import { failpoint } from '../model/failpoint.ts';
import { ZERO_OID } from '../model/names.ts';
import type { ArtifactStore } from '../registry/artifacts.ts';
import type { ParsePool } from '../registry/parse-pool.ts';
import { documentsOf, type Snapshot } from '../registry/snapshot.ts';
import { acceptTag, isReleaseName } from '../release/accept-tag.ts';
import type { KeyStore, OrgKey } from '../signing/keys.ts';
import type { MasterKey } from '../signing/master-key.ts';
import { type Keyring, openKeyring, publicKeysOf } from '../signing/org-keys.ts';
import { type ResolvedChannels, resolveChannels } from './channels.ts';
import { type Compiler, compileCommit, placeInHistory } from './compiler.ts';
import type { ActivePointer, Intent, PublicationStore, ReleaseRow } from './publication.ts';
import {
  keepReplaced,
  loadPublished,
  type Published,
  readRecord,
  storePublished,
  storeRecord,
} from './published.ts';
import { judgeRef } from './push-rules.ts';
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
/** How long a ref may take to move after its intent: as long as a git child may hold a lock. */
const LEASE_MS = 30_000;

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
  #keys: OrgKey[] = [];
  #keyring: Keyring | undefined;
  #view: View | undefined;
  #rows: ReleaseRow[] = [];
  #pointers = new Map<string, ActivePointer>();
  #refreshing: Promise<void> | undefined;
  #again = false;
  #retry: NodeJS.Timeout | undefined;
  #failures = 0;
  #conditions: Diagnostic[] = [];
  #isClosed = false;

  constructor(org: Org, repo: string, deps: RuntimeDeps) {
    this.org = org;
    this.repo = repo;
    this.#deps = deps;
    this.pool = openObjectPool(repo);
    this.refs = openRefs(repo);
  }

  /** Serves what the database says, then catches up with the refs. */
  async start(): Promise<void> {
    await removeStaleLocks(this.repo, () => false);
    await this.reloadKeys();
    const { publications } = this.#deps;
    const pointers = await publications.pointers(this.org.slug);
    this.#pointers = new Map(pointers.map((pointer) => [pointer.channel, pointer]));
    this.#rows = await publications.releases(this.org.slug);
    const rolling = this.#pointers.get('rolling');
    if (rolling && rolling.digest !== '') {
      const published = await loadPublished(this.#deps.artifacts, rolling.digest);
      if (published) await this.#show(published, await this.#channels(published, this.#rows));
    }
    await this.refresh();
  }

  /** @throws {WaymarkError} `RES_UNAVAILABLE` before the first commit is served */
  get view(): View {
    if (this.#view) return this.#view;
    const details = { diagnostics: this.#pointers.get('rolling')?.diagnostics ?? [] };
    const message = `${this.org.slug} serves nothing yet: push a registry to main`;
    throw new WaymarkError('RES_UNAVAILABLE', message, { details });
  }

  get maybeView(): View | undefined {
    return this.#view;
  }

  /** What keeps `main` from being served, for the people who can mend it. */
  get diagnostics(): readonly Diagnostic[] {
    return [...(this.#pointers.get('rolling')?.diagnostics ?? []), ...this.#conditions];
  }

  get keyring(): Keyring {
    if (!this.#keyring) throw new WaymarkError('SIGN_KEY_MISSING', 'the org has no keys yet');
    return this.#keyring;
  }

  get keys(): readonly OrgKey[] {
    return this.#keys;
  }

  async reloadKeys(): Promise<void> {
    this.#keys = await this.#deps.keys.keys(this.org.slug);
    this.#keyring = openKeyring(this.#keys, this.#deps.master);
    if (this.#view && this.#view.signers !== this.#signers()) {
      this.#swap({ ...this.#view, signers: this.#signers() });
    }
  }

  #signers(): string {
    return `${this.keyring.fingerprint('release')} ${this.keyring.fingerprint('index')}`;
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
    this.pool.close();
    this.refs.close();
  }

  /** The gate for one caller's pushes. */
  gate(caller: Actor): PushGate {
    return {
      check: (push) => this.#check(push, caller),
      received: async (_push, applied) => {
        if (applied.length > 0) await this.refresh();
      },
    };
  }

  async #check(push: Push, caller: Actor): Promise<{ accept: boolean; messages: string[] }> {
    const messages: string[] = [];
    for (const update of push.updates) {
      messages.push(...(await this.#checkUpdate(push, update, caller)));
    }
    if (messages.length > 0) return { accept: false, messages };
    await this.#openIntents(push.updates, caller.actor, 'git.push');
    return { accept: true, messages: [] };
  }

  async #checkUpdate(push: Push, update: PushedRef, { permissions }: Actor): Promise<string[]> {
    const rule = judgeRef(update, permissions, this.#isProtected());
    if ('refused' in rule) return [rule.refused];
    if (rule.check === 'branch') return [];
    const pool = openObjectPool(this.repo, { env: quarantineEnv(push), size: 1 });
    try {
      if (rule.check === 'main') return await this.#checkMain(pool, update.new);
      return await this.#checkTag(pool, rule.name, update.new);
    } catch (error) {
      if (error instanceof WaymarkError) return [error.message];
      throw error;
    } finally {
      pool.close();
    }
  }

  async #checkMain(pool: ObjectPool, commit: string): Promise<string[]> {
    const base = await this.#view?.published.snapshot();
    const result = await compileCommit(this.#compiler, pool, commit, base);
    if (!result.ok) return result.error.map(formatDiagnostic);
    this.#snapshots.set(commit, result.value);
    return [];
  }

  async #checkTag(pool: ObjectPool, name: string, oid: string): Promise<string[]> {
    const found = await pool.find(oid);
    if (found?.type !== 'tag') return [`${name} is no annotated tag: publish it as a release`];
    const result = await acceptTag(
      { ...this.#tagReader(), readTag: (id) => pool.readTag(id) },
      name,
      oid,
    );
    return result.ok ? [] : [`${name} is no release of this organisation: ${result.error}`];
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

  /** Refuses what would not compile, before a ref of ours moves to it. */
  async checkCommit(commit: string): Promise<Diagnostic[]> {
    const base = await this.#view?.published.snapshot();
    const result = await compileCommit(this.#compiler, this.pool, commit, base);
    if (!result.ok) return result.error.filter(isError);
    this.#snapshots.set(commit, result.value);
    return [];
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
    const published = { ...placed, replaced: [], snapshot: async () => snapshot };
    this.#snapshots.keep(published);
    return published;
  }

  async #snapshotOf(commit: string): Promise<Snapshot | undefined> {
    const known = this.#snapshots.get(commit);
    if (known) return known;
    const base = await this.#view?.published.snapshot();
    const result = await compileCommit(this.#compiler, this.pool, commit, base);
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
    const { publications } = this.#deps;
    const head = await this.refs.read(MAIN);
    const tags = await this.#newReleases();
    const published = head === undefined ? undefined : await this.#publish(head);
    const { done, dropped } = await this.#judgeIntents(
      await publications.pendingIntents(this.org.slug),
    );
    if (dropped.length > 0) await publications.dropIntents(dropped.map(({ opId }) => opId));
    const rows = [...this.#rows, ...tags];
    const channels = published && (await this.#channels(published.published, rows));
    const pointers = this.#nextPointers(head, published, channels, tags.length > 0);
    if (pointers.length === 0 && tags.length === 0 && done.length === 0) return;
    await failpoint('activate.before-swap');
    const stored = await publications.project({
      org: this.org.slug,
      pointers: pointers.map((next) => ({
        next,
        expectedSequence: this.#pointers.get(next.channel)?.sequence ?? 0,
      })),
      releases: tags,
      closes: done.map(({ opId }) => opId),
      entries: done.map((intent) => this.#entryOf(intent)),
    });
    if (!stored) return await this.#reread();
    for (const pointer of pointers) this.#pointers.set(pointer.channel, pointer);
    this.#rows = rows;
    if (published && channels) await this.#show(published.published, channels);
    await failpoint('activate.swapped');
  }

  /** Another node moved a pointer: take what it stored, then look again. */
  async #reread(): Promise<void> {
    const pointers = await this.#deps.publications.pointers(this.org.slug);
    this.#pointers = new Map(pointers.map((pointer) => [pointer.channel, pointer]));
    this.#rows = await this.#deps.publications.releases(this.org.slug);
    this.#again = true;
  }

  /** Compiles `head` where it is not what is served. A failure keeps the last good one. */
  async #publish(
    head: string,
  ): Promise<{ published: Published; digest: string; diagnostics: Diagnostic[] } | undefined> {
    const current = this.#view?.published;
    const rolling = this.#pointers.get('rolling');
    if (current?.commit === head) {
      this.#failures = 0;
      return { published: current, digest: rolling!.digest, diagnostics: [] };
    }
    const base = await current?.snapshot();
    const known = this.#snapshots.get(head);
    const result = known
      ? { ok: true as const, value: known }
      : await compileCommit(this.#compiler, this.pool, head, base);
    if (!result.ok) {
      this.#retryLater();
      return current && { published: current, digest: rolling!.digest, diagnostics: result.error };
    }
    const snapshot = result.value;
    const inPlace = await placeInHistory(this.#compiler, head, snapshot, current);
    const replaced = keepReplaced(current, inPlace.records, this.#deps.clock());
    const placed = { ...inPlace, replaced };
    const digest = await storePublished(this.#deps.artifacts, placed, snapshot);
    await failpoint('activate.artifacts-written');
    this.#failures = 0;
    const published: Published = { ...placed, snapshot: async () => snapshot };
    return { published, digest, diagnostics: [] };
  }

  /** A commit that does not compile is tried again even if the head stays: the fault may be ours. */
  #retryLater(): void {
    clearTimeout(this.#retry);
    const delayMs = Math.min(1000 * 2 ** this.#failures++, 300_000);
    this.#retry = setTimeout(() => {
      this.refresh().catch((error: unknown) => this.#deps.log.error({ error }, 'refresh failed'));
    }, delayMs).unref();
  }

  #nextPointers(
    head: string | undefined,
    published: { published: Published; digest: string; diagnostics: Diagnostic[] } | undefined,
    channels: ResolvedChannels | undefined,
    hasNewReleases: boolean,
  ): ActivePointer[] {
    if (head === undefined || !published || !channels) return [];
    const { digest, diagnostics } = published;
    const org = this.org.slug;
    const rolling = this.#pointers.get('rolling');
    const wanted = [
      {
        channel: 'rolling',
        desired: head,
        active: published.published.commit,
        digest,
        diagnostics,
      },
      ...[...channels.byName].map(([channel, { digest: resolved }]) => ({
        channel,
        desired: resolved,
        active: resolved,
        digest: resolved,
        diagnostics: [],
      })),
    ];
    const isSame = wanted.every(({ channel, digest: next, desired, diagnostics: found }) => {
      const old = this.#pointers.get(channel);
      return (
        old?.digest === next &&
        old.desired === desired &&
        JSON.stringify(old.diagnostics) === JSON.stringify(found)
      );
    });
    if (isSame && !hasNewReleases && this.#view) return [];
    const nowSec = Math.floor(this.#deps.clock() / 1000);
    // One number for all channels: an index of any class is newer after any activation.
    const last = Math.max(...[...this.#pointers.values()].map(({ sequence }) => sequence), 0);
    const sequence = Math.max(last, rolling?.sequence ?? 0, nowSec - 1) + 1;
    return wanted.map((pointer) => ({ org, ...pointer, sequence }));
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
    const delayMs = Math.min(Math.max(atMs - this.#deps.clock(), 0) + 1000, 2 ** 31 - 1);
    setTimeout(() => {
      if (!this.#isClosed) void this.refresh().catch(() => {});
    }, delayMs).unref();
  }

  async #show(published: Published, channels: ResolvedChannels): Promise<void> {
    const rolling = this.#pointers.get('rolling')!;
    const view = createView({
      org: this.org,
      sequence: rolling.sequence,
      desired: rolling.desired,
      signers: this.#signers(),
      diagnostics: this.diagnostics,
      published,
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
  async #newReleases(): Promise<ReleaseRow[]> {
    const refs = await this.refs.list(TAGS);
    const oidByTag = new Map(this.#rows.map(({ tag, tagOid }) => [tag, tagOid]));
    this.#conditions = [...oidByTag].flatMap(([tag, tagOid]) => {
      const oid = refs.get(`${TAGS}${tag}`);
      return oid === tagOid ? [] : [movedTag(tag, oid)];
    });
    const rows: ReleaseRow[] = [];
    for (const [ref, oid] of refs) {
      const name = ref.slice(TAGS.length);
      if (!isReleaseName(name) || oidByTag.has(name)) continue;
      const result = await this.#tryAccept(name, oid);
      if (result.ok) rows.push(...result.value);
      else
        this.#deps.log.warn({ org: this.org.slug, tag: name, reason: result.error }, 'tag ignored');
    }
    return rows;
  }

  async #tryAccept(name: string, oid: string) {
    try {
      return await acceptTag(this.#tagReader(), name, oid);
    } catch (error) {
      if (error instanceof WaymarkError) return { ok: false as const, error: error.message };
      throw error;
    }
  }

  #tagReader() {
    return {
      org: this.org,
      releaseKeys: publicKeysOf(this.#keys, 'release'),
      readTag: (oid: string) => this.pool.readTag(oid),
      recordAt: (plugin: string, commit: string) => this.recordAt(plugin, commit),
      store: (record: PluginRecord) => storeRecord(this.#deps.artifacts, record),
    };
  }

  /** Which intents came true, and which never will. */
  async #judgeIntents(intents: readonly Intent[]): Promise<{ done: Intent[]; dropped: Intent[] }> {
    const done: Intent[] = [];
    const dropped: Intent[] = [];
    for (const intent of intents) {
      const now = (await this.refs.read(intent.ref)) ?? ZERO_OID;
      const isOld = this.#deps.clock() - Date.parse(intent.createdAt) > LEASE_MS;
      if (now === intent.new || (await this.#isBehind(intent, now))) done.push(intent);
      else if (isOld) dropped.push(intent);
    }
    return { done, dropped };
  }

  /** Overtaken by a later push on the same branch: it did happen. */
  async #isBehind({ ref, new: wanted }: Intent, now: string): Promise<boolean> {
    if (ref.startsWith(TAGS) || now === ZERO_OID || wanted === ZERO_OID) return false;
    return await isFirstParentAncestor(this.repo, wanted, now).catch(() => false);
  }

  #entryOf({ actor, action, ref, old, new: newOid, requestId }: Intent) {
    return {
      at: toTime(this.#deps.clock()),
      tenant: this.org.slug,
      actor,
      action,
      resource: ref,
      before: old === ZERO_OID ? null : old,
      after: newOid,
      ...(requestId === undefined ? {} : { requestId }),
    };
  }

  get #compiler(): Compiler {
    const { artifacts, parsers } = this.#deps;
    return { repo: this.repo, pool: this.pool, artifacts, parsers };
  }
}

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
