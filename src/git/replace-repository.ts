import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ZERO_OID } from '../model/names.ts';
import { syncFolder } from './durable-fs.ts';
import { findFault } from './fsck.ts';
import { openRefs } from './refs.ts';
import { createRepository, deleteRepository } from './repository.ts';
import { GitError, runGit } from './run.ts';

/**
 * Puts a new repository in the place of a damaged one, filled from elsewhere and
 * then with every ref of the old one whose objects can still be had. A ref that
 * is lost is missed by whoever relies on it, as one that somebody deleted.
 *
 * @param fill answers false when there is nothing to fill it from: then nothing is replaced
 * @throws when the new one is not whole either; the old one stays
 */
export async function replaceRepository(
  repo: string,
  fill: (dir: string) => Promise<boolean>,
  signal: AbortSignal,
): Promise<boolean> {
  const fresh = join(dirname(repo), `.mending-${basename(repo)}`);
  const aside = join(dirname(repo), `.damaged-${basename(repo)}`);
  // What a crash within the swap has left.
  if (existsSync(aside) && !existsSync(repo)) await rename(aside, repo);
  await rm(fresh, { recursive: true, force: true });
  await rm(aside, { recursive: true, force: true });
  try {
    await createRepository(fresh);
    if (!(await fill(fresh))) return false;
    await takeOver(repo, fresh, signal);
    const fault = await findFault(fresh, { isFull: true, signal });
    if (fault !== undefined) throw new Error(`what was fetched is damaged too: ${fault}`);
    await rename(repo, aside);
    await rename(fresh, repo);
    await syncFolder(dirname(repo));
    await deleteRepository(aside);
    return true;
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

async function takeOver(from: string, to: string, signal: AbortSignal): Promise<void> {
  const old = await listRefs(from);
  const known = await listRefs(to);
  for (const [ref, oid] of old) {
    if (known.get(ref) === oid || ref.startsWith('refs/internal/')) continue;
    const isThere = (await has(to, oid)) || (await fetchFrom(from, to, oid, signal));
    const before = known.get(ref) ?? ZERO_OID;
    if (isThere) await runGit(to, ['update-ref', ref, oid, before]);
  }
}

/** Whether a commit or tag is there with all that it reaches. */
async function has(repo: string, oid: string): Promise<boolean> {
  const walk = ['rev-list', '--objects', '--quiet', oid, '--'];
  return await succeeds(runGit(repo, walk));
}

const fetchFrom = (from: string, to: string, oid: string, signal: AbortSignal) => {
  const options = ['--quiet', '--no-tags', '--no-write-fetch-head'];
  const args = ['-c', 'fetch.fsckObjects=true', 'fetch', ...options, from, oid];
  return succeeds(runGit(to, args, { signal }));
};

async function succeeds(work: Promise<unknown>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    if (error instanceof GitError && error.exitCode !== null) return false;
    throw error;
  }
}

async function listRefs(repo: string): Promise<Map<string, string>> {
  const refs = openRefs(repo);
  return await refs.list('refs/');
}
