import type { Command } from 'commander';
import { sha256Hex } from '../../src/model/digest.ts';
import { keysOfRole } from '../../src/signing/root.ts';
import type { Cli } from '../cli.ts';
import { createDelivery, type Delivery, type SignedDocument } from '../delivery.ts';
import { VerificationError } from '../errors.ts';
import { followRoots, readFirstRoot, type TrustedRoot, toTrusted } from '../trust/root.ts';

/**
 * The index keys of every root that follows from a trusted one: a checkpoint that was kept may be
 * older than the last rotation.
 *
 * @param rootSha256 what a person was told that a root document must be
 * @throws {VerificationError} `ROOT_MISMATCH`, `ROOT_INVALID`
 */
export async function findIndexKeys(
  cli: Cli,
  command: Command,
  rootSha256: string | undefined,
): Promise<string[]> {
  const startedAtMs = cli.world.clock();
  const { delivery, trusted } = await findTrusted(cli, command, rootSha256);
  const roots = await followRoots(delivery, trusted, startedAtMs);
  return [...new Set(roots.flatMap((root) => keysOfRole(root, 'index')))];
}

async function findTrusted(
  cli: Cli,
  command: Command,
  rootSha256: string | undefined,
): Promise<{ delivery: Delivery; trusted: TrustedRoot }> {
  const session = await cli.session(command).catch(() => undefined);
  const { org = session?.enrolment.org } = cli.credentials(command);
  if (rootSha256 === undefined && session && session.enrolment.org === org) {
    return { delivery: session.delivery, trusted: session.state.root };
  }
  const delivery = createDelivery(cli.connection(command), cli.org(command));
  const root =
    rootSha256 === undefined
      ? await takeItsWord(cli, command, delivery)
      : await findRoot(delivery, rootSha256.replace(/^sha256:/, '').toLowerCase());
  await readFirstRoot(root, cli.org(command));
  return { delivery, trusted: toTrusted(root) };
}

async function takeItsWord(
  cli: Cli,
  command: Command,
  delivery: Delivery,
): Promise<SignedDocument> {
  cli.output(command).warn('the server says itself which keys count: pin them by --root-sha256');
  return await delivery.root(1);
}

/** Any of its versions: which one a person wrote down is not known. */
async function findRoot(delivery: Delivery, sha256: string): Promise<SignedDocument> {
  const newest = await delivery.root();
  const { version } = await readFirstRoot(newest);
  if (sha256Hex(newest.body) === sha256) return newest;
  for (let each = version - 1; each > 0; each--) {
    const root = await delivery.root(each);
    if (sha256Hex(root.body) === sha256) return root;
  }
  const message = `root: the server has none of the digest ${sha256}`;
  throw new VerificationError('ROOT_MISMATCH', message);
}
