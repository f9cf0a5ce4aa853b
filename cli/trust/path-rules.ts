import { VerificationError } from '../errors.ts';

const LONGEST_PATH = 1024;

/**
 * Refuses a set of paths that would leave their folder, or of which two would
 * be one file on a file system that knows no case or stores another Unicode form.
 *
 * @throws {VerificationError} `PATH_REFUSED`
 */
export function checkPaths(paths: Iterable<string>): void {
  const files = new Set<string>();
  const folders = new Map<string, string>();
  for (const path of paths) {
    checkPath(path);
    const key = foldCase(path);
    if (files.has(key)) throw refused(path, 'is listed twice, or differs only by case');
    files.add(key);
    for (const folder of foldersOf(path)) {
      const known = folders.get(foldCase(folder));
      if (known !== undefined && known !== folder) {
        throw refused(path, `differs only by case from the folder ${known}`);
      }
      folders.set(foldCase(folder), folder);
    }
  }
  for (const [key, folder] of folders) {
    if (files.has(key)) throw refused(folder, 'is listed as a file and as a folder');
  }
}

export function checkPath(path: string): void {
  if (path.length > LONGEST_PATH) throw refused(path.slice(0, 80), 'is too long');
  if (/[\u0000-\u001f\u007f\\]/.test(path)) throw refused(path, 'has a character that no path has');
  if (path.startsWith('/') || /^[A-Za-z]:/.test(path)) throw refused(path, 'is absolute');
  const segments = path.split('/');
  if (segments.some((segment) => segment === '' || segment === '.' || segment === '..')) {
    throw refused(path, 'leaves its folder');
  }
  // What git or Waymark themselves would read as their own.
  if (segments.some((segment) => /^\.(git|waymark)[. ]*$/i.test(segment))) {
    throw refused(path, 'is reserved');
  }
}

function foldersOf(path: string): string[] {
  const segments = path.split('/');
  return segments.slice(1).map((_, i) => segments.slice(0, i + 1).join('/'));
}

/** Upper before lower: `ß` and `SS` are one name to some file systems. */
const foldCase = (path: string): string => path.normalize('NFC').toUpperCase().toLowerCase();

function refused(path: string, fault: string): VerificationError {
  return new VerificationError('PATH_REFUSED', `the path ${JSON.stringify(path)} ${fault}`);
}
