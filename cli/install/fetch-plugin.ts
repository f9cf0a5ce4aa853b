import { sha256 } from '../../src/model/digest.ts';
import { versionTag } from '../../src/model/names.ts';
import type { Selector, SignedDocument } from '../delivery.ts';
import { Failure, ServerRefusal, VerificationError } from '../errors.ts';
import type { IndexEntry } from '../trust/index-document.ts';
import { type Manifest, parseManifest } from '../trust/manifest.ts';
import { checkManifest, type ManifestTerms } from '../trust/manifest-check.ts';
import {
  checkReleased,
  checkReleaseFiles,
  readReleaseTag,
  type TaggedRelease,
} from '../trust/release-check.ts';
import { checkSignature } from '../trust/signature.ts';
import { fetchFiles } from './fetch-files.ts';
import type { LockedPlugin } from './lock.ts';
import type { Objects } from './objects.ts';
import type { Resolution } from './requests.ts';
import type { Session, Trust } from './session.ts';
import { readStored } from './stored.ts';

/** A plugin as delivered. */
export interface RemotePlugin {
  /** Verified. */
  manifest: Manifest;
  document: SignedDocument;
  /** Where it is a release. */
  tagged?: TaggedRelease;
}

export interface PluginTerms {
  session: Session;
  trust: Trust;
  objects: Objects;
  plugin: string;
  layout: string;
  installed: LockedPlugin | undefined;
  /** Of the first release tag that was accepted, in this run or before. */
  repoUid: string | undefined;
}

export async function fetchPlugin(
  terms: PluginTerms,
  resolution: Resolution,
): Promise<RemotePlugin> {
  switch (resolution.kind) {
    case 'channel':
      return fetchFromChannel(terms, resolution.entry);
    case 'release':
      return fetchRelease(terms, versionTag(terms.plugin, resolution.version));
    case 'installed':
      return readInstalled(terms);
  }
}

async function fetchFromChannel(terms: PluginTerms, entry: IndexEntry): Promise<RemotePlugin> {
  const { session, plugin } = terms;
  const { channel } = session.enrolment;
  if (entry.yanked) session.output.warn(`${plugin} ${entry.version} has been yanked`);
  const selector = { channel, contentDigest: entry.contentDigest };
  const { manifest, document } = await fetchManifest(terms, selector, { pin: entry, channel });
  if (!manifest.release) return { manifest, document };

  const tagged = await fetchTag(terms, manifest.release);
  checkReleased(manifest, tagged);
  return { manifest, document, tagged };
}

/** Asked for by name: the signed tag says what it holds, so it comes first. */
async function fetchRelease(terms: PluginTerms, release: string): Promise<RemotePlugin> {
  const tagged = await fetchTag(terms, release);
  const { contentDigest, version } = tagged.plugin;
  const pin = { contentDigest, version, seq: tagged.seq };
  const { manifest, document } = await fetchManifest(terms, { release }, { pin, release });
  checkReleased(manifest, tagged);
  return { manifest, document, tagged };
}

/**
 * Nothing new is asked for: what was verified when it came is still what it was,
 * unless the key that vouched for it is trusted no longer.
 */
async function readInstalled(terms: PluginTerms): Promise<RemotePlugin> {
  const { plugin, installed, objects, layout, trust, session } = terms;
  const isWhole = installed !== undefined && (await hasFiles(objects, installed));
  const stored = isWhole && (await findStored(plugin, installed, { ...trust, layout, objects }));
  if (stored) return { ...stored, document: { ...stored.document, url: session.enrolment.url } };
  return fetchRelease(terms, installed?.release ?? versionTag(plugin, installed?.version ?? ''));
}

async function findStored(...stored: Parameters<typeof readStored>) {
  try {
    return await readStored(...stored);
  } catch (error) {
    if (error instanceof VerificationError) return undefined;
    throw error;
  }
}

async function hasFiles(objects: Objects, { files }: LockedPlugin): Promise<boolean> {
  for (const { digest } of Object.values(files)) {
    if (!(await objects.has(digest))) return false;
  }
  return true;
}

async function fetchManifest(
  { session, trust, plugin, layout }: PluginTerms,
  selector: Selector,
  terms: Pick<ManifestTerms, 'pin' | 'channel' | 'release'>,
): Promise<RemotePlugin> {
  const document = await session.delivery.manifest(plugin, selector, layout);
  await checkSignature(document, trust.root, 'release', `manifest of ${plugin}`);
  if (document.warning) session.output.warn(`${plugin}: ${document.warning}`);
  const manifest = parseManifest(document.body);
  checkManifest(manifest, { ...terms, plugin, layout, orgUid: trust.root.orgUid });
  return { manifest, document };
}

async function fetchTag(terms: PluginTerms, release: string): Promise<TaggedRelease> {
  const { session, trust, plugin, repoUid, installed } = terms;
  try {
    const raw = await session.delivery.tag(plugin, release);
    return await readReleaseTag(raw, { root: trust.root, release, plugin, repoUid });
  } catch (error) {
    if (!(error instanceof ServerRefusal) || error.status !== 404) throw error;
    if (installed?.release !== release) throw new Failure(error.message, { cause: error });
    const message = `release ${release} is installed here, and the server no longer has it`;
    throw new VerificationError('RELEASE_VANISHED', message, { cause: error });
  }
}

/** Brings the files here; those of a release must make up the very tree that its tag names. */
export async function fetchContent(terms: PluginTerms, remote: RemotePlugin): Promise<void> {
  const { session, trust, objects, installed } = terms;
  const { manifest, document, tagged } = remote;
  await fetchFiles({
    manifest,
    objects,
    root: trust.root,
    manifestUrl: document.url,
    project: session.project,
    connection: session.delivery.connection,
    privateKey: session.enrolment.privateKey,
    since: installed?.contentDigest,
    output: session.output,
  });
  if (tagged && manifest.layout === 'raw') {
    await checkReleaseFiles(tagged.plugin, manifest, (file) => readObject(objects, file.digest));
  }
  await objects.addIncoming(sha256(document.body), document.body);
}

async function readObject(
  objects: Objects,
  digest: Parameters<Objects['read']>[0],
): Promise<Buffer> {
  const bytes = await objects.read(digest);
  if (!bytes)
    throw new Failure(`${digest} is damaged here: remove .waymark/objects, then sync again`);
  return bytes;
}
