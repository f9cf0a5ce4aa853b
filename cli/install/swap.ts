import { rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { failpoint } from '../../src/model/failpoint.ts';
import { Failure } from '../errors.ts';
import { exists, readIfAny, syncFolder, writeDurably } from './files.ts';
import type { Project } from './project.ts';

/** One folder to exchange. All paths are absolute and on one file system. */
export interface Swap {
  live: string;
  /** Where the old one waits until everything is done. */
  aside: string;
  /** The whole new one; without it the folder goes away. */
  staged?: string;
}

/** All that one run changes. Once it is in the journal it happens, by this run or by the next. */
export interface Change {
  swaps: readonly Swap[];
  /** Removed at the end. */
  stagingDir: string;
  lock: string;
  state: string;
}

/** The old install until the journal is written, the new one from then on. */
export async function commitChange(project: Project, change: Change): Promise<void> {
  await failpoint('sync.staged');
  await writeDurably(project.journalPath, JSON.stringify(change), 0o600);
  await finish(project, change);
}

/** Finishes what a crash interrupted; true when there was something to finish. */
export async function recover(project: Project): Promise<boolean> {
  const journal = await readIfAny(project.journalPath);
  if (!journal) return false;
  await finish(project, JSON.parse(journal.toString()) as Change);
  return true;
}

async function finish(project: Project, change: Change): Promise<void> {
  for (const swap of change.swaps) await exchange(swap);
  await failpoint('sync.swapped');

  await writeDurably(project.statePath, change.state, 0o600);
  await writeDurably(project.lockPath, change.lock);
  await failpoint('sync.locked');

  await rm(change.stagingDir, { recursive: true, force: true });
  await rm(project.journalPath, { force: true });
}

/**
 * Repeatable: each step looks at what the one before left. No system call that
 * Node has exchanges two folders at once, so a crash between the renames leaves
 * both whole under other names, for `recover`.
 */
async function exchange({ live, aside, staged }: Swap): Promise<void> {
  if (staged && !(await exists(staged))) return;
  if ((await exists(live)) && !(await exists(aside))) await rename(live, aside);
  await failpoint('sync.swapping');
  if (!staged) return;
  if (await exists(live)) {
    throw new Failure(
      `${live} was made while an update was under way: move it away, then try again`,
    );
  }
  await rename(staged, live);
  await syncFolder(dirname(live));
}
