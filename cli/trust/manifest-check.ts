import { contentDigest } from '../../src/model/digest.ts';
import { VerificationError } from '../errors.ts';
import type { Manifest } from './manifest.ts';
import { checkPaths } from './path-rules.ts';

/** What a manifest must be, from documents that were verified before it. */
export interface ManifestTerms {
  plugin: string;
  layout: string;
  orgUid: string;
  /** The index's, or the signed tag's. */
  pin: { contentDigest: string; seq: number; version: string };
  /** Set when it was asked for by channel. */
  channel?: string;
  /** Set when it was asked for by release. */
  release?: string;
}

/** More than any plugin may weigh in a registry, rendered files included. */
const INSTALL_LIMIT_BYTES = 128 * 1024 * 1024;

/**
 * Refuses a manifest that is not the one that the index, or a release's tag,
 * names. Its signature is checked before.
 *
 * @throws {VerificationError} `MANIFEST_MISMATCH`, `PATH_REFUSED`, `DIGEST_MISMATCH`
 * @see docs/spec/delivery.md, "Manifest"
 */
export function checkManifest(manifest: Manifest, terms: ManifestTerms): void {
  checkIdentity(manifest, terms);
  checkPaths(manifest.files.map(({ path }) => path));
  checkSize(manifest);
  if (manifest.layout === 'raw') checkContentDigest(manifest);
}

/** Mix and match: each document is genuine, but they are not of one moment. */
function checkIdentity(manifest: Manifest, terms: ManifestTerms): void {
  const { pin, channel, release } = terms;
  const pairs: [what: string, is: string | number | undefined, expected: string | number][] = [
    ['plugin', manifest.pluginId, terms.plugin],
    ['org', manifest.orgUid, terms.orgUid],
    ['layout', manifest.layout, terms.layout],
    ['content digest', manifest.contentDigest, pin.contentDigest],
    ['seq', manifest.seq, pin.seq],
    ['version', manifest.version, pin.version],
  ];
  if (channel !== undefined) pairs.push(['channel', manifest.channel, channel]);
  if (release !== undefined) pairs.push(['release', manifest.release, release]);
  for (const [what, is, expected] of pairs) {
    if (is === expected) continue;
    const message = `manifest of ${terms.plugin}: its ${what} is ${is}, expected was ${expected}`;
    throw new VerificationError('MANIFEST_MISMATCH', message);
  }
}

export const declaredBytes = ({ files }: Pick<Manifest, 'files'>): number =>
  files.reduce((sum, { size }) => sum + size, 0);

function checkSize(manifest: Manifest): void {
  if (declaredBytes(manifest) <= INSTALL_LIMIT_BYTES) return;
  const message = `manifest of ${manifest.pluginId}: more than ${INSTALL_LIMIT_BYTES} bytes to install`;
  throw new VerificationError('DOCUMENT_TOO_LARGE', message);
}

/** The digest that the index pins is one over these very files, not a label on them. */
function checkContentDigest(manifest: Manifest): void {
  const computed = contentDigest(manifest.files);
  if (computed === manifest.contentDigest) return;
  const message = `manifest of ${manifest.pluginId}: its files have the digest ${computed}`;
  throw new VerificationError('DIGEST_MISMATCH', message);
}
