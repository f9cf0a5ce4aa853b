import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ArchivedFile } from './manifest.ts';

const PREFIX = '.backup-';

/** A backup's files on disk, until they are sent: an archive states a file's size before its bytes. */
export class Spool {
  readonly #dir: string;
  readonly files: ArchivedFile[] = [];

  private constructor(dir: string) {
    this.#dir = dir;
  }

  /** In the data directory, as safe there as what it is a copy of. */
  static async open(dataDir: string): Promise<Spool> {
    return new Spool(await mkdtemp(join(dataDir, PREFIX)));
  }

  pathOf(path: string): string {
    return join(this.#dir, path);
  }

  async write(path: string, chunks: AsyncIterable<string> | Iterable<string>): Promise<void> {
    await mkdir(dirname(this.pathOf(path)), { recursive: true });
    await pipeline(Readable.from(chunks), createWriteStream(this.pathOf(path), { mode: 0o600 }));
    await this.add(path);
  }

  /** One that is there already. */
  async add(path: string): Promise<void> {
    this.files.push({ path, ...(await measure(this.pathOf(path))) });
  }

  async remove(): Promise<void> {
    await rm(this.#dir, { recursive: true, force: true });
  }
}

async function measure(file: string): Promise<Omit<ArchivedFile, 'path'>> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    size += chunk.length;
  }
  return { size, sha256: hash.digest('hex') };
}

/** What a server that was killed left behind. */
export async function removeSpools(dataDir: string): Promise<void> {
  const names = await readdir(dataDir).catch(() => []);
  const left = names.filter((name) => name.startsWith(PREFIX));
  await Promise.all(left.map((name) => rm(join(dataDir, name), { recursive: true, force: true })));
}
