import { type FoundHook, findHooks, groupsOf, isSameHook, writeHook } from './claude-hook.ts';
import { findLists, type ListPlace, type SharedList, STANDARD_FILE } from './claude-paths.ts';
import { findServers, isSameServer, mapTexts, readServer, writeServer } from './claude-server.ts';
import { type JsonFile, toPointer, valueDigest } from './json-file.ts';
import { type Fields, isFields } from './markdown.ts';
import type { RenderedKey } from './rendered.ts';
import { fromPluginRoot, type SourceObject } from './source-object.ts';

/** What merging gives for one object. */
export type Merged = { keys: RenderedKey[] } | { refusal: string };
export type MergedById = Map<string, Merged>;

type Files = Map<string, JsonFile>;

/** Brings the files that hold MCP servers in line with the Mcp objects; entries that agree are left alone. */
export function mergeServers(files: Files, sources: readonly SourceObject[]): MergedById {
  const merged: MergedById = new Map();
  const remaining = new Map(sources.map((source) => [source.name, source]));
  for (const { name, key, place, entry, spec } of findServers(findLists(files, 'mcpServers'))) {
    if (!spec) continue;
    const source = remaining.get(name);
    remaining.delete(name);
    if (!source) {
      delete place.list[key];
      place.file.isChanged = true;
      continue;
    }
    const wanted = withRootPaths(source);
    if (!isSameServer(spec, wanted)) {
      const { unmapped } = readServer(entry);
      const kept = Object.entries(entry as Fields).filter(([field]) => unmapped.includes(field));
      place.list[key] = { ...writeServer(wanted), ...Object.fromEntries(kept) };
      place.file.isChanged = true;
    }
    merged.set(source.object.id, { keys: [keyOf(place, [key], place.list[key])] });
  }
  for (const source of remaining.values()) merged.set(source.object.id, addServer(files, source));
  return merged;
}

function addServer(files: Files, source: SourceObject): Merged {
  const place = standardList(files, 'mcpServers');
  const { name } = source;
  if (Object.hasOwn(place.list, name)) {
    return { refusal: `${place.file.path} already holds another server ${name}` };
  }
  place.list[name] = writeServer(withRootPaths(source));
  place.file.isChanged = true;
  return { keys: [keyOf(place, [name], place.list[name])] };
}

/** The same for hook handlers. */
export function mergeHooks(files: Files, sources: readonly SourceObject[]): MergedById {
  const idByHandler = new Map<unknown, string>();
  const remaining = new Map(sources.map((source) => [source.name, source]));
  for (const hook of findHooks(findLists(files, 'hooks'))) {
    if (!hook.spec) continue;
    const source = remaining.get(hook.name);
    const handler = source && updated(hook, hook.spec, withRootPaths(source));
    if (handler === hook.entry) {
      idByHandler.set(handler, source!.object.id);
    } else {
      const at = hook.handlers.indexOf(hook.entry);
      hook.handlers.splice(at, 1, ...(handler ? [handler] : []));
      hook.place.file.isChanged = true;
      if (handler) idByHandler.set(handler, source!.object.id);
    }
    if (handler) remaining.delete(hook.name);
  }
  for (const source of remaining.values()) {
    idByHandler.set(addHook(files, withRootPaths(source)), source.object.id);
  }
  const lists = findLists(files, 'hooks');
  for (const place of lists) if (place.file.isChanged) dropEmptyGroups(place.list);
  return hookKeys(lists, idByHandler);
}

/** The handler in its old place, or undefined where it no longer belongs there. */
function updated(hook: FoundHook, old: Fields, wanted: Fields): unknown {
  if (isSameHook(old, wanted)) return hook.entry;
  const isThere = wanted['event'] === hook.event && wanted['matcher'] === hook.matcher;
  return isThere ? writeHook(wanted, hook.entry as Fields) : undefined;
}

function addHook(files: Files, spec: Fields): Fields {
  const place = standardList(files, 'hooks');
  const event = String(spec['event']);
  const handler = writeHook(spec);
  const matcher = spec['matcher'];
  const group = { ...(matcher === undefined ? {} : { matcher }), hooks: [handler] };
  const groups = place.list[event];
  place.list[event] = Array.isArray(groups) ? [...(groups as unknown[]), group] : [group];
  place.file.isChanged = true;
  return handler;
}

function dropEmptyGroups(list: Fields): void {
  for (const [event, groups] of Object.entries(list)) {
    if (!Array.isArray(groups)) continue;
    const full = groups.filter((group) => !isFields(group) || !isEmpty(group['hooks']));
    if (full.length > 0) list[event] = full;
    else delete list[event];
  }
}

function hookKeys(places: readonly ListPlace[], idByHandler: Map<unknown, string>): MergedById {
  const merged: MergedById = new Map();
  for (const place of places) {
    for (const [event, groups] of Object.entries(place.list)) {
      for (const { group, handlers } of groupsOf(groups)) {
        const at = (groups as unknown[]).indexOf(group);
        handlers.forEach((handler, i) => {
          const id = idByHandler.get(handler);
          if (id === undefined) return;
          merged.set(id, { keys: [keyOf(place, [event, at, 'hooks', i], handler)] });
        });
      }
    }
  }
  return merged;
}

/** The list in the file that the tool reads first; made where there is none. */
function standardList(files: Files, list: SharedList): ListPlace {
  const path = STANDARD_FILE[list];
  const known = findLists(files, list).find(({ file }) => file.path === path);
  if (known) return known;
  const file = files.get(path) ?? { path, value: {}, isChanged: true };
  const entries: Fields = {};
  file.value[list] = entries;
  files.set(path, file);
  return { file, at: [list], list: entries };
}

function withRootPaths(source: SourceObject): Fields {
  const { command, args, ...others } = source.spec;
  const resolved = mapTexts({ command, args }, (word) => fromPluginRoot(word, source)) as Fields;
  const given = Object.entries(resolved).filter(([, value]) => value !== undefined);
  return { ...others, ...Object.fromEntries(given) };
}

function keyOf(place: ListPlace, rest: (string | number)[], value: unknown): RenderedKey {
  const pointer = toPointer([...place.at, ...rest]);
  return { file: place.file.path, pointer, digest: valueDigest(value) };
}

const isEmpty = (value: unknown): boolean => Array.isArray(value) && value.length === 0;
