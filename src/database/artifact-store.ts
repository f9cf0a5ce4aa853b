import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
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
}

/**
 * Artifacts in the segment files of `<dir>/segments`, their places in memory.
 * No other process may use `dir` meanwhile.
 */
export async function createArtifactStore(
  dir: string,
  { onUnreadable = () => {} }: ArtifactStoreOptions = {},
): Promise<ArtifactStore & { close(): Promise<void> }> {
  surviveFileSizeLimit();
  const segments = join(dir, 'segments');
  await prepareDirectory(segments);
  return new SegmentStore(segments, await readPlaces(segments, onUnreadable));
}

interface Place extends SegmentEntry {
  path: string;
}

class SegmentStore implements ArtifactStore {
  readonly #dir: string;
  readonly #places: Map<string, Place>;
  readonly #files = new OpenFiles(OPEN_FILES);

  constructor(dir: string, places: Map<string, Place>) {
    this.#dir = dir;
    this.#places = places;
  }

  has(hex: string): boolean {
    return this.#places.has(hex);
  }

  async read(hex: string): Promise<Buffer | undefined> {
    const place = this.#places.get(hex);
    if (place === undefined) return undefined;
    const { path, offset, size } = place;
    const bytes = await this.#files.read(path, (file) => readAt(file, offset, size));
    if (sha256Hex(bytes) !== hex) this.#refuse(place);
    return bytes;
  }

  stream(hex: string, start = 0, end = Number.POSITIVE_INFINITY): NodeJS.ReadableStream {
    const place = this.#places.get(hex);
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
      if (!this.#places.has(hex)) added.set(hex, contents[i]!);
    }
    if (added.size > 0) await this.#writeSegment(added);
    return names;
  }

  close(): Promise<void> {
    return this.#files.close();
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
      this.#places.set(hex, { hex, offset, size: bytes.byteLength, path });
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

async function readPlaces(
  dir: string,
  onUnreadable: (file: string) => void,
): Promise<Map<string, Place>> {
  const places = new Map<string, Place>();
  const names = (await readdir(dir)).filter((name) => name.endsWith(SUFFIX)).sort();
  for (const name of names) {
    const path = join(dir, name);
    const entries = readSegmentIndex(path);
    if (entries === undefined) onUnreadable(name);
    for (const entry of entries ?? []) places.set(entry.hex, { ...entry, path });
  }
  return places;
}
