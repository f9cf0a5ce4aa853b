import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { type Extract, extract } from 'tar-stream';
import { type Digest, sha256 } from '../../src/model/digest.ts';
import { VerificationError } from '../errors.ts';
import type { ManifestFile } from '../trust/manifest.ts';
import type { Objects } from './objects.ts';

/** What the archive says about itself stands here; it installs nothing. */
const OWN_FOLDER = '.waymark/';
const OWN_LIMIT_BYTES = 16 * 1024 * 1024;
const TAR_BLOCK_BYTES = 512;

type Entry = Extract extends AsyncIterable<infer E> ? E : never;

/**
 * Takes the declared files out of a tar.gz, each held to its declared size and
 * digest. Nothing is written under a path that the archive chose.
 *
 * @throws {VerificationError} `BUNDLE_REFUSED`, `DIGEST_MISMATCH`
 */
export async function unpackBundle(
  path: string,
  files: readonly ManifestFile[],
  objects: Objects,
): Promise<void> {
  const declared = new Map(files.map((file) => [file.path, file]));
  const seen = new Set<string>();
  const archive = extract();
  const fed = pipeline(
    createReadStream(path),
    createGunzip(),
    limited(archiveLimit(files)),
    archive,
  ).catch((cause: unknown) => {
    throw cause instanceof VerificationError ? cause : refused('it is no whole tar.gz', cause);
  });
  await Promise.all([fed, readEntries(archive, declared, seen, objects)]).catch(
    (error: unknown) => {
      archive.destroy();
      // What tar-stream throws for a broken header is the bundle's fault, not ours.
      throw isOwnError(error) ? error : refused('it is no whole tar.gz', error);
    },
  );
}

const isOwnError = (error: unknown): boolean =>
  error instanceof VerificationError || (error as NodeJS.ErrnoException).syscall !== undefined;

/** A gzip bomb unpacks to more than the manifest, genuine as it is, accounts for. */
function archiveLimit(files: readonly ManifestFile[]): number {
  const perFile = 4 * TAR_BLOCK_BYTES;
  return files.reduce((sum, { size }) => sum + size + perFile, OWN_LIMIT_BYTES);
}

function limited(limitBytes: number) {
  return async function* (source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    let size = 0;
    for await (const chunk of source) {
      size += chunk.length;
      if (size > limitBytes) throw refused('it unpacks to more than its manifest declares');
      yield chunk;
    }
  };
}

async function readEntries(
  archive: AsyncIterable<Entry>,
  declared: ReadonlyMap<string, ManifestFile>,
  seen: Set<string>,
  objects: Objects,
): Promise<void> {
  for await (const entry of archive) {
    const { name, type } = entry.header;
    if (type !== 'file') throw refused(`${name} is a ${type}, and only files are delivered`);
    if (seen.has(name)) throw refused(`${name} is in it twice`);
    seen.add(name);
    if (name.startsWith(OWN_FOLDER)) {
      entry.resume();
      continue;
    }
    const file = declared.get(name);
    if (!file) throw refused(`${name} is in it, but not in the manifest`);
    await storeEntry(entry, file, objects);
  }
}

async function storeEntry(entry: Entry, file: ManifestFile, objects: Objects): Promise<void> {
  const { path, size, digest } = file;
  // Before a byte of it is read: a false length must not fill the memory.
  if (entry.header.size !== size) {
    throw refused(`${path} has ${entry.header.size} bytes, the manifest says ${size}`);
  }
  const chunks: Buffer[] = [];
  for await (const chunk of entry) chunks.push(chunk as Buffer);
  const bytes = Buffer.concat(chunks);
  checkDigest(path, sha256(bytes), digest);
  await objects.addIncoming(digest, bytes);
}

function checkDigest(path: string, is: Digest, declared: Digest): void {
  if (is === declared) return;
  throw new VerificationError('DIGEST_MISMATCH', `${path} has the digest ${is}, not ${declared}`);
}

function refused(reason: string, cause?: unknown): VerificationError {
  return new VerificationError('BUNDLE_REFUSED', `the bundle is refused: ${reason}`, { cause });
}
