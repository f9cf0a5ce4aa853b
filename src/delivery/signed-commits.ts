import type { Commit } from '../git/commit.ts';
import type { ObjectPool } from '../git/object-pool.ts';
import { runGit } from '../git/run.ts';
import { WaymarkError } from '../model/errors.ts';
import { readableKeys, verifyArmored } from '../signing/verify.ts';

export interface CommitRange {
  head: string;
  /** It and all before it were judged when they came. */
  after: string | undefined;
}

/** Each costs a signature check, so that many would hold up everyone's. */
const MOST_COMMITS = 1000;

/**
 * The commits of a range that none of the keys validly signed, newest first.
 * All that lead to `head` are looked at, by whichever parent.
 *
 * @param env of a push in quarantine, for which `pool` was opened too
 * @throws {WaymarkError} `VAL_TOO_LARGE` for more than 1,000 commits
 */
export async function findUnsigned(
  { repo, pool, env }: { repo: string; pool: ObjectPool; env?: Readonly<Record<string, string>> },
  { head, after }: CommitRange,
  keys: readonly string[],
): Promise<string[]> {
  const range = ['--end-of-options', head, ...(after ? [`^${after}`] : []), '--'];
  const list = ['rev-list', `--max-count=${MOST_COMMITS + 1}`, ...range];
  const commits = (await runGit(repo, list, env ? { env } : {})).toString().split('\n');
  const oids = commits.filter(Boolean);
  if (oids.length > MOST_COMMITS) {
    const message = `more than ${MOST_COMMITS} commits at once: bring them in by parts`;
    throw new WaymarkError('VAL_TOO_LARGE', message);
  }
  const readable = await readableKeys(keys);
  const unsigned: string[] = [];
  for (const oid of oids) {
    if (!(await isSigned(await pool.readCommit(oid), readable))) unsigned.push(oid);
  }
  return unsigned;
}

async function isSigned({ signature, signedPayload }: Commit, keys: readonly string[]) {
  if (!signature || !signedPayload) return false;
  try {
    await verifyArmored({ body: signedPayload, signature, keys });
    return true;
  } catch (error) {
    if (error instanceof WaymarkError && error.code === 'SIGN_INVALID') return false;
    throw error;
  }
}

/** For people: the commits at fault by their short names, the first few of them. */
export function describeUnsigned(oids: readonly string[]): string {
  const some = oids.slice(0, 5).map((oid) => oid.slice(0, 12));
  const more = oids.length > some.length ? ` and ${oids.length - some.length} more` : '';
  const signers = 'none of the signers of registry.yaml has validly signed';
  return `${signers} ${some.join(', ')}${more}: sign with git commit -S`;
}
