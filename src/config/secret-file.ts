import { randomUUID } from 'node:crypto';
import { link, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncFolder } from '../git/durable-fs.ts';

/** The text in a file, without white space around it; undefined where there is none. */
export async function findSecret(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Stores a secret for its owner alone (0600), durably: losing a master key
 * would lose all that it encrypts. Answers what is stored, which is another's
 * where two started at once.
 */
export async function keepSecret(path: string, secret: string): Promise<string> {
  const draft = await writeDraft(path, secret);
  try {
    // Unlike a rename it fails where there is a file already.
    await link(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await rm(draft);
  }
  await syncFolder(dirname(path));
  return (await findSecret(path)) ?? secret;
}

export async function replaceSecret(path: string, secret: string): Promise<void> {
  await rename(await writeDraft(path, secret), path);
  await syncFolder(dirname(path));
}

async function writeDraft(path: string, secret: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  const draft = `${path}.${randomUUID()}`;
  const file = await open(draft, 'wx', 0o600);
  try {
    await file.writeFile(`${secret}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  return draft;
}
