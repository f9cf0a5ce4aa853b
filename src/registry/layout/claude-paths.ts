import { type JsonFile, ownField, parseJsonFile } from './json-file.ts';
import type { Fields } from './markdown.ts';
import { isFields } from './markdown.ts';

export const MANIFEST = '.claude-plugin/plugin.json';

/** The two lists that Claude Code keeps in shared JSON, and the file it looks for first. */
export const STANDARD_FILE = { hooks: 'hooks/hooks.json', mcpServers: '.mcp.json' } as const;
export type SharedList = keyof typeof STANDARD_FILE;

/** Where a list stands: `list` is the live object inside the file's value, at `at`. */
export interface ListPlace {
  file: JsonFile;
  at: string[];
  list: Fields;
}

/** `./hooks/x.json` or `${CLAUDE_PLUGIN_ROOT}/hooks/x.json` → `hooks/x.json`; undefined for what leaves the plugin. */
export function pathInPlugin(stated: string): string | undefined {
  const inner = stated.replace(/^\$\{CLAUDE_PLUGIN_ROOT\}\//, '');
  if (/^(\/|[a-z][a-z0-9+.-]*:)/i.test(inner)) return undefined;
  const segments = inner.split('/').filter((segment) => segment !== '' && segment !== '.');
  return segments.includes('..') ? undefined : segments.join('/');
}

/** The paths that a manifest's field gives, as one text or a list of them. */
export function statedPaths(manifest: unknown, field: string): string[] {
  const stated = ownField(manifest, field);
  const list = Array.isArray(stated) ? stated : [stated];
  return list.flatMap((item) => {
    const path = typeof item === 'string' ? pathInPlugin(item) : undefined;
    return path === undefined ? [] : [path];
  });
}

/** The manifest and every JSON file in which hooks or servers may stand. */
export async function readSharedFiles(
  has: (path: string) => boolean,
  read: (path: string) => Promise<Buffer>,
): Promise<Map<string, JsonFile>> {
  const files = new Map<string, JsonFile>();
  const load = async (path: string): Promise<void> => {
    if (files.has(path) || !has(path)) return;
    const file = parseJsonFile(path, await read(path));
    if (file) files.set(path, file);
  };
  await load(MANIFEST);
  const manifest = files.get(MANIFEST)?.value;
  for (const list of ['hooks', 'mcpServers'] as const) {
    await load(STANDARD_FILE[list]);
    for (const path of statedPaths(manifest, list)) await load(path);
  }
  return files;
}

/** Every place of one list: the standard file, then what the manifest holds or points to. */
export function findLists(files: ReadonlyMap<string, JsonFile>, list: SharedList): ListPlace[] {
  const manifest = files.get(MANIFEST);
  const paths = new Set([STANDARD_FILE[list], ...statedPaths(manifest?.value, list)]);
  const places = [...paths].flatMap((path) => {
    const file = files.get(path);
    return file ? within(file, file.value, [], list) : [];
  });
  const inline = ownField(manifest?.value, list);
  const parts = Array.isArray(inline) ? inline.map((part, i) => [part, String(i)]) : [[inline]];
  for (const [part, ...index] of parts) {
    if (manifest && isFields(part)) {
      places.push(...within(manifest, part, [list, ...(index as string[])], list));
    }
  }
  return places;
}

/** Both forms are met in the wild: wrapped in the list's own name, and flat. */
function within(file: JsonFile, value: Fields, at: string[], list: SharedList): ListPlace[] {
  const wrapped = ownField(value, list);
  if (isFields(wrapped)) return [{ file, at: [...at, list], list: wrapped }];
  const isEntry = list === 'hooks' ? Array.isArray : isServer;
  const entries = Object.values(value);
  return entries.length > 0 && entries.every(isEntry) ? [{ file, at, list: value }] : [];
}

function isServer(value: unknown): boolean {
  return ['command', 'url', 'type'].some((key) => ownField(value, key) !== undefined);
}
