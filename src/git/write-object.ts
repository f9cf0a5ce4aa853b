import git from 'isomorphic-git';
import { writeFault } from '../model/storage-full.ts';
import { durableFs } from './durable-fs.ts';

/**
 * Writes one unreferenced object, durable when it resolves.
 *
 * @returns its oid
 * @throws {WaymarkError} `RES_STORAGE_FULL`
 */
export async function writeObject(
  repo: string,
  type: 'blob' | 'tree' | 'commit' | 'tag',
  object: Uint8Array,
): Promise<string> {
  try {
    return await git.writeObject({ fs: durableFs, gitdir: repo, type, object, format: 'content' });
  } catch (error) {
    throw writeFault(error);
  }
}
