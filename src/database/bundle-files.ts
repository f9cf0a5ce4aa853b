import { randomUUID } from 'node:crypto';
import { createReadStream, statSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { writeFault } from '../model/storage-full.ts';
import { prepareDirectory, renameDurably, temporaryPath } from './durable.ts';

/** Whole files by the SHA-256 (lower-case hex) of their bytes: sealed bodies and archives. */
export interface BundleFiles {
  /** A temporary file to write at `path`. `commit` makes it durable under its name. */
  create(): Promise<NewBundleFile>;
  path(hex: string): string;
  /** Bytes; undefined when there is no such file. */
  size(hex: string): number | undefined;
  remove(hex: string): Promise<void>;
  /**
   * Removes what is not `used` and was written before, in milliseconds since the
   * Unix epoch: a younger one's row may be about to follow. Answers how many.
   */
  sweep(used: ReadonlySet<string>, before: number): Promise<number>;
  /** Bytes `start` (inclusive) to `end` (exclusive), unchecked. */
  stream(hex: string, start?: number, end?: number): NodeJS.ReadableStream;
}

export interface NewBundleFile {
  path: string;
  commit(hex: string): Promise<void>;
  abort(): Promise<void>;
}

/** Keeps the files in `dir`, which no other process may use meanwhile. */
export async function createBundleFiles(dir: string): Promise<BundleFiles> {
  await prepareDirectory(dir);
  const pathOf = (hex: string): string => join(dir, checkedName(hex));

  return {
    path: pathOf,

    async create() {
      const path = temporaryPath(join(dir, randomUUID()));
      return { path, commit: (hex) => commit(path, pathOf(hex)), abort: () => discard(path) };
    },

    size: (hex) => statSync(pathOf(hex), { throwIfNoEntry: false })?.size,

    remove: (hex) => discard(pathOf(hex)),

    async sweep(used, before) {
      let removed = 0;
      for (const name of await readdir(dir)) {
        const isOld = (statSync(join(dir, name), { throwIfNoEntry: false })?.mtimeMs ?? 0) < before;
        if (used.has(name) || !isOld) continue;
        await discard(join(dir, name));
        removed += 1;
      }
      return removed;
    },

    stream(hex, start = 0, end = Number.POSITIVE_INFINITY) {
      if (end <= start) return Readable.from([]);
      // The stream's own `end` is inclusive.
      return createReadStream(pathOf(hex), { start, end: end - 1 });
    },
  };
}

async function commit(temporary: string, path: string): Promise<void> {
  try {
    await renameDurably(temporary, path);
  } catch (error) {
    await discard(temporary);
    throw writeFault(error);
  }
}

const discard = (path: string): Promise<void> => rm(path, { force: true });

/** A name that came from outside must not leave the directory. */
function checkedName(hex: string): string {
  if (!/^[0-9a-f]{64}$/.test(hex)) throw new TypeError(`not a SHA-256 in hex: ${hex}`);
  return hex;
}
