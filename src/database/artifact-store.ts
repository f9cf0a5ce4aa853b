import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { Clock } from '../model/clock.ts';
import { sha256Hex } from '../model/digest.ts';
import { WaymarkError } from '../model/errors.ts';
import { writeFault } from '../model/storage-full.ts';
import type { ArtifactStore } from '../registry/artifacts.ts';
import { prepareDirectory, renameDurably, temporaryPath } from './durable.ts';
import { surviveFileSizeLimit } from './faults.ts';
import { OpenFiles } from './open-files.ts';
import { readAt, readSegmentIndex, type SegmentEntry, segmentChunks } from './segment.ts';

const OPEN_FILES = 128;
const SUFFIX = '.seg';

export interface ArtifactStoreOptions {
  /** Told of a segment whose index is damaged: its contents count as absent, and are made anew. */
  onUnreadable?: (file: string) => void;
  clock?: Clock;
}

/** The store of this process, which alone may remove from it. */
export interface OwnArtifacts extends ArtifactStore {
  /**
   * Removes what is not `used` and nobody has asked for since `before`, in
   * milliseconds since the Unix epoch. Somebody may just have found it here, and
   * be about to refer to it: so `before` is long ago. Answers how many went.
   */
  sweep(used: ReadonlySet<string>, before: number): Promise<number>;
  close(): Promise<void>;
}

/**
 * Artifacts in the segment files of `<dir>/segments`, their places in memory.
 * No other process may use `dir` meanwhile.
 */
export async function createArtifactStore(
  dir: string,
  { onUnreadable = () => {}, clock = Date.now }: ArtifactStoreOptions = {},
): Promise<OwnArtifacts> {
  surviveFileSizeLimit();
  const segments = join(dir, 'segments');
  await prepareDirectory(segments);
  return new SegmentStore(segments, await readPlaces(segments, onUnreadable, clock()), clock);
}

interface Place extends SegmentEntry {
  path: string;
  /** When somebody last asked for it; the start of this process for one that nobody did. */
  askedAtMs: number;
}

class SegmentStore implements OwnArtifacts {
  readonly #dir: string;
  readonly #places: Map<string, Place>;
  readonly #clock: Clock;
  readonly #files = new OpenFiles(OPEN_FILES);

  constructor(dir: string, places: Map<string, Place>, clock: Clock) {
    this.#dir = dir;
    this.#places = places;
    this.#clock = clock;
  }

  has(hex: string): boolean {
    return this.#find(hex) !== undefined;
  }

  async read(hex: string): Promise<Buffer | undefined> {
    const place = this.#find(hex);
    return place && (await this.#readPlace(place));
  }

  stream(hex: string, start = 0, end = Number.POSITIVE_INFINITY): NodeJS.ReadableStream {
    const place = this.#find(hex);
    if (place === undefined) throw new WaymarkError('RES_NOT_FOUND', `no artifact ${hex}`);
    const stop = Math.min(end, place.size);
    if (stop <= start) return Readable.from([]);
    const { path, offset } = place;
    // The stream's own `end` is inclusive.
    return createReadStream(path, { start: offset + start, end: offset + stop - 1 });
  }

  async write(contents: readonly Uint8Array[]): Promise<string[]> {
    const names = contents.map((bytes) => sha256Hex(bytes));
    const added = new Map<string, Uint8Array>();
    for (const [i, hex] of names.entries()) {
      if (!this.#find(hex)) added.set(hex, contents[i]!);
    }
    if (added.size > 0) await this.#writeSegment(added);
    return names;
  }

  async sweep(used: ReadonlySet<string>, before: number): Promise<number> {
    const isUsed = ({ hex, askedAtMs }: Place) => used.has(hex) || askedAtMs >= before;
    const bySegment = Map.groupBy(this.#places.values(), ({ path }) => path);
    let removed = 0;
    for (const name of await segmentsIn(this.#dir)) {
      const path = join(this.#dir, name);
      const places = bySegment.get(path) ?? [];
      // One that is being written has its name, and no places yet.
      if (writtenAtMs(name) >= before) continue;
      if (places.length === 0 && readSegmentIndex(path) === undefined) continue;
      const kept = places.filter(isUsed);
      // Copying what is left of a segment costs as much as is left.
      if (bytesOf(kept) * 2 > bytesOf(places)) continue;
      const unused = places.filter((place) => !kept.includes(place));
      if (await this.#shrink(path, kept, () => !unused.some(isUsed))) removed += unused.length;
    }
    return removed;
  }

  /** Moves what is kept to a segment of its own, and removes the old one with the rest. */
  async #shrink(
    path: string,
    kept: readonly Place[],
    isStillUnused: () => boolean,
  ): Promise<boolean> {
    const contents = await Promise.all(
      kept.map(async (place) => [place.hex, await this.#readPlace(place)] as const),
    );
    if (contents.length > 0) await this.#writeSegment(new Map(contents));
    // Somebody has found it here meanwhile: its turn comes again.
    if (!isStillUnused()) return false;
    for (const place of this.#places.values()) {
      if (place.path === path) this.#places.delete(place.hex);
    }
    await rm(path);
    return true;
  }

  close(): Promise<void> {
    return this.#files.close();
  }

  async #readPlace(place: Place): Promise<Buffer> {
    const { path, offset, size } = place;
    const bytes = await this.#files.read(path, (file) => readAt(file, offset, size));
    if (sha256Hex(bytes) !== place.hex) this.#refuse(place);
    return bytes;
  }

  #find(hex: string): Place | undefined {
    const place = this.#places.get(hex);
    if (place) place.askedAtMs = this.#clock();
    return place;
  }

  async #writeSegment(added: ReadonlyMap<string, Uint8Array>): Promise<void> {
    const contents = [...added].map(([hex, bytes]) => ({ hex, bytes }));
    const path = join(this.#dir, segmentName());
    const temporary = temporaryPath(path);
    try {
      await writeFile(temporary, segmentChunks(contents));
      await renameDurably(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw writeFault(error);
    }
    // Only now: whoever sees it here relies on its being durable.
    let offset = 0;
    for (const { hex, bytes } of contents) {
      const askedAtMs = this.#clock();
      this.#places.set(hex, { hex, offset, size: bytes.byteLength, path, askedAtMs });
      offset += bytes.byteLength;
    }
  }

  /** Forgets the damaged copy as well, so that the next write of the same content heals it. */
  #refuse(place: Place): never {
    if (this.#places.get(place.hex) === place) this.#places.delete(place.hex);
    throw new WaymarkError('REG_CORRUPT', `stored content ${place.hex} is damaged`);
  }
}

/** Sorts by age, so that of two copies the later, which healed the other, is read. */
const segmentName = (): string =>
  `${String(Date.now()).padStart(15, '0')}-${randomUUID()}${SUFFIX}`;

const writtenAtMs = (name: string): number => Number(name.slice(0, 15));

async function segmentsIn(dir: string): Promise<string[]> {
  return (await readdir(dir)).filter((name) => name.endsWith(SUFFIX)).sort();
}

const bytesOf = (places: readonly Place[]): number =>
  places.reduce((sum, { size }) => sum + size, 0);

async function readPlaces(
  dir: string,
  onUnreadable: (file: string) => void,
  askedAtMs: number,
): Promise<Map<string, Place>> {
  const places = new Map<string, Place>();
  for (const name of await segmentsIn(dir)) {
    const path = join(dir, name);
    const entries = readSegmentIndex(path);
    if (entries === undefined) onUnreadable(name);
    for (const entry of entries ?? []) places.set(entry.hex, { ...entry, path, askedAtMs });
  }
  return places;
}
