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
  const inside = documentPath.startsWith('objects/')
    ? documentPath
    : `plugins/${plugin}/${documentPath}`;
  return inside
    .split('/')
    .slice(0, documentPath.startsWith('objects/') ? 3 : 4)
    .join('/');
}

/**
 * The records of a snapshot. Plugins whose content is the base's keep their
 * record; of the others, what the stretch of history touched is new.
 *
 * @param head what an untouched object without a base is put down to; only a
 *   history that git could not tell leads there
 */
export function recordPlugins(
  snapshot: Snapshot,
  base: ReadonlyMap<string, PluginRecord>,
  history: HistoryIndex,
  head: Touch,
): Map<string, PluginRecord> {
  const records = new Map<string, PluginRecord>();
  for (const [id, content] of snapshot.contents) {
    const known = base.get(id);
    const isSame =
      known?.content.contentDigest === content.contentDigest && known.content.tree === content.tree;
    records.set(id, isSame ? known : recordOf(content, known, history, head));
  }
  return records;
}

function recordOf(
  content: PluginContent,
  known: PluginRecord | undefined,
  history: HistoryIndex,
  head: Touch,
): PluginRecord {
  const { id } = content;
  const base = known && { commit: known.commit, ordinal: known.seq };
  let last = history.find(`plugins/${id}`) ?? base ?? head;
  const versions: Record<string, string> = {};
  for (const { id: objectId, documentPath } of content.objects) {
    const touch = history.find(objectKey(id, documentPath));
    versions[objectId] = touch?.commit ?? known?.versions[objectId] ?? head.commit;
    if (touch && documentPath.startsWith('objects/') && touch.ordinal > last.ordinal) last = touch;
  }
  return { content, commit: last.commit, seq: last.ordinal, versions };
}
