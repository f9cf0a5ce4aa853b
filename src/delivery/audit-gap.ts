import type { AuditEntry, AuditStore } from '../audit/entry.ts';
import { toTime } from '../model/clock.ts';
import type { Intent, ReleaseRow } from './publication.ts';

const MAIN = 'refs/heads/main';

export interface Look {
  org: string;
  /** The head of `main` that the database knew of, '' for none, and the one that git has. */
  desired: string;
  head: string | undefined;
  /** Releases that no row stood for. */
  added: readonly ReleaseRow[];
  /** What this look finds explained. */
  done: readonly Intent[];
}

/**
 * An entry for every ref that stands where neither an intent nor an earlier entry has brought it:
 * the database is older than the repository, or somebody wrote to that past us.
 *
 * @see docs/spec/audit.md, "Entries"
 */
export async function findAuditGaps(
  audit: Pick<AuditStore, 'tells'>,
  { org, desired, head, added, done }: Look,
  nowMs: number,
): Promise<AuditEntry[]> {
  const moves = new Map(added.map(({ tag, tagOid }) => [`refs/tags/${tag}`, tagOid]));
  if (head !== undefined && head !== desired) moves.set(MAIN, head);
  for (const { ref, new: newOid } of done) if (moves.get(ref) === newOid) moves.delete(ref);
  const entries: AuditEntry[] = [];
  for (const [ref, after] of moves) {
    // An earlier look may have closed its intent, when it saw the ref move while it was compiling.
    if (await audit.tells(org, ref, after)) continue;
    entries.push({
      at: toTime(nowMs),
      tenant: org,
      actor: 'system:reconciler',
      action: 'audit.gap',
      resource: ref,
      before: ref === MAIN && desired !== '' ? desired : null,
      after,
    });
  }
  return entries;
}
