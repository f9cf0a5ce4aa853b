import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Digest, hexOf, sha256 } from '../../src/model/digest.ts';
import { exists, readIfAny, writeSynced } from './files.ts';
import type { Project } from './project.ts';

/** Bytes as delivered, by digest. New ones stay apart until all of a run is verified. */
export interface Objects {
  has(digest: Digest): Promise<boolean>;
  /** Undefined when absent or damaged: the caller fetches it again. */
  read(digest: Digest): Promise<Buffer | undefined>;
  /** @throws {RangeError} when the bytes are not what the name says: check before */
  addIncoming(digest: Digest, bytes: Uint8Array): Promise<void>;
  /** From here on the new ones stay, whatever happens. */
  adoptIncoming(): Promise<void>;
  discardIncoming(): Promise<void>;
  prune(keep: ReadonlySet<Digest>): Promise<void>;
}

export function openObjects({ objectsDir, incomingDir }: Project): Objects {
  const kept = (digest: Digest): string => join(objectsDir, hexOf(digest));
  const incoming = (digest: Digest): string => join(incomingDir, hexOf(digest));

  return {
    has: async (digest) => (await exists(kept(digest))) || exists(incoming(digest)),

    async read(digest) {
      const bytes = (await readIfAny(kept(digest))) ?? (await readIfAny(incoming(digest)));
      return bytes && sha256(bytes) === digest ? bytes : undefined;
    },

    async addIncoming(digest, bytes) {
      if (sha256(bytes) !== digest) throw new RangeError(`these bytes are not ${digest}`);
      await mkdir(incomingDir, { recursive: true });
      if (await exists(incoming(digest))) return;
      await writeSynced(incoming(digest), bytes, 0o600);
    },

    async adoptIncoming() {
      await mkdir(objectsDir, { recursive: true });
      for (const name of await namesIn(incomingDir)) {
        await rename(join(incomingDir, name), join(objectsDir, name));
      }
      await rm(incomingDir, { recursive: true, force: true });
    },

    discardIncoming: () => rm(incomingDir, { recursive: true, force: true }),

    async prune(keep) {
      const names = new Set([...keep].map(hexOf));
      for (const name of await namesIn(objectsDir)) {
        if (!names.has(name)) await rm(join(objectsDir, name), { force: true });
      }
    },
  };
}

async function namesIn(dir: string): Promise<string[]> {
  return (await exists(dir)) ? readdir(dir) : [];
}
