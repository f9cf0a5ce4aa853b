import { WaymarkError } from '../model/errors.ts';
import { storageFull } from '../model/storage-full.ts';
import { GitError } from './run.ts';

const FULL = /No space left|File too large|quota exceeded/i;
/** Git has no exit code for it; with `LC_ALL=C` these are its words. */
const DAMAGE =
  /is corrupt|corrupt or missing|object corrupt|not something we can merge|must point to a commit|bad object|is missing|missing (blob|tree|commit)|(unable to|could not|failed to) (read|parse|unpack|inflate)|does not match index|not a git repository|packfile .* cannot be/i;

export const isStorageFull = ({ signal, stderr }: GitError): boolean =>
  signal === 'SIGXFSZ' || FULL.test(stderr);

/**
 * What an answer says of a git that failed through nobody's fault: no room, damage
 * in the repository, or a git that was killed or could not start. Undefined for
 * every other failure, which is a bug.
 */
export function gitFault(error: unknown): WaymarkError | undefined {
  if (!(error instanceof GitError)) return undefined;
  const options = { cause: error };
  if (isStorageFull(error)) return storageFull(error);
  if (DAMAGE.test(error.stderr)) {
    return new WaymarkError('REG_CORRUPT', 'the repository is damaged', {}, options);
  }
  if (error.exitCode !== null) return undefined;
  return new WaymarkError(
    'RES_UNAVAILABLE',
    'the repository cannot be read now: retry',
    {},
    options,
  );
}
