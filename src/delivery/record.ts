import type { PluginContent } from '../model/object.ts';
import type { Snapshot } from '../registry/snapshot.ts';

/** One plugin as served: its content, and where in history it comes from. */
export interface PluginRecord {
  content: PluginContent;
  /** The first-parent commit that last changed the plugin. */
  commit: string;
  /** How many first-parent commits lead up to it, itself included. */
  seq: number;
  /** Object id → the commit that last changed its bytes. */
  versions: Readonly<Record<string, string>>;
}

/** A commit's paths and its place on the first-parent line, from 1. */
export interface TouchedPaths {
  commit: string;
  ordinal: number;
  paths: readonly string[];
}

type Touch = { commit: string; ordinal: number };

/**
 * Which commit last touched each plugin and each object, for one stretch of
 * first-parent history. Fed newest first: the first sight of a path counts.
 */
export class HistoryIndex {
  readonly #touches = new Map<string, Touch>();

  add({ commit, ordinal, paths }: TouchedPaths): void {
    for (const path of paths) {
      for (const key of keysOf(path)) {
        if (!this.#touches.has(key)) this.#touches.set(key, { commit, ordinal });
      }
    }
  }

  find(key: string): Touch | undefined {
    return this.#touches.get(key);
  }
}

/** A path counts for its plugin and for the object that it lies in. */
function keysOf(path: string): string[] {
  const parts = path.split('/');
  if (parts[0] === 'plugins' && parts.length > 2) {
    const plugin = `plugins/${parts[1]}`;
    return parts.length > 3 ? [plugin, parts.slice(0, 4).join('/')] : [plugin];
  }
  return parts[0] === 'objects' && parts.length > 2 ? [parts.slice(0, 3).join('/')] : [];
}

/** `skills/x.yaml` or `skills/x/skill.yaml` of plugin `p` → the key of that object. */
function objectKey(plugin: string, documentPath: string): string {
  const parts = documentPath.split('/');
  if (parts[0] === 'objects') return parts.slice(0, 3).join('/');
  return ['plugins', plugin, ...parts.slice(0, 2)].join('/');
}

/** Some object was last changed before the base, and the base did not list it: read all of history. */
export class HistoryTooShort extends Error {}

/**
 * The records of a snapshot. A plugin that the stretch of history did not touch
 * keeps the base's record. One that was changed and changed back does not: its
 * bytes are the same, but it comes from another commit.
 *
 * @param base undefined when `history` reaches back to the first commit
 * @throws {HistoryTooShort}
 */
export function recordPlugins(
  snapshot: Snapshot,
  base: ReadonlyMap<string, PluginRecord> | undefined,
  history: HistoryIndex,
): Map<string, PluginRecord> {
  const records = new Map<string, PluginRecord>();
  for (const [id, content] of snapshot.contents) {
    records.set(id, recordOf(content, base?.get(id), history));
  }
  return records;
}

function recordOf(
  content: PluginContent,
  known: PluginRecord | undefined,
  history: HistoryIndex,
): PluginRecord {
  const touches = touchesOf(content, history);
  // For every plugin of the registry at each push: nearly all of them end here.
  if (known && touches.length === 0) return known;
  const newest = touches.reduce((a, b) => (b.ordinal > a.ordinal ? b : a), NEVER);
  const versions = new Map<string, string>();
  for (const { id, documentPath } of content.objects) {
    const touch = history.find(objectKey(content.id, documentPath));
    versions.set(id, touch?.commit ?? knownVersion(known, id));
  }
  const { commit, ordinal: seq } = newest;
  return { content, commit, seq, versions: Object.fromEntries(versions) };
}

const NEVER: Touch = { commit: '', ordinal: 0 };

/** What changed the plugin's folder or a shared object that it includes. */
function touchesOf({ id, shared }: PluginContent, history: HistoryIndex): Touch[] {
  const keys = [`plugins/${id}`, ...Object.keys(shared)];
  return keys.flatMap((key) => history.find(key) ?? []);
}

function knownVersion(known: PluginRecord | undefined, id: string): string {
  const versions = known?.versions ?? {};
  if (Object.hasOwn(versions, id)) return versions[id]!;
  throw new HistoryTooShort(`nothing says which commit last changed ${id}`);
}
