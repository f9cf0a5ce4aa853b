import { MANIFEST, statedPaths } from '../../src/registry/layout/claude-paths.ts';
import { ownField, parseJsonFile } from '../../src/registry/layout/json-file.ts';
import { assignNames } from '../../src/registry/layout/object-name.ts';
import { type Entry, MARKETPLACE_FILE, type Marketplace } from './marketplace.ts';
import type { Note } from './report.ts';
import type { Files } from './source-tree.ts';

/** A plugin that is to be imported, and its files by their path in its folder. */
export interface PluginFolder {
  id: string;
  entry: Entry;
  folder: string;
  isListed: boolean;
  files: Files;
}

export interface Partition {
  plugins: PluginFolder[];
  /** Files of no plugin, by their path in the source. */
  rest: Files;
  notes: Note[];
}

type Chosen = Omit<PluginFolder, 'id' | 'files'>;

/** Gives every file of the source to one plugin, or to none. */
export async function partFiles(market: Marketplace, files: Files): Promise<Partition> {
  const notes: Note[] = [];
  const listed = chooseEntries(market, files, notes);
  const chosen = [...listed, ...(await findUnlisted(listed, files, notes))];
  const ids = assignNames(
    chosen.map(({ entry }) => entry.name),
    63,
  );
  const plugins = chosen.map((plugin): PluginFolder => {
    const id = ids.get(plugin.entry.name)!;
    if (id !== plugin.entry.name) {
      const message = `plugin ${id} in the registry`;
      notes.push({ code: 'name-adapted', path: plugin.folder, field: plugin.entry.name, message });
    }
    return { ...plugin, id, files: new Map() };
  });
  return { plugins, rest: deal(plugins, files), notes };
}

/** The entries whose folder is here. */
function chooseEntries(market: Marketplace, files: Files, notes: Note[]): Chosen[] {
  const chosen = new Map<string, Chosen>();
  const note = (code: Note['code'], entry: Entry, message: string): void => {
    notes.push({ code, path: MARKETPLACE_FILE, field: entry.name, message });
  };
  for (const entry of market.entries) {
    const { name, folder } = entry;
    if (folder === undefined) {
      const stated = ownField(entry.fields['source'], 'source');
      const kind = typeof stated === 'string' ? stated : 'elsewhere';
      note('remote-source', entry, `not imported: its source is ${kind}`);
    } else if (![...files.keys()].some((path) => isBelow(folder, path))) {
      note('missing-folder', entry, `not imported: there is no ${folder}`);
    } else if (chosen.has(name)) {
      note('listed-twice', entry, 'only the first entry of this name is imported');
    } else {
      chosen.set(name, { entry, folder, isListed: true });
    }
  }
  return [...chosen.values()];
}

async function findUnlisted(
  listed: readonly Chosen[],
  files: Files,
  notes: Note[],
): Promise<Chosen[]> {
  const known = new Set(listed.map(({ folder }) => folder));
  const names = new Set(listed.map(({ entry }) => entry.name));
  const found: Chosen[] = [];
  for (const [path, file] of files) {
    if (!path.endsWith(`/${MANIFEST}`)) continue;
    const folder = path.slice(0, -MANIFEST.length - 1);
    if (known.has(folder)) continue;
    const stated = parseJsonFile(path, await file.read())?.value['name'];
    const name = typeof stated === 'string' && stated && !names.has(stated) ? stated : folder;
    names.add(name);
    found.push({ entry: { name, fields: {}, folder }, folder, isListed: false });
    notes.push({ code: 'not-listed', path: folder, message: 'imported, though no entry names it' });
  }
  return found;
}

/** A file belongs to the deepest plugin folder around it. Answers what is left over. */
function deal(plugins: readonly PluginFolder[], files: Files): Files {
  const rest: Files = new Map();
  const byFolder = Map.groupBy(plugins, ({ folder }) => folder);
  for (const [path, file] of files) {
    const folder = foldersAround(path).find((it) => byFolder.has(it));
    const rivals = path === MARKETPLACE_FILE ? [] : (byFolder.get(folder ?? '') ?? []);
    const inner = folder ? path.slice(folder.length + 1) : path;
    const takers =
      rivals.length === 1 ? rivals : rivals.filter(({ entry }) => claims(entry, inner));
    for (const taker of takers) taker.files.set(inner, file);
    if (takers.length === 0) rest.set(path, file);
  }
  return rest;
}

/** Of several entries with one folder, each has what it lists; one that lists nothing has all. */
function claims({ fields }: Entry, inner: string): boolean {
  const lists = ['skills', 'agents', 'commands', 'hooks', 'mcpServers'];
  const paths = lists.flatMap((list) => statedPaths(fields, list));
  return paths.length === 0 || paths.some((path) => inner === path || isBelow(path, inner));
}

/** `a/b/c` → `a/b`, `a`, ``. */
function foldersAround(path: string): string[] {
  const parts = path.split('/').slice(0, -1);
  return [...parts.map((_, i) => parts.slice(0, parts.length - i).join('/')), ''];
}

const isBelow = (folder: string, path: string): boolean =>
  folder === '' || path.startsWith(`${folder}/`);
