import { type NamedBlob, newBlobs } from '../git/new-blobs.ts';
import type { ObjectPool } from '../git/object-pool.ts';
import type { Diagnostic } from '../model/diagnostic.ts';
import { WaymarkError } from '../model/errors.ts';
import { scanForSecrets } from '../registry/secret-scan.ts';

/** Read at once, and then let go: a push may bring more than fits in memory. */
const AT_ONCE = 256;

/**
 * Secrets in what a push brings. Every commit of it is looked at, since what a later one removes
 * stays in the history; and every branch, since whoever may read one may read all.
 */
export async function findPushedSecrets(
  { repo, pool, env }: { repo: string; pool: ObjectPool; env: Readonly<Record<string, string>> },
  head: string,
): Promise<Diagnostic[]> {
  const blobs = await newBlobs(repo, head, env);
  const found: Diagnostic[] = [];
  for (let at = 0; at < blobs.length; at += AT_ONCE) {
    const files = await Promise.all(blobs.slice(at, at + AT_ONCE).map((blob) => read(pool, blob)));
    found.push(...(await scanForSecrets(files)));
  }
  return found;
}

async function read(pool: ObjectPool, { oid, path }: NamedBlob) {
  const bytes = await pool.readBlob(oid).catch((error: unknown) => {
    // On a branch there may be anything; on main it is refused for its size.
    if (error instanceof WaymarkError && error.code === 'VAL_TOO_LARGE') return Buffer.alloc(0);
    throw error;
  });
  return { path, bytes };
}
