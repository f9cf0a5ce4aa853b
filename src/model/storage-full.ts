import { WaymarkError } from './errors.ts';

// EFBIG is what a file size limit (`prlimit --fsize`, `ulimit -f`) answers.
const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

export function storageFull(cause: unknown): WaymarkError {
  const message = 'the storage is full: nothing was written; free some space, then try again';
  return new WaymarkError('RES_STORAGE_FULL', message, {}, { cause });
}

/** A failed file write as the error to throw: `RES_STORAGE_FULL` where that is what it means. */
export function writeFault(error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  return code !== undefined && FULL.has(code) ? storageFull(error) : error;
}
