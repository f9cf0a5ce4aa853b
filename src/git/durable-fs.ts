import { randomUUID } from 'node:crypto';
import { promises } from 'node:fs';
import { dirname } from 'node:path';

/**
 * The file system that isomorphic-git writes objects with. Its own writes are
 * neither synced nor atomic: after a power cut, an object with the right name
 * and no content would stay for good, for git never overwrites one.
 */
export const durableFs = {
  promises: {
    readFile: promises.readFile,
    unlink: promises.unlink,
    readdir: promises.readdir,
    rmdir: promises.rmdir,
    stat: promises.stat,
    lstat: promises.lstat,
    readlink: promises.readlink,
    symlink: promises.symlink,
    mkdir: makeDurably,
    writeFile: writeDurably,
  },
};

async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  // Git's own prefix: its upkeep removes what a crash leaves.
  const draft = `${dirname(path)}/tmp_obj_${randomUUID()}`;
  try {
    const file = await promises.open(draft, 'wx', 0o444);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await promises.rename(draft, path);
  } catch (error) {
    await promises.rm(draft, { force: true });
    throw error;
  }
  await syncFolder(dirname(path));
}

async function makeDurably(path: string): Promise<void> {
  await promises.mkdir(path);
  await syncFolder(dirname(path));
}

export async function syncFolder(path: string): Promise<void> {
  const folder = await promises.open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
