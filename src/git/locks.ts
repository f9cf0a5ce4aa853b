import { lstat, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { oldestWriterMs } from './writers.ts';

/** Whether another process's lease on the repository is live. Ours are counted in `writers.ts`. */
export type WriterCheck = () => boolean | Promise<boolean>;

export interface LockAge {
  /** A lock younger than this is left alone. */
  leaseMs?: number;
  /** Milliseconds since the Unix epoch, compared with the file's own time. */
  now?: number;
}

const LEASE_MS = 30_000;
/** Where git takes locks: beside the file that it is about to replace. */
const FOLDERS = ['refs', 'objects/info', 'objects/pack'];

export interface Locks {
  /** Paths from the repository's root. */
  removed: string[];
  left: string[];
}

/**
 * Removes the `.lock` files that killed children left, without which every later
 * write fails: regular files, older than the lease and than every live child of
 * ours. Does nothing while another process's lease is live.
 */
export async function removeStaleLocks(
  repo: string,
  isWriterAlive: WriterCheck,
  { leaseMs = LEASE_MS, now = Date.now() }: LockAge = {},
): Promise<Locks> {
  const locks: Locks = { removed: [], left: [] };
  const isLeased = await isWriterAlive();
  const staleBefore = Math.min(now - leaseMs, oldestWriterMs(repo));
  for (const path of await findLocks(repo)) {
    // Never through a symlink: the file might be another repository's.
    const stat = await lstat(join(repo, path)).catch(() => undefined);
    if (!stat) continue;
    const isStale = !isLeased && stat.isFile() && stat.mtimeMs <= staleBefore;
    if (isStale) await unlink(join(repo, path));
    locks[isStale ? 'removed' : 'left'].push(path);
  }
  return locks;
}

async function findLocks(repo: string): Promise<string[]> {
  const top = await readdir(repo);
  const below = await Promise.all(
    FOLDERS.map(async (folder) => {
      const names = await readdir(join(repo, folder), { recursive: true });
      return names.map((name) => join(folder, name));
    }),
  );
  return [...top, ...below.flat()].filter((path) => path.endsWith('.lock'));
}
