import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { type Extract, extract, type Header } from 'tar-stream';
import {
  type ArchivedFile,
  isArchivePath,
  MANIFEST,
  type Manifest,
  parseManifest,
  SEAL,
} from './manifest.ts';
import { RestoreRefused } from './refused.ts';

export interface Unpacked {
  manifest: Manifest;
  /** The manifest's bytes, and the seal over them: not checked yet. */
  body: Buffer;
  seal: string;
}

/**
 * Unpacks an archive into a folder of its own, and checks that it holds what its manifest says.
 *
 * @throws {RestoreRefused} `damaged` for one that was cut off or altered
 */
export async function unpackArchive(file: string, dir: string): Promise<Unpacked> {
  const found = await unpackFiles(file, dir);
  const [first, second, ...rest] = found;
  if (first?.path !== MANIFEST || second?.path !== SEAL) {
    throw new RestoreRefused('damaged', `${file} is no backup: it does not start with a manifest`);
  }
  const body = await readFile(join(dir, MANIFEST));
  const seal = await readFile(join(dir, SEAL), 'utf8');
  const manifest = parseManifest(body);
  checkFiles(rest, manifest);
  return { manifest, body, seal };
}

function checkFiles(found: readonly ArchivedFile[], { files }: Manifest): void {
  for (const [i, { path, size, sha256 }] of files.entries()) {
    const given = found[i];
    if (given?.path === path && given.size === size && given.sha256 === sha256) continue;
    throw new RestoreRefused('damaged', `${path} is not in the backup as it was written`);
  }
  const more = found[files.length];
  if (more) throw new RestoreRefused('damaged', `the backup holds ${more.path}, unannounced`);
}

async function unpackFiles(file: string, dir: string): Promise<ArchivedFile[]> {
  const tar = extract();
  const stopping = new AbortController();
  const feeding = pipeline(createReadStream(file), createGunzip(), tar);
  const failing = feeding.then(
    () => {},
    (error: Error) => {
      stopping.abort(error);
      throw error;
    },
  );
  const unpacking = unpackEntries(tar, dir, stopping.signal);
  try {
    // An archive that ends too early fails while it is fed: its last entry is waited for in vain.
    const [found] = await Promise.all([unpacking, failing]);
    return found;
  } catch (cause) {
    if (cause instanceof RestoreRefused) throw cause;
    // A full disk, or a file that cannot be read, is not the archive's fault.
    if ((cause as NodeJS.ErrnoException).syscall !== undefined) throw cause;
    const reason = (cause as Error).message;
    throw new RestoreRefused('damaged', `${file} is no whole backup: ${reason}`, { cause });
  }
}

async function unpackEntries(
  tar: Extract,
  dir: string,
  signal: AbortSignal,
): Promise<ArchivedFile[]> {
  const found: ArchivedFile[] = [];
  for await (const entry of tar) {
    found.push(await unpackFile(entry.header, entry as AsyncIterable<Buffer>, dir, signal));
  }
  return found;
}

async function unpackFile(
  { name: path, type }: Header,
  content: AsyncIterable<Buffer>,
  dir: string,
  signal: AbortSignal,
): Promise<ArchivedFile> {
  if (type !== 'file' || !isArchivePath(path)) {
    throw new RestoreRefused('damaged', `the backup holds ${JSON.stringify(path)}`);
  }
  const target = join(dir, path);
  await mkdir(dirname(target), { recursive: true });
  const hash = createHash('sha256');
  let size = 0;
  const measured = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      size += chunk.length;
      done(null, chunk);
    },
  });
  // `wx`: a name that comes twice is not written over.
  const sink = createWriteStream(target, { flags: 'wx', mode: 0o600 });
  await pipeline(content, measured, sink, { signal });
  return { path, size, sha256: hash.digest('hex') };
}
