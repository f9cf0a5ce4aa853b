import { invalidField, WaymarkError } from '../model/errors.ts';
import { ZERO_OID } from '../model/names.ts';
import { storageFull } from '../model/storage-full.ts';
import { isStorageFull } from './git-fault.ts';
import { removeStaleLocks, type WriterCheck } from './locks.ts';
import { readRefFiles } from './ref-files.ts';
import { GitError, runGit } from './run.ts';
import { type RefUpdate, UpdateRef } from './update-ref.ts';

export type { RefUpdate };

/** One compare and swap. `oldOid` is what the ref must hold; {@link ZERO_OID} = it must not exist. */

export interface Refs {
  /**
   * Moves one ref; durable when it resolves. `conflict` when the ref does not
   * hold `oldOid`, and nothing was changed.
   *
   * @throws {WaymarkError} `RES_UNAVAILABLE` when another writer holds the lock or
   *   git failed, `RES_STORAGE_FULL`, `RES_STATE_CONFLICT` when the name stands in
   *   another's way (`a` and `a/b`), `VAL_FAILED` for a name that is none
   */
  updateRef(update: RefUpdate): Promise<'updated' | 'conflict'>;
  /** The oid that a full ref name holds, of the tag object for an annotated tag. */
  read(ref: string): Promise<string | undefined>;
  /** Full name → oid, of all under a prefix such as `refs/tags/`. */
  list(prefix: string): Promise<Map<string, string>>;
  close(): void;
}

export function openRefs(repo: string, isWriterAlive: WriterCheck = () => false): Refs {
  const process = new UpdateRef(repo);

  const swap = async (update: RefUpdate, isFirst: boolean): Promise<'updated' | 'conflict'> => {
    try {
      await process.run(update);
      return 'updated';
    } catch (error) {
      if (!(error instanceof GitError)) throw error;
      const current = (await readRef(repo, update.ref)) ?? ZERO_OID;
      // Killed between the rename and its answer: the ref is the truth.
      if (error.signal !== null && current === update.newOid) return 'updated';
      if (current !== update.oldOid) return 'conflict';
      if (isFirst && error.signal !== null) return await swap(update, false);
      if (isFirst && /File exists/.test(error.stderr)) {
        const { removed } = await removeStaleLocks(repo, isWriterAlive);
        if (removed.length > 0) return await swap(update, false);
      }
      throw refusal(update.ref, error);
    }
  };

  return {
    async updateRef(update) {
      // The protocol is one line a command: a space or newline would end the name.
      if (!/^refs\/[^\s\p{Cc}]+$/u.test(update.ref)) {
        throw invalidField('ref', `${JSON.stringify(update.ref)} is no full ref name`);
      }
      return await swap(update, true);
    },
    read: (ref) => readRef(repo, ref),
    list: (prefix) => listRefs(repo, prefix),
    close: () => process.close(),
  };
}

async function readRef(repo: string, ref: string): Promise<string | undefined> {
  return (await listRefs(repo, ref)).get(ref);
}

async function listRefs(repo: string, prefix: string): Promise<Map<string, string>> {
  try {
    const read = await readRefFiles(repo, prefix);
    if (read) return read;
    const format = '--format=%(objectname) %(refname)';
    const text = (await runGit(repo, ['for-each-ref', format, prefix])).toString('utf8');
    return new Map(
      text
        .split('\n')
        .filter(Boolean)
        .map((line) => [line.slice(ZERO_OID.length + 1), line.slice(0, ZERO_OID.length)]),
    );
  } catch (error) {
    throw new WaymarkError(
      'RES_UNAVAILABLE',
      'refs cannot be read now: retry',
      {},
      { cause: error },
    );
  }
}

function refusal(ref: string, cause: GitError): WaymarkError {
  const options = { cause };
  if (isStorageFull(cause)) return storageFull(cause);
  if (/cannot create/.test(cause.stderr)) {
    const message = `${ref} cannot stand beside a ref that is its folder, or is in it`;
    return new WaymarkError('RES_STATE_CONFLICT', message, {}, options);
  }
  if (/invalid ref format|bad name|refusing to update ref/.test(cause.stderr)) {
    return new WaymarkError('VAL_FAILED', `${ref} is no name that git takes`, {}, options);
  }
  return new WaymarkError('RES_UNAVAILABLE', `${ref} cannot be moved now: retry`, {}, options);
}
