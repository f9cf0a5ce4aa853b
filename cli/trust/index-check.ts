import type { RootDocument } from '../../src/signing/root.ts';
import { VerificationError } from '../errors.ts';
import { parseFields } from './fields.ts';
import type { Index, IndexEntry } from './index-document.ts';
import { checkSignature } from './signature.ts';

/** What is remembered of a channel from the last index that was accepted. */
export interface SeenChannel {
  sequence: number;
  plugins: Readonly<Record<string, { seq: number; contentDigest: string }>>;
}

export const UNSEEN: SeenChannel = { sequence: 0, plugins: {} };

export interface IndexTerms {
  root: RootDocument;
  channel: string;
  seen: SeenChannel;
  /** The start of this run, in milliseconds since the Unix epoch. */
  startedAtMs: number;
}

/**
 * Refuses an index that must not be acted on. Its signature is checked before.
 *
 * @throws {VerificationError} `INDEX_MISMATCH`, `INDEX_EXPIRED`, `INDEX_ROLLED_BACK`,
 *   `ROOT_ROLLED_BACK`, `RELEASE_VANISHED`
 * @see docs/spec/delivery.md, "Index"; TUF specification 1.0.34, section 5.4
 */
export async function checkIndex(index: Index, terms: IndexTerms): Promise<void> {
  checkAddressed(index, terms);
  checkFresh(index, terms);
  for (const [plugin, entry] of index.plugins) {
    await checkNotWithdrawn(plugin, entry, index, terms);
  }
}

/** Another org's index, or another channel's, may be signed by a key that we trust. */
function checkAddressed(index: Index, { root, channel }: IndexTerms): void {
  if (index.orgUid !== root.orgUid || index.org !== root.org) {
    const message = `index: it is the one of org ${index.org} (${index.orgUid}), not of ${root.org}`;
    throw new VerificationError('INDEX_MISMATCH', message);
  }
  if (index.channel !== channel) {
    const message = `index: it is for the channel ${index.channel}, asked was ${channel}`;
    throw new VerificationError('INDEX_MISMATCH', message);
  }
}

function checkFresh(index: Index, { root, seen, startedAtMs }: IndexTerms): void {
  // Freeze: an old index, genuinely signed, would hide a yank. Negated so that
  // a time that does not parse (NaN) is refused as well.
  if (!(Date.parse(index.expiresAt) > startedAtMs)) {
    throw new VerificationError(
      'INDEX_EXPIRED',
      `index: it expired at ${index.expiresAt}. If that is in the future, set this machine's clock`,
    );
  }
  // Rollback. An equal sequence is the everyday case: nothing is new.
  if (index.sequence < seen.sequence) {
    throw new VerificationError(
      'INDEX_ROLLED_BACK',
      `index: sequence ${index.sequence} is older than ${seen.sequence}, which was seen before`,
    );
  }
  // A server that withholds a rotation would keep a revoked key in use.
  if (index.rootVersion !== root.version) {
    throw new VerificationError(
      'ROOT_ROLLED_BACK',
      `index: it was made under root ${index.rootVersion}, the newest that the server gave is ${root.version}`,
    );
  }
}

/** A listed release does not vanish: it is replaced by a later one, or its end is stated. */
async function checkNotWithdrawn(
  plugin: string,
  entry: IndexEntry,
  index: Index,
  { root, seen }: IndexTerms,
): Promise<void> {
  const before = Object.hasOwn(seen.plugins, plugin) ? seen.plugins[plugin] : undefined;
  if (!before || entry.seq > before.seq) return;
  if (entry.seq === before.seq) {
    if (entry.contentDigest === before.contentDigest) return;
    const message = `index: ${plugin} ${entry.version} has other content than it had before`;
    throw new VerificationError('RELEASE_VANISHED', message);
  }
  await checkDowngrade(plugin, entry, before.seq, index, root);
}

async function checkDowngrade(
  plugin: string,
  { seq, contentDigest, downgrade, version }: IndexEntry,
  fromSeq: number,
  { channel }: Index,
  root: RootDocument,
): Promise<void> {
  const what = `index: ${plugin} goes back to ${version}`;
  if (!downgrade) {
    throw new VerificationError('RELEASE_VANISHED', `${what}, and nothing signed says why`);
  }
  const body = Buffer.from(downgrade.statement);
  const signature = Buffer.from(downgrade.signature, 'base64');
  await checkSignature({ body, signature }, root, 'release', what);

  const statement = parseFields(body, what);
  const isMeant =
    statement.text('_type') === 'downgrade' &&
    statement.text('orgUid') === root.orgUid &&
    statement.text('channel') === channel &&
    statement.text('pluginId') === plugin &&
    // It may state a longer way back than ours, when we were away for a while.
    statement.count('fromSeq') >= fromSeq &&
    statement.count('toSeq') === seq &&
    statement.digest('contentDigest') === contentDigest;
  if (!isMeant) {
    throw new VerificationError(
      'RELEASE_VANISHED',
      `${what}, but the statement is for another step`,
    );
  }
}
