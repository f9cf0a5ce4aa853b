import git from 'isomorphic-git';
import { WaymarkError } from '../model/errors.ts';
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
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOSPC' && code !== 'EDQUOT') throw error;
    const message = 'no room is left to store this: free some, then retry';
    throw new WaymarkError('RES_STORAGE_FULL', message, {}, { cause: error });
  }
}
