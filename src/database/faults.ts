import { WaymarkError } from '../model/errors.ts';

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

/**
 * Past a file size limit Linux sends SIGXFSZ, which kills a process that does
 * not listen; to one that does, the write fails with EFBIG instead.
 */
export function surviveFileSizeLimit(): void {
  if (process.listenerCount('SIGXFSZ') === 0) process.on('SIGXFSZ', ignore);
}

function ignore(): void {}
