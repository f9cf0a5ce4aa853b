import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure } from '../errors.ts';
import { readEnrolment } from './enrolment.ts';
import { createPrivateDir, type Project } from './project.ts';
import { recover } from './swap.ts';

/**
 * Runs alone in a project, after finishing what an interrupted run left. Two at
 * once would each take the other's staged files for rubbish.
 */
export async function runAlone<T>(project: Project, work: () => Promise<T>): Promise<T> {
  const path = join(project.privateDir, 'busy');
  // Leaves no trace in a folder that is not enrolled.
  await readEnrolment(project);
  await createPrivateDir(project);
  await claim(path);
  try {
    await recover(project);
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

async function claim(path: string): Promise<void> {
  const own = `${path}.${process.pid}`;
  await writeFile(own, String(process.pid));
  try {
    // A link appears with its content: nobody reads a claim that is not yet written.
    await link(own, path).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
      await removeIfDead(path);
      await link(own, path);
    });
  } finally {
    await rm(own, { force: true });
  }
}

/** A killed run leaves its claim behind. */
async function removeIfDead(path: string): Promise<void> {
  const pid = Number(await readFile(path, 'utf8').catch(() => '0'));
  if (isAlive(pid)) throw new Failure(`another waymark is at work here: process ${pid}`);
  await rm(path, { force: true });
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
