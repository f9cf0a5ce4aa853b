import { FOLDER_OF_TYPE, TYPE_OF_FOLDER } from '../../model/names.ts';
import { ownField, parseJsonFile } from './json-file.ts';

/**
 * Files that only one layout knows. `.layouts/claude/<path>` is delivered at
 * `<path>` in the Claude layout alone: a file of another tool's plugin may bear
 * a name that means something else in a registry. `.layouts/claude.json` says
 * where objects stand that do not stand at their usual place.
 */
const LAYOUT_FOLDER = '.layouts/';
export const CLAUDE_FOLDER = '.layouts/claude/';
export const CLAUDE_PLACES = '.layouts/claude.json';

/** An object's folder in the registry (`skills/x`) → its folder or file in the Claude layout. */
export type Places = ReadonlyMap<string, string>;

/** Entries that are no text are ignored: the place is then the usual one. */
export function parsePlaces(bytes: Buffer | undefined): Places {
  const stated = bytes && parseJsonFile(CLAUDE_PLACES, bytes)?.value;
  const places = ownField(stated, 'places');
  const entries = Object.entries((places ?? {}) as Record<string, unknown>);
  return new Map(
    entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

export function writePlaces(places: Places): Buffer {
  const sorted = [...places].sort(([a], [b]) => (a < b ? -1 : 1));
  return Buffer.from(`${JSON.stringify({ places: Object.fromEntries(sorted) }, null, 2)}\n`);
}

/**
 * Where a file that belongs to no object is delivered; undefined for what is
 * the registry's own: plugin.yaml, other layouts' files and excluded objects.
 */
export function placeOfPlain(path: string, isFile: (path: string) => boolean): string | undefined {
  if (path === 'plugin.yaml' || path === CLAUDE_PLACES) return undefined;
  if (path.startsWith(CLAUDE_FOLDER)) return path.slice(CLAUDE_FOLDER.length);
  if (path.startsWith(LAYOUT_FOLDER)) return undefined;

  const [folder, name, ...inner] = path.split('/');
  const type = TYPE_OF_FOLDER.get(folder!);
  if (!type || name === undefined) return path;
  const isDocument = inner.length === 0 && name.endsWith('.yaml');
  const isPayload = isFile(`${FOLDER_OF_TYPE[type]}/${name}/${type}.yaml`);
  return isDocument || isPayload ? undefined : path;
}
