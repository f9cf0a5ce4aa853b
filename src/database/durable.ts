import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

const TEMPORARY = '.tmp';

/** Makes a directory, and removes what a crash left unfinished in it. */
export async function prepareDirectory(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true });
  for (const name of await readdir(dir)) {
    if (name.endsWith(TEMPORARY)) await rm(join(dir, name), { force: true });
  }
}

export const temporaryPath = (path: string): string => `${path}${TEMPORARY}`;

/** Gives a complete file its name, so that a crash leaves the old state or the new, never half. */
export async function renameDurably(from: string, to: string): Promise<void> {
  await syncPath(from);
  await rename(from, to);
  // The name itself lives in the directory.
  await syncPath(dirname(to));
}

async function syncPath(path: string): Promise<void> {
  const handle = await open(path);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
