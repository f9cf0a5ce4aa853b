import { lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { removeStaleLocks } from './locks.ts';
import { runGit } from './run.ts';
import { countWriter, oldestWriterMs } from './writers.ts';

/** Beyond either, reading an object means looking in too many places. */
const MOST_LOOSE = 1000;
const MOST_PACKS = 20;
const ORPHAN_MS = 3_600_000;
const TIMEOUT_SEC = 3600;
/** What git and the server name a pack or a push that is being written. */
const UNFINISHED = /^(tmp_|\.tmp-)/;

export interface Upkeep {
  signal: AbortSignal;
  /** Milliseconds since the Unix epoch, compared with files' own times. */
  now?: number;
}

/**
 * Joins loose objects and small packs, and removes what killed children left.
 * Answers whether there was anything to join.
 *
 * Pushes go on meanwhile: git writes a pack whole before it removes what is in
 * it, and a push's own objects lie in a quarantine or are new. A process that
 * reads meanwhile looks for the new packs when it misses an object in the old.
 */
export async function repack(repo: string, upkeep: Upkeep): Promise<boolean> {
  await removeStaleLocks(repo, () => false);
  await removeOrphans(repo, upkeep.now);
  const { loose, packs } = await countObjects(repo);
  if (loose <= MOST_LOOSE && packs <= MOST_PACKS) return false;
  await work(repo, ['repack', '-dq', '--geometric=2', '--write-midx'], upkeep);
  return true;
}

/**
 * Drops what nothing has reached for two weeks, and writes what makes history
 * quick to read: commit-graph, packed refs. Whatever must stay has to be pinned
 * before. Younger objects stay, since a commit stands before its ref.
 */
export async function collectGarbage(repo: string, upkeep: Upkeep): Promise<void> {
  await removeStaleLocks(repo, () => false);
  await work(repo, ['gc', '-q', '--cruft', '--prune=2.weeks.ago'], upkeep);
  await work(repo, ['commit-graph', 'write', '--reachable', '--changed-paths'], upkeep);
}

/** Counted as a writer, so that nobody takes its locks for stale ones. */
async function work(repo: string, args: readonly string[], { signal }: Upkeep): Promise<void> {
  const discount = countWriter(repo);
  try {
    await runGit(repo, args, { signal, timeoutSec: TIMEOUT_SEC });
  } finally {
    discount();
  }
}

export async function countObjects(repo: string): Promise<{ loose: number; packs: number }> {
  const text = (await runGit(repo, ['count-objects', '-v'])).toString('latin1');
  const counts = new Map(text.split('\n').map((line) => line.split(': ') as [string, string]));
  return { loose: Number(counts.get('count')), packs: Number(counts.get('packs')) };
}

/** Unfinished packs and quarantines of an hour ago, unless a child that old still lives. */
async function removeOrphans(repo: string, now = Date.now()): Promise<void> {
  // Files' times are of a coarser clock, which runs behind.
  const before = Math.min(now - ORPHAN_MS, oldestWriterMs(repo) - 1000);
  for (const folder of ['objects', 'objects/pack']) {
    const names = await readdir(join(repo, folder));
    for (const name of names.filter((one) => UNFINISHED.test(one))) {
      const path = join(repo, folder, name);
      const stat = await lstat(path).catch(() => undefined);
      if (stat && stat.mtimeMs <= before) await rm(path, { recursive: true, force: true });
    }
  }
}
