import { WaymarkError } from '../model/errors.ts';

// EFBIG is what a file size limit (`prlimit --fsize`, `ulimit -f`) answers.
const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

export function storageFull(cause: unknown): WaymarkError {
  const message = 'the storage is full: nothing was written; free some space, then try again';
  return new WaymarkError('RES_STORAGE_FULL', message, {}, { cause });
}

/** @param why goes on after "the database " */
export function unavailable(why: string, cause: unknown): WaymarkError {
  const message = `the database ${why}: try again in a moment`;
  return new WaymarkError('RES_UNAVAILABLE', message, {}, { cause });
}

/** A row that belongs to nothing: its org or client was removed meanwhile. */
export function ownerMissing(cause?: unknown): WaymarkError {
  const message = 'the org or client that this belongs to does not exist';
  return new WaymarkError('RES_NOT_FOUND', message, {}, { cause });
}

/** A failed file write as the error to throw: `RES_STORAGE_FULL` where that is what it means. */
export function writeFault(error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  return code !== undefined && FULL.has(code) ? storageFull(error) : error;
}

/**
 * Past a file size limit Linux sends SIGXFSZ, which kills a process that does
 * not listen; to one that does, the write fails with EFBIG instead.
 */
export function surviveFileSizeLimit(): void {
  if (process.listenerCount('SIGXFSZ') === 0) process.on('SIGXFSZ', ignore);
}

function ignore(): void {}
