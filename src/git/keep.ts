import { openRefs } from './refs.ts';
import { runGit } from './run.ts';
import { countWriter } from './writers.ts';

/** Hidden from every client by `transfer.hideRefs`. */
const KEEP = 'refs/internal/keep/';

/**
 * Pins these objects and what they reach, and lets go of the others that were
 * pinned: before any collecting of garbage, which takes what no ref reaches.
 *
 * @throws {GitError} when one of them is not there; then nothing has changed
 */
export async function keepObjects(repo: string, oids: ReadonlySet<string>): Promise<void> {
  const refs = openRefs(repo);
  const held = await refs.list(KEEP);
  const added = [...oids].filter((oid) => !held.has(`${KEEP}${oid}`));
  const dropped = [...held].filter(([ref]) => !oids.has(ref.slice(KEEP.length)));
  const lines = [
    ...added.map((oid) => `create ${KEEP}${oid} ${oid}\n`),
    ...dropped.map(([ref, oid]) => `delete ${ref} ${oid}\n`),
  ];
  if (lines.length === 0) return;
  const discount = countWriter(repo);
  try {
    await runGit(repo, ['update-ref', '--stdin'], { input: lines.join('') });
  } finally {
    discount();
  }
}
