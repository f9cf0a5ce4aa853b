import { LRUCache } from 'lru-cache';
import type { PluginContent } from '../model/object.ts';
import type { PluginRecord } from './record.ts';

export interface ObjectChange {
  configObjectId: string;
  fromDigest: string;
  toDigest: string;
  versionId: string;
}

export interface ObjectDiff {
  added: { configObjectId: string; toDigest: string; versionId: string }[];
  changed: ObjectChange[];
  removed: { configObjectId: string; fromDigest: string }[];
}

const memo = new LRUCache<string, ObjectDiff>({ max: 2000 });

/** What an update changes, object by object. Made once for each pair of contents. */
export function diffObjects(from: PluginContent | undefined, to: PluginRecord): ObjectDiff {
  const key = `${from?.contentDigest ?? ''}\0${to.content.contentDigest}\0${to.commit}`;
  const known = memo.get(key);
  if (known) return known;
  const diff = compareObjects(from, to);
  memo.set(key, diff);
  return diff;
}

function compareObjects(from: PluginContent | undefined, to: PluginRecord): ObjectDiff {
  const before = new Map((from?.objects ?? []).map(({ id, digest }) => [id, digest]));
  const diff: ObjectDiff = { added: [], changed: [], removed: [] };
  for (const { id, digest } of to.content.objects) {
    const fromDigest = before.get(id);
    before.delete(id);
    const versionId = to.versions[id] ?? to.commit;
    if (fromDigest === undefined)
      diff.added.push({ configObjectId: id, toDigest: digest, versionId });
    else if (fromDigest !== digest) {
      diff.changed.push({ configObjectId: id, fromDigest, toDigest: digest, versionId });
    }
  }
  for (const [id, fromDigest] of before) diff.removed.push({ configObjectId: id, fromDigest });
  return diff;
}
