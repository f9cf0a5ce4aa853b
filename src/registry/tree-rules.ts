import { type Diagnostic, fileError } from '../model/diagnostic.ts';

const PATH_LIMIT = 200;

const MODES = new Map([
  ['120000', ['symlink', 'symbolic links are not allowed', 'put the file itself there']],
  ['160000', ['submodule', 'submodules are not allowed', 'put the files themselves there']],
] as const);
const ALLOWED_MODES = new Set(['100644', '100755', '40000', '040000']);

/** Names made of nothing that any file system or reader takes for something else. */
const PLAIN_NAME = /^[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_-])?$/;
/** Controls, line separators, and the overrides that make a name read backwards. */
const UNPRINTABLE = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;
const WINDOWS_DEVICE = /^(con|prn|aux|nul|com[1-9]|lpt[1-9])(\.|$)/i;
/** These two are refused by every client, which writes what it is sent below a folder of its own. */
const DRIVE = /^[A-Za-z]:/;
const DOT_WAYMARK = /^\.waymark[. ]*$/i;
const WINDOWS_REFUSES = /[<>:"|?*]|[. ]$/;

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Judges one entry of a git tree by what git itself lets through. `dir` is its
 * folder ('' for the root), `name` its raw bytes, `mode` git's octal.
 */
export function checkTreeEntry(dir: string, name: Buffer, mode: string): Diagnostic[] {
  const text = decodeName(name);
  const path = printable(`${dir === '' ? '' : `${dir}/`}${text ?? escapeBytes(name)}`);
  const diagnostics = checkMode(path, mode);
  if (path.length > PATH_LIMIT) {
    const message = `the path has ${path.length} characters: at most ${PATH_LIMIT} are allowed`;
    diagnostics.push(fileError(path, 'path-length', message));
  }
  if (text === undefined) {
    const message = 'the name is not valid UTF-8';
    diagnostics.push(fileError(path, 'name-encoding', message, 'rename it'));
  } else if (!PLAIN_NAME.test(text) || WINDOWS_DEVICE.test(text)) {
    const finding = checkName(text, path, dir === '');
    if (finding) diagnostics.push(finding);
  }
  return diagnostics;
}

function decodeName(name: Buffer): string | undefined {
  try {
    return decoder.decode(name);
  } catch {
    return undefined;
  }
}

/** A name that can be printed, one unit for each byte. */
function escapeBytes(name: Buffer): string {
  const hex = (unit: string) => unit.charCodeAt(0).toString(16).padStart(2, '0');
  return name.toString('latin1').replace(/[^\x20-\x7e]/g, (unit) => `\\x${hex(unit)}`);
}

const printable = (path: string): string =>
  UNPRINTABLE.test(path) ? escapeBytes(Buffer.from(path)) : path;

function checkMode(path: string, mode: string): Diagnostic[] {
  if (ALLOWED_MODES.has(mode)) return [];
  const [code, message, hint] = MODES.get(mode as '120000') ?? [
    'file-mode',
    `the file mode ${mode} is not allowed`,
    'use 100644, or 100755 for what is run',
  ];
  return [fileError(path, code, message, hint)];
}

function checkName(name: string, path: string, isAtRoot: boolean): Diagnostic | undefined {
  if (UNPRINTABLE.test(name)) {
    return fileError(path, 'name-control', 'the name holds a control character', 'rename it');
  }
  if (name === '' || name === '.' || name === '..') {
    return fileError(path, 'name-dots', 'a path has no empty, . or .. part');
  }
  if (name.includes('\\') || name.includes('/')) {
    return fileError(path, 'name-separator', 'the name holds a path separator', 'rename it');
  }
  if (isDotGit(name)) {
    return fileError(
      path,
      'name-dot-git',
      'some file systems take this name for .git',
      'rename it',
    );
  }
  if (DRIVE.test(name)) {
    return fileError(path, 'name-drive', 'Windows takes this name for a drive', 'rename it');
  }
  if (!isAtRoot && DOT_WAYMARK.test(name)) {
    const message = 'clients keep files of their own under this name';
    return fileError(path, 'name-reserved', message, 'rename it');
  }
  if (WINDOWS_DEVICE.test(name) || WINDOWS_REFUSES.test(name)) {
    const message = 'Windows cannot store a file of this name';
    return { ...fileError(path, 'name-windows', message), severity: 'warning' };
  }
  return undefined;
}

/**
 * HFS+ ignores some code points in a name, NTFS trailing dots and spaces, what
 * follows a colon, and knows `.git` as `git~1` too: each has been a way to make
 * a checkout write into the repository's own folder.
 */
function isDotGit(name: string): boolean {
  const seen = name.replace(/\p{Default_Ignorable_Code_Point}/gu, '').normalize('NFKC');
  return /^(\.git|git~\d+)[. ]*(:.*)?$/i.test(seen);
}

/** ASCII without capitals folds to itself, and git keeps equal names apart already. */
const FOLDS_TO_ITSELF = /^[\x00-\x40\x5b-\x7f]*$/;

export const foldCase = (name: string): string =>
  name.normalize('NFC').toUpperCase().toLowerCase().normalize('NFC');

/** Names in one folder that only case or Unicode normalisation keeps apart. */
export function checkSiblings(dir: string, names: readonly string[]): Diagnostic[] {
  if (names.every((name) => FOLDS_TO_ITSELF.test(name))) return [];
  const diagnostics: Diagnostic[] = [];
  const seen = new Map<string, string>();
  for (const name of names) {
    const folded = foldCase(name);
    const first = seen.get(folded);
    if (first === undefined) seen.set(folded, name);
    else {
      const path = dir === '' ? name : `${dir}/${name}`;
      const message = `many file systems take ${name} and ${first} for the same name`;
      diagnostics.push(fileError(path, 'name-collision', message, 'rename one of them'));
    }
  }
  return diagnostics;
}
