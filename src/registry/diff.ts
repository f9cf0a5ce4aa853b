import { isDeepStrictEqual } from 'node:util';
import { fragmentsOf } from './compile.ts';
import type { Fragment } from './fragment.ts';
import type { Kind } from './kinds.ts';
import { placeOf } from './path-rules.ts';
import type { ConfigFolder, Snapshot } from './snapshot.ts';

/** Something with an identity of its own in a registry: a plugin, a config object, a document. */
export interface DiffItem {
  kind: Kind;
  /** A plugin's or an object's id; a document's name, below its plugin's or environment's. */
  id: string;
  path: string;
  /** Null for what belongs to none. */
  plugin: string | null;
  /** Of what is in both: what differs of its summary or spec. Absent where only content does. */
  fields?: readonly string[];
}

/** Each by path; `changed` as it is after. */
export interface SnapshotDiff {
  added: DiffItem[];
  removed: DiffItem[];
  changed: DiffItem[];
}

/** An item, and what decides whether it has changed. */
interface Entry extends DiffItem {
  /** What it is known by. */
  key: string;
  /** An oid or a digest. */
  content: string;
  summary: Readonly<Record<string, unknown>>;
}

/**
 * What two registries differ in, object by object. Objects go by their id: one
 * that only moved is no change. A plugin has changed when what its clients get,
 * or its server part, has.
 *
 * @param before undefined for a registry without a commit
 */
export function diffSnapshots(before: Snapshot | undefined, after: Snapshot): SnapshotDiff {
  const olds = before ? entriesOf(before, after) : new Map<string, Entry>();
  const news = entriesOf(after, before);
  const diff: SnapshotDiff = { added: [], removed: [], changed: [] };
  for (const [key, entry] of news) {
    const old = olds.get(key);
    if (!old) diff.added.push(shown(entry));
    else if (old.content !== entry.content) diff.changed.push(shown(entry, fieldsOf(old, entry)));
  }
  for (const [key, entry] of olds) if (!news.has(key)) diff.removed.push(shown(entry));
  for (const items of [diff.added, diff.removed, diff.changed]) items.sort(byPath);
  return diff;
}

const byPath = (a: DiffItem, b: DiffItem) =>
  Buffer.compare(Buffer.from(a.path), Buffer.from(b.path));

const shown = ({ kind, id, path, plugin }: Entry, fields: string[] = []): DiffItem => ({
  kind,
  id,
  path,
  plugin,
  ...(fields.length > 0 ? { fields } : {}),
});

const fieldsOf = (old: Entry, next: Entry): string[] =>
  [...new Set([...Object.keys(old.summary), ...Object.keys(next.summary)])]
    .filter((name) => !isDeepStrictEqual(old.summary[name], next.summary[name]))
    .sort();

/** Without the folders that both hold: a registry has thousands of objects, an edit a few. */
function entriesOf(snapshot: Snapshot, other: Snapshot | undefined): Map<string, Entry> {
  const shared = new Set(other && fragmentsOf(other).map(({ root, tree }) => `${root} ${tree}`));
  const fragments = fragmentsOf(snapshot).filter(
    ({ root, tree }) => !shared.has(`${root} ${tree}`),
  );
  const folders = [...snapshot.config.values()].filter(
    ({ root, tree }) => root === '' || other?.config.get(root)?.tree !== tree,
  );
  const entries = [
    // All of them: a shared object changes plugins whose folders are the same.
    ...[...snapshot.plugins].map(([id, fragment]) => pluginEntry(snapshot, id, fragment)),
    ...fragments.flatMap(objectEntries),
    ...folders.flatMap(documentEntries),
  ];
  return new Map(entries.map((entry) => [entry.key, entry]));
}

function pluginEntry({ contents }: Snapshot, id: string, { root, plugin }: Fragment): Entry {
  const path = `${root}/plugin.yaml`;
  const { contentDigest, serverDigest } = contents.get(id)!;
  const content = `${contentDigest} ${serverDigest}`;
  return { key: path, kind: 'Plugin', id, path, plugin: id, content, summary: { ...plugin } };
}

function objectEntries({ root, objects }: Fragment): Entry[] {
  const plugin = root === 'objects' ? null : root.slice('plugins/'.length);
  return objects.map(({ id, documentPath, oid, ...object }) => {
    const path = `${root}/${documentPath}`;
    const { title, description, requires, inputs, targets } = object;
    const summary = { title, description, requires, inputs, targets };
    const kind = placeOf(path).role as Kind;
    return { key: `object ${id}`, kind, id, path, plugin, content: oid, summary };
  });
}

function documentEntries({ documents }: ConfigFolder): Entry[] {
  return documents.map(({ kind, name, parent, path, oid, metadata, spec }) => ({
    key: path,
    kind,
    id: parent === undefined ? name : `${parent}/${name}`,
    path,
    plugin: kind === 'ReleaseStatus' ? (parent ?? null) : null,
    content: oid,
    summary: { ...metadata, ...spec },
  }));
}
