import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Cli } from './cli.ts';
import { UsageError } from './errors.ts';
import { exists } from './install/files.ts';

/** @throws {UsageError} where there is something already */
export async function newFile({ world }: Cli, out: string): Promise<string> {
  const path = resolve(world.cwd, out);
  if (await exists(path)) throw new UsageError(`${out} is there already: name a new file`);
  return path;
}

/** All of it, for its owner alone, or nothing: half a file would look like a whole one. */
export async function writeDownload(path: string, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  const part = `${path}.part`;
  try {
    await pipeline(Readable.from(bytes), createWriteStream(part, { mode: 0o600, flush: true }));
    await rename(part, path);
  } finally {
    await rm(part, { force: true });
  }
}
