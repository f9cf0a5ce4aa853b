import type { Refs, RefUpdate } from '../git/refs.ts';
import type { WantedRef } from '../git/remote.ts';
import { ZERO_OID } from '../model/names.ts';
import { isReleaseName } from '../release/accept-tag.ts';
import type { Finding } from './conditions.ts';
import type { Condition } from './upstream.ts';

const TAGS = 'refs/tags/';
const UPSTREAM_TAGS = 'refs/upstream/tags/';

/** The tags that might be releases; others are none of ours. */
export const TAG_PATTERNS = ['refs/tags/*--v*', 'refs/tags/release/*'];

/** Where an upstream's ref is kept: `refs/heads/main` → `refs/upstream/heads/main`. */
export const upstreamRef = (ref: string): string => ref.replace(/^refs\//, 'refs/upstream/');

/** Keeps that somebody removed a tag over there: it is not to be pushed again. */
export const goneRef = (ref: string): string => ref.replace(/^refs\//, 'refs/upstream/gone/');

interface Listed {
  /** The followed one, as the upstream names it. */
  branch: string;
  /** What the upstream has: ref → oid. */
  listed: ReadonlyMap<string, string>;
  /** Those that hold since earlier syncs. */
  conditions: readonly Condition[];
}

/** What to fetch and forget, and what is found without fetching: tags never move. */
export async function planFetch(
  refs: Refs,
  { branch, listed, conditions }: Listed,
): Promise<{ wanted: WantedRef[]; gone: RefUpdate[]; findings: Finding[] }> {
  const stored = await refs.list('refs/upstream/');
  const released = await refs.list(TAGS);
  const isAccepted = (ref: string, oid: string) =>
    conditions.some((one) => one.ref === ref && one.new === oid && one.acceptedAt !== null);
  const wanted: WantedRef[] = [];
  const gone: RefUpdate[] = [];
  const findings: Finding[] = [];

  const head = listed.get(branch)!;
  if (stored.get(upstreamRef(branch)) !== head) {
    wanted.push({ oid: head, ref: upstreamRef(branch), isForced: isAccepted(branch, head) });
  }
  for (const [tag, oid] of listed) {
    if (!tag.startsWith(TAGS) || !isReleaseName(tag.slice(TAGS.length))) continue;
    const old = stored.get(upstreamRef(tag)) ?? released.get(tag);
    const isNew = old === undefined || isAccepted(tag, oid);
    if (!isNew && old !== oid) findings.push({ kind: 'tag-moved', ref: tag, old, new: oid });
    const isStored = stored.get(upstreamRef(tag)) === oid;
    if ((isNew || old === oid) && !isStored) {
      wanted.push({ oid, ref: upstreamRef(tag), isForced: isNew && old !== undefined });
    }
  }
  for (const [ref, old] of stored) {
    const tag = `${TAGS}${ref.slice(UPSTREAM_TAGS.length)}`;
    if (!ref.startsWith(UPSTREAM_TAGS) || listed.has(tag)) continue;
    if (isAccepted(tag, ZERO_OID)) {
      gone.push({ ref: goneRef(tag), oldOid: ZERO_OID, newOid: old });
      gone.push({ ref, oldOid: old, newOid: ZERO_OID });
    } else findings.push({ kind: 'tag-vanished', ref: tag, old, new: ZERO_OID });
  }
  return { wanted, gone, findings };
}
