import { createRepository } from './repository.ts';
import { runGit } from './run.ts';

const TIMEOUT_SEC = 3600;

/** Full ref name → oid. */
export type RefList = Readonly<Record<string, string>>;

/**
 * Writes all that a repository's refs lead to into one file, hidden refs too, and answers the
 * refs. No file where there are none: git makes no empty bundle.
 *
 * @throws {GitError}
 */
export async function bundleRepository(repo: string, file: string): Promise<RefList> {
  if ((await runGit(repo, ['for-each-ref', '--count=1'])).length === 0) return {};
  await runGit(repo, ['bundle', 'create', '--quiet', file, '--all'], { timeoutSec: TIMEOUT_SEC });
  const heads = (await runGit(repo, ['bundle', 'list-heads', file])).toString();
  const refs = heads.split('\n').flatMap((line) => {
    const [oid = '', ref = ''] = line.split(' ');
    return ref.startsWith('refs/') ? [[ref, oid] as const] : [];
  });
  return Object.fromEntries(refs);
}

/**
 * Makes a repository with the refs of a bundle, and whatever they lead to.
 *
 * @param file undefined for one without refs
 * @throws {GitError} also where something that a ref leads to is missing
 */
export async function unbundleRepository(file: string | undefined, repo: string): Promise<RefList> {
  await createRepository(repo);
  if (file === undefined) return {};
  const options = ['--quiet', '--no-tags', '--no-write-fetch-head'];
  await runGit(repo, ['fetch', ...options, file, '+refs/*:refs/*'], { timeoutSec: TIMEOUT_SEC });
  const refs = (
    await runGit(repo, ['for-each-ref', '--format=%(refname) %(objectname)'])
  ).toString();
  const lines = refs.split('\n').filter(Boolean);
  return Object.fromEntries(lines.map((line) => line.split(' ') as [string, string]));
}
