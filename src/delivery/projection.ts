import type { AuditEntry, AuditStore } from '../audit/entry.ts';
import type { Logger } from '../audit/logger.ts';
import type { Refs } from '../git/refs.ts';
import type { Org } from '../identity/org.ts';
import type { Clock } from '../model/clock.ts';
import { type Diagnostic, fileError } from '../model/diagnostic.ts';
import { failpoint } from '../model/failpoint.ts';
import { fail, type Result } from '../model/result.ts';
import type { ArtifactStore } from '../registry/artifacts.ts';
import type { Snapshot } from '../registry/snapshot.ts';
import type { TagReader } from '../release/accept-tag.ts';
import { findAuditGaps } from './audit-gap.ts';
import { type ResolvedChannels, resolveChannels } from './channels.ts';
import type { Commits } from './commits.ts';
import { auditEntryOf, judgeIntents } from './intents.ts';
import { nextPointers } from './next-pointers.ts';
import type { ActivePointer, Intent, PublicationStore, ReleaseRow } from './publication.ts';
import { keepReplaced, loadPublished, type Published, storePublished } from './published.ts';
import { eventsOf } from './raised-events.ts';
import { type FoundTags, readReleaseTags } from './release-tags.ts';
import type { Reminders } from './reminders.ts';
import { isUnreadable } from './unreadable.ts';
import { createView, type View } from './view.ts';

export const MAIN = 'refs/heads/main';

export interface ProjectionDeps {
  publications: PublicationStore;
  audit: Pick<AuditStore, 'tells'>;
  artifacts: ArtifactStore;
  clock: Clock;
  log: Logger;
}

/** The org that is projected, as it is at the moment. */
export interface ProjectedOrg {
  readonly org: Org;
  readonly repo: string;
  readonly refs: Refs;
  readonly rootVersion: number;
  tagReader(): TagReader;
  /** Takes what is served from now on. */
  show(view: View): void;
}

/** What is served of `main`. `digest` is its artifact's; '' when it has to be stored again. */
interface Served {
  published: Published;
  digest: string;
}

/**
 * The database's rows and the view of one org, brought up to its refs. Each {@link project} is one
 * look; who calls it sees to it that there is one at a time.
 */
export class Projection {
  readonly #of: ProjectedOrg;
  readonly #deps: ProjectionDeps;
  readonly #commits: Commits;
  readonly #reminders: Reminders;
  #served: Served | undefined;
  #rows: ReleaseRow[] = [];
  #pointers = new Map<string, ActivePointer>();
  #hasAuditGap = false;

  constructor(of: ProjectedOrg, commits: Commits, reminders: Reminders, deps: ProjectionDeps) {
    this.#of = of;
    this.#deps = deps;
    this.#commits = commits;
    this.#reminders = reminders;
  }

  /** What keeps `main` from being served, for the people who can mend it. */
  get diagnostics(): readonly Diagnostic[] {
    return this.#pointers.get('rolling')?.diagnostics ?? [];
  }

  /** Whether, since the start, a ref was found that nothing in the audit log explains. */
  get hasAuditGap(): boolean {
    return this.#hasAuditGap;
  }

  /** One look at the refs. False when another node was first: what it stored is to be taken over. */
  async project(): Promise<boolean> {
    const { publications, clock } = this.#deps;
    await this.catchUp();
    const head = await this.#of.refs.read(MAIN);
    const { added, alarms } = await this.#readTags();
    const before = this.#served?.published;
    const { served, diagnostics } = await this.#publish(head);
    const intents = await publications.pendingIntents(this.#org);
    const { done, dropped } = await judgeIntents(this.#of, intents, clock());
    if (dropped.length > 0) await publications.dropIntents(dropped.map(({ opId }) => opId));
    const rows = [...this.#rows, ...added];
    const channels = served && (await this.#channels(served.published, rows));
    const wanted = {
      org: this.#org,
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
      org: this.#org,
      pointers: pointers.map((next) => ({
        next,
        expectedSequence: this.#pointers.get(next.channel)?.sequence ?? 0,
      })),
      releases: added,
      closes: done.map(({ opId }) => opId),
      entries: [...done.map((intent) => auditEntryOf(intent, clock())), ...gaps],
      events: eventsOf(
        { org: this.#org, before, after: served?.published, rows, added, done },
        clock(),
      ),
    });
    if (!isStored) return false;
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
    return findAuditGaps(audit, { org: this.#org, desired, head, added, done }, clock());
  }

  #reportGaps(gaps: readonly AuditEntry[]): void {
    for (const { resource: ref, after } of gaps) {
      this.#hasAuditGap = true;
      const facts = { org: this.#org, ref, after };
      this.#deps.log.error(facts, 'a ref was moved, and the audit log does not say by whom');
    }
  }

  /** Serves what another node stored, or this one before it was started again. */
  async catchUp(): Promise<void> {
    const { publications } = this.#deps;
    const stored = await publications.pointers(this.#org);
    const pointers = new Map(stored.map((pointer) => [pointer.channel, pointer]));
    const rolling = pointers.get('rolling');
    if (!rolling || rolling.sequence === this.#pointers.get('rolling')?.sequence) return;
    this.#pointers = pointers;
    this.#rows = await publications.releases(this.#org);
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
      this.#deps.log.error({ org: this.#org, error }, 'the active snapshot is compiled anew');
    }
    const published = await this.#commits.publishedAt(active).catch((error: unknown) => {
      this.#deps.log.error({ org: this.#org, error }, 'the active commit cannot be read');
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
      org: this.#of.org,
      sequence: rolling.sequence,
      desired: rolling.desired,
      rootVersion: this.#of.rootVersion,
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
    this.#of.show(view);
  }

  #readTags(): Promise<FoundTags> {
    return readReleaseTags(this.#of.refs, this.#of.tagReader(), this.#rows, this.#deps.log);
  }

  get #org(): string {
    return this.#of.org.slug;
  }
}
