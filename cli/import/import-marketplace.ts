import { TYPE_OF_FOLDER } from '../../src/model/names.ts';
import { type Fields, isFields } from '../../src/registry/layout/markdown.ts';
import { toName } from '../../src/registry/layout/object-name.ts';
import { importPlugin } from './import-plugin.ts';
import { MARKETPLACE_FILE, type Marketplace, readMarketplace } from './marketplace.ts';
import { type Partition, type PluginFolder, partFiles } from './plugin-folders.ts';
import type { PluginImport } from './plugin-import.ts';
import { asTitle, documentFile } from './registry-document.ts';
import type { Difference, ImportReport, Note } from './report.ts';
import { type Files, fileOf, readSourceTree } from './source-tree.ts';

/** A registry in the making. */
export interface Import {
  id: string;
  /** By path in the registry; registry.yaml is left to the one who writes. */
  files: Files;
  report: ImportReport;
}

const PATH_LIMIT = 200;

/** Where an import keeps its report, and what belongs to no plugin. */
export const importFolder = (id: string): string => `docs/import/${id}`;
export const REPORT_FILE = 'import-report.json';

/**
 * Turns the folder of a Claude Code marketplace into registry files. The same
 * folder always gives the same bytes.
 *
 * @throws {Failure} when the folder holds no marketplace
 */
export async function importMarketplace(root: string): Promise<Import> {
  const tree = await readSourceTree(root);
  const market = await readMarketplace(tree.files);
  const id = toName(market.name, 63) || 'imported';
  const partition = await partFiles(market, tree.files);
  const notes = [...tree.notes, ...partition.notes];
  const files: Files = new Map();
  const differences: Difference[] = [];
  const counts = new Counts();
  for (const folder of partition.plugins) {
    const dropped = [
      ...droppedIn(folder, partition.plugins, tree.notes),
      ...dropUnholdable(folder, notes),
    ];
    const plugin = await importPlugin(folder.id, folder.entry, folder.files);
    for (const path of dropped) plugin.differ(path, 'missing');
    for (const [path, file] of plugin.output) files.set(`plugins/${folder.id}/${path}`, file);
    notes.push(...plugin.notes);
    differences.push(...plugin.differences);
    counts.add(plugin);
  }
  keepRest(id, partition.rest, files, notes);
  files.set(`marketplaces/${id}.yaml`, listOf(market, partition, notes));
  const report: ImportReport = {
    marketplace: { id, name: market.name, entries: market.entries.length },
    counts: { plugins: partition.plugins.length, ...counts.byType, files: tree.files.size },
    plugins: partition.plugins.map(({ id, entry, folder }) => ({ id, name: entry.name, folder })),
    differences,
    notes,
  };
  files.set(`${importFolder(id)}/${REPORT_FILE}`, fileOf(`${JSON.stringify(report, null, 2)}\n`));
  return { id, files, report };
}

/** Config objects by type. */
class Counts {
  readonly byType: Record<string, number> = { skill: 0, agent: 0, command: 0, mcp: 0, hook: 0 };

  add(plugin: PluginImport): void {
    for (const path of plugin.output.keys()) {
      const [folder = '', name = '', file] = path.split('/');
      const type = TYPE_OF_FOLDER.get(folder);
      if (type === undefined) continue;
      const isDocument = file === undefined ? name.endsWith('.yaml') : file === `${type}.yaml`;
      if (isDocument) this.byType[type] = (this.byType[type] ?? 0) + 1;
    }
  }
}

/** What reading the source left out of the plugin's folder. */
function droppedIn(
  plugin: PluginFolder,
  all: readonly PluginFolder[],
  notes: readonly Note[],
): string[] {
  const start = (folder: string): string => (folder === '' ? '' : `${folder}/`);
  const own = start(plugin.folder);
  const inner = all.map(({ folder }) => start(folder)).filter((it) => it.length > own.length);
  const dropped = notes.filter(
    ({ path }) => path.startsWith(own) && !inner.some((it) => path.startsWith(it)),
  );
  return dropped.map(({ path }) => path.slice(own.length));
}

/** Takes out what would break a rule of the registry's tree. Answers the paths. */
function dropUnholdable({ id, folder, files }: PluginFolder, notes: Note[]): string[] {
  const dropped: string[] = [];
  for (const path of files.keys()) {
    const longest = `plugins/${id}/.layouts/claude/${path}`.length;
    if (longest <= PATH_LIMIT) continue;
    files.delete(path);
    dropped.push(path);
    const message = 'not imported: its path is too long';
    notes.push({ code: 'file-dropped', path: `${folder}/${path}`, message });
  }
  return dropped;
}

function keepRest(id: string, rest: Files, files: Files, notes: Note[]): void {
  for (const [path, file] of rest) {
    const kept = `${importFolder(id)}/${path}`;
    if (kept.length <= PATH_LIMIT) files.set(kept, file);
    else notes.push({ code: 'file-dropped', path, message: 'not imported: its path is too long' });
  }
}

function listOf({ name, fields }: Marketplace, { plugins }: Partition, notes: Note[]) {
  const { name: _name, plugins: _plugins, owner, description, metadata, ...others } = fields;
  const nested = isFields(metadata) ? metadata : {};
  const words = description ?? nested['description'];
  const spec: Fields = {
    ...(typeof words === 'string' && words.length <= 4096 ? { description: words } : {}),
    ...ownerOf(owner),
    plugins: plugins.filter(({ isListed }) => isListed).map(({ id }) => id),
  };
  const unmapped = Object.keys(nested).filter((field) => field !== 'description');
  for (const field of [...Object.keys(others), ...unmapped.map((it) => `metadata.${it}`)]) {
    const message = `said by the kept ${MARKETPLACE_FILE} alone`;
    notes.push({ code: 'field-in-original', path: MARKETPLACE_FILE, field, message });
  }
  return documentFile('Marketplace', { title: asTitle(name), spec });
}

function ownerOf(owner: unknown): Fields {
  if (!isFields(owner) || typeof owner['name'] !== 'string') return {};
  const { email, url } = owner;
  const name = asTitle(owner['name']);
  if (name === undefined) return {};
  const isShort = (text: unknown, limit: number): boolean =>
    typeof text === 'string' && text.length <= limit;
  return {
    owner: {
      name,
      ...(isShort(email, 320) ? { email } : {}),
      ...(isShort(url, 2048) ? { url } : {}),
    },
  };
}
