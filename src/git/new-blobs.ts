import { runGit } from './run.ts';

export interface NamedBlob {
  oid: string;
  /** One of the paths that it has. */
  path: string;
}

/**
 * The blobs that commits up to `head` bring, in any of them, and that no ref has held before.
 *
 * @param env of a push's quarantine, where the objects still are in one
 */
export async function newBlobs(
  repo: string,
  head: string,
  env: Readonly<Record<string, string>>,
): Promise<NamedBlob[]> {
  const blobs = ['--objects', '--filter=object:type=blob'];
  const listed = await runGit(repo, ['rev-list', ...blobs, head, '--not', '--all'], { env });
  // A commit stands there without a name.
  return listed
    .toString()
    .split('\n')
    .filter((line) => line[40] === ' ')
    .map((line) => ({ oid: line.slice(0, 40), path: line.slice(41) }));
}
