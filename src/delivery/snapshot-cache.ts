import { LRUCache } from 'lru-cache';
import type { Snapshot } from '../registry/snapshot.ts';
import type { Published } from './published.ts';
import type { PluginRecord } from './record.ts';

/** Commits and records that were needed lately beside the one that is served. */
export class SnapshotCache {
  readonly #snapshots: LRUCache<string, Snapshot>;
  readonly #published: LRUCache<string, Published>;
  readonly #records = new LRUCache<string, PluginRecord>({ max: 1000 });

  constructor(commits: number) {
    this.#snapshots = new LRUCache({ max: commits });
    this.#published = new LRUCache({ max: commits });
  }

  get(commit: string): Snapshot | undefined {
    return this.#snapshots.get(commit);
  }

  set(commit: string, snapshot: Snapshot): void {
    this.#snapshots.set(commit, snapshot);
  }

  published(commit: string): Published | undefined {
    return this.#published.get(commit);
  }

  keep(published: Published): void {
    this.#published.set(published.commit, published);
  }

  /** A release's record by its artifact name. */
  async record(name: string, read: () => Promise<PluginRecord>): Promise<PluginRecord> {
    const known = this.#records.get(name);
    if (known) return known;
    const record = await read();
    this.#records.set(name, record);
    return record;
  }
}
