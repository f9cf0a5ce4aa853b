import type { RootDocument } from '../../src/signing/root.ts';
import { keysOfRole } from '../../src/signing/root.ts';
import { checkReleaseTag, parseTag, type TaggedPlugin } from '../../src/signing/tag.ts';
import { VerificationError } from '../errors.ts';
import { blobOid, type TreeLeaf, treeOid } from './git-tree.ts';
import type { Manifest, ManifestFile } from './manifest.ts';
import { refusedAs } from './signature.ts';

/** A plugin as the signed tag states it. */
export interface TaggedRelease {
  plugin: TaggedPlugin;
  seq: number;
  repoUid: string;
}

export interface TagTerms {
  root: RootDocument;
  /** The tag's name. */
  release: string;
  plugin: string;
  /** Of the first tag that this client accepted; undefined before it. */
  repoUid: string | undefined;
}

/**
 * Reads a raw tag object: ours, of this name, and signed by the release role.
 * A signed tag copied to another name or repository still verifies for git.
 *
 * @throws {VerificationError} `RELEASE_MISMATCH`
 */
export async function readReleaseTag(raw: Uint8Array, terms: TagTerms): Promise<TaggedRelease> {
  const { release, root } = terms;
  const what = `tag ${release}`;
  const parsed = await refusedAs('RELEASE_MISMATCH', what, (async () => parseTag(raw))());
  const repoUid = terms.repoUid ?? parsed.block.repoUid;
  const keys = keysOfRole(root, 'release');

  const expected = { name: release, orgUid: root.orgUid, repoUid, keys };
  const checked = await refusedAs('RELEASE_MISMATCH', what, checkReleaseTag(raw, expected));

  if (!checked.ok) throw mismatch(release, checked.error);
  const plugin = checked.value.plugins.find(({ id }) => id === terms.plugin);
  if (!plugin) throw mismatch(release, `it does not hold the plugin ${terms.plugin}`);
  return { plugin, seq: checked.value.seq, repoUid };
}

/** The manifest names a release: then it must be that release, and not merely claim to. */
export function checkReleased(manifest: Manifest, { plugin, seq }: TaggedRelease): void {
  const release = manifest.release ?? '';
  const pairs: [what: string, is: string | number, tagged: string | number][] = [
    ['version', manifest.version, plugin.version],
    ['content digest', manifest.contentDigest, plugin.contentDigest],
    ['tree', manifest.tree, plugin.tree],
    ['seq', manifest.seq, seq],
  ];
  for (const [what, is, tagged] of pairs) {
    if (is !== tagged)
      throw mismatch(release, `the manifest's ${what} is ${is}, the tag's ${tagged}`);
  }
}

/**
 * Recomputes the oids that the tag states from the files themselves, so that
 * not even a server that signs manifests can give a release other content.
 *
 * @param read a file's bytes, by its entry in the raw layout
 * @throws {VerificationError} `RELEASE_MISMATCH`
 */
export async function checkReleaseFiles(
  tagged: TaggedPlugin,
  { release = '', files }: Pick<Manifest, 'release' | 'files'>,
  read: (file: ManifestFile) => Promise<Uint8Array>,
): Promise<void> {
  const leaves: TreeLeaf[] = [];
  for (const file of files) {
    leaves.push({ path: file.path, mode: file.mode, oid: blobOid(await read(file)) });
  }
  const own = leaves.filter(({ path }) => !path.startsWith(SHARED));
  // The server part is never delivered: its oid is taken as stated.
  if (tagged.serverTree) own.push({ path: 'server', mode: 'tree', oid: tagged.serverTree });
  checkOid(release, 'its folder', treeOid(own), tagged.tree);

  const shared = leaves.filter(({ path }) => path.startsWith(SHARED));
  for (const [path, oid] of Object.entries(tagged.shared ?? {})) {
    checkOid(release, path, sharedOid(shared, path), oid);
  }
  checkAllTagged(release, shared, Object.keys(tagged.shared ?? {}));
}

const SHARED = 'objects/';
const sharedPath = (path: string): string => (path.startsWith(SHARED) ? path : SHARED + path);

function sharedOid(leaves: readonly TreeLeaf[], path: string): string {
  const at = sharedPath(path);
  const file = leaves.find((leaf) => leaf.path === at);
  if (file) return file.oid;
  const inside = leaves.filter((leaf) => leaf.path.startsWith(`${at}/`));
  return treeOid(inside.map((leaf) => ({ ...leaf, path: leaf.path.slice(at.length + 1) })));
}

function checkAllTagged(
  release: string,
  shared: readonly TreeLeaf[],
  paths: readonly string[],
): void {
  const known = paths.map(sharedPath);
  const stray = shared.find(
    ({ path }) => !known.some((at) => path === at || path.startsWith(`${at}/`)),
  );
  if (stray) throw mismatch(release, `${stray.path} is not part of it`);
}

function checkOid(release: string, what: string, is: string, tagged: string): void {
  if (is !== tagged) throw mismatch(release, `${what} is git object ${is}, the tag says ${tagged}`);
}

function mismatch(release: string, reason: string): VerificationError {
  return new VerificationError('RELEASE_MISMATCH', `release ${release}: ${reason}`);
}
