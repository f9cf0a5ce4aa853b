import type { FileEntry } from '../../model/digest.ts';
import { WaymarkError } from '../../model/errors.ts';
import type { PluginContent } from '../../model/object.ts';
import { type Board, createBoard, movedFile, renderedFile } from './board.ts';
import { type Merged, mergeHooks, mergeServers } from './claude-lists.ts';
import { makeManifest, updateManifest } from './claude-manifest.ts';
import { MANIFEST, readSharedFiles } from './claude-paths.ts';
import {
  CLAUDE_FOLDER,
  CLAUDE_PLACES,
  type Places,
  parsePlaces,
  placeOfPlain,
} from './claude-places.ts';
import { isPromptType, renderPrompt } from './claude-prompts.ts';
import { bytesOf, type JsonFile } from './json-file.ts';
import type {
  ReadBytes,
  RenderedFile,
  RenderedItem,
  RenderedKey,
  RenderedPlugin,
} from './rendered.ts';
import { readObject, readSpec, type SourceObject } from './source-object.ts';

/**
 * The plugin as Claude Code reads it. A file that came from there and still
 * says what its object says is delivered byte for byte.
 */
export async function renderClaude(
  content: PluginContent,
  read: ReadBytes,
): Promise<RenderedPlugin> {
  const plain = placePlain(content);
  const places = await readPlaces(content, read);
  const readPlain = (path: string): Promise<Buffer> => read(plain.get(path)!.digest);
  const shared = await readSharedFiles((path) => plain.has(path), readPlain);
  const sources: SourceObject[] = [];
  for (const object of content.objects) sources.push(await readObject(content.id, object, read));
  const merged = await mergeShared(content, shared, sources, read);

  const board = createBoard();
  const files = await putPlain(board, plain, shared, read);
  const items: RenderedItem[] = [];
  for (const source of sources) items.push(await renderItem(board, source, merged, places, read));
  return { items, files };
}

/** Every file that belongs to no object, by where it is delivered. */
function placePlain(content: PluginContent): Map<string, FileEntry> {
  const paths = new Set(content.files.map(({ path }) => path));
  const plain = new Map<string, FileEntry>();
  for (const entry of content.files) {
    const place = placeOfPlain(entry.path, (path) => paths.has(path));
    // What is kept for this layout goes before a file that only has the name.
    const isKept = entry.path.startsWith(CLAUDE_FOLDER);
    if (place !== undefined && (isKept || !plain.has(place))) plain.set(place, entry);
  }
  return plain;
}

async function readPlaces(content: PluginContent, read: ReadBytes): Promise<Places> {
  const entry = content.files.find(({ path }) => path === CLAUDE_PLACES);
  return parsePlaces(entry && (await read(entry.digest)));
}

async function mergeShared(
  content: PluginContent,
  shared: Map<string, JsonFile>,
  sources: readonly SourceObject[],
  read: ReadBytes,
): Promise<ReadonlyMap<string, Merged>> {
  const spec = await readSpec(content.id, 'plugin.yaml', content.files, read);
  const manifest = shared.get(MANIFEST);
  if (manifest) updateManifest(manifest, spec);
  else shared.set(MANIFEST, makeManifest(MANIFEST, content.id, spec));

  const taken = sources.filter(({ object }) => !isUnsupported(object.targets['claude']));
  const { firsts, refusals } = partRivals(taken);
  const ofType = (type: string): SourceObject[] =>
    firsts.filter(({ object }) => object.type === type);
  const servers = mergeServers(shared, ofType('mcp'));
  return new Map([...refusals, ...servers, ...mergeHooks(shared, ofType('hook'))]);
}

/** A shared object may bear the name of one of the plugin's own, which then goes first. */
function partRivals(sources: readonly SourceObject[]): {
  firsts: SourceObject[];
  refusals: [string, Merged][];
} {
  const ownFirst = sources.toSorted((a, b) => Number(a.isShared) - Number(b.isShared));
  const firsts = new Map<string, SourceObject>();
  const refusals: [string, Merged][] = [];
  for (const source of ownFirst) {
    const first = firsts.get(source.folder);
    if (!first) firsts.set(source.folder, source);
    else refusals.push([source.object.id, { refusal: `${first.object.id} has the same name` }]);
  }
  return { firsts: [...firsts.values()], refusals };
}

async function putPlain(
  board: Board,
  plain: ReadonlyMap<string, FileEntry>,
  shared: ReadonlyMap<string, JsonFile>,
  read: ReadBytes,
): Promise<RenderedFile[]> {
  const files: RenderedFile[] = [];
  for (const path of new Set([...plain.keys(), ...shared.keys()])) {
    const entry = plain.get(path);
    const edited = shared.get(path);
    const refusal = board.refusalOf(path);
    if (refusal) throw new WaymarkError('REG_INVALID', `layout claude: ${path} ${refusal}`);
    const file =
      edited?.isChanged || !entry
        ? renderedFile(path, bytesOf(edited!), entry?.mode)
        : movedFile(entry, path, await read(entry.digest));
    board.put(file);
    files.push(file);
  }
  return files.sort(byPath);
}

async function renderItem(
  board: Board,
  source: SourceObject,
  merged: ReadonlyMap<string, Merged>,
  places: Places,
  read: ReadBytes,
): Promise<RenderedItem> {
  const { id: objectId, type, targets } = source.object;
  const refused = (why: string): RenderedItem => ({
    objectId,
    files: [],
    keys: [],
    target: `unsupported: ${why}`,
  });
  const target = targets['claude'] ?? 'native';
  if (isUnsupported(target)) return { objectId, files: [], keys: [], target };

  const mergedInto = merged.get(objectId);
  if (mergedInto && 'refusal' in mergedInto) return refused(mergedInto.refusal);
  const keys: RenderedKey[] = mergedInto?.keys ?? [];
  const files = isPromptType(type)
    ? await renderPrompt(type, source, places, read)
    : await renderPayload(source, read);
  for (const { path } of files) {
    const refusal = board.refusalOf(path);
    if (refusal) return refused(`${path} ${refusal}`);
  }
  for (const file of files) board.put(file);
  return { objectId, files: files.sort(byPath), keys, target };
}

const isUnsupported = (target = 'native'): boolean => target.startsWith('unsupported');

async function renderPayload(source: SourceObject, read: ReadBytes): Promise<RenderedFile[]> {
  const files: RenderedFile[] = [];
  for (const { inner, entry } of source.payload) {
    files.push(movedFile(entry, `${source.folder}/${inner}`, await read(entry.digest)));
  }
  return files;
}

function byPath(a: { path: string }, b: { path: string }): number {
  return Buffer.compare(Buffer.from(a.path), Buffer.from(b.path));
}
