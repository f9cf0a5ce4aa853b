import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openSealed } from '../../src/signing/open.ts';
import { keysOfRole, type RootDocument } from '../../src/signing/root.ts';
import { Failure, VerificationError } from '../errors.ts';
import type { Connection } from '../http.ts';
import type { Output } from '../output.ts';
import type { Manifest } from '../trust/manifest.ts';
import { declaredBytes } from '../trust/manifest-check.ts';
import { refusedAs } from '../trust/signature.ts';
import { discardDownloads, downloadBundle } from './download.ts';
import type { Objects } from './objects.ts';
import type { Project } from './project.ts';
import { unpackBundle } from './unpack.ts';

export interface FetchTerms {
  project: Project;
  connection: Connection;
  /** Where the manifest came from: the bundle's address is relative to it. */
  manifestUrl: string;
  manifest: Manifest;
  root: RootDocument;
  /** Armored; null when the client was enrolled without a key. */
  privateKey: string | null;
  /** What is installed: then only what changed since needs to come. */
  since: string | undefined;
  objects: Objects;
  output: Output;
}

/** Beyond the files: the manifest and its signature, headers, signature and key packets. */
const OVERHEAD_BYTES = 16 * 1024 * 1024;

/**
 * Brings every file of a manifest here, verified. Nothing is fetched that is
 * here already; a delta that does not complete the set is followed by the whole.
 */
export async function fetchFiles(terms: FetchTerms): Promise<void> {
  if (await isComplete(terms)) return;
  if (terms.since !== undefined) {
    await fetchBundle(terms, { since: terms.since });
    if (await isComplete(terms)) return;
  }
  await fetchBundle(terms, {});
  if (await isComplete(terms)) return;
  const message = `the bundle of ${terms.manifest.pluginId} lacks files that its manifest declares`;
  throw new VerificationError('BUNDLE_REFUSED', message);
}

async function isComplete({ manifest, objects }: FetchTerms): Promise<boolean> {
  for (const { digest } of manifest.files) {
    if (!(await objects.has(digest))) return false;
  }
  return true;
}

async function fetchBundle(terms: FetchTerms, query: { since?: string }): Promise<void> {
  const { project, connection, manifest, objects, privateKey, output } = terms;
  const limitBytes = declaredBytes(manifest) + OVERHEAD_BYTES;
  const progress = output.progress(
    `${manifest.pluginId} ${manifest.version}`,
    declaredBytes(manifest),
  );
  const { path, query: own } = bundleAddress(terms);
  const encryption = privateKey ? 'openpgp' : 'none';
  const dir = project.downloadsDir;
  try {
    const bundle = await downloadBundle({
      connection,
      path,
      dir,
      limitBytes,
      progress,
      query: {
        layout: manifest.layout,
        encryption,
        ...own,
        ...query,
      },
    });
    const archive = privateKey ? await openBundle(terms, privateKey, bundle, limitBytes) : bundle;
    await unpackBundle(archive, manifest.files, objects);
    await discardDownloads(dir);
  } catch (error) {
    // What was refused must not be gone on with; what broke off is kept for that.
    if (error instanceof VerificationError) await discardDownloads(dir);
    throw error;
  } finally {
    progress.done();
  }
}

async function openBundle(
  { project, root, manifest }: FetchTerms,
  privateKeyArmored: string,
  source: string,
  limitBytes: number,
): Promise<string> {
  await mkdir(project.downloadsDir, { recursive: true });
  const destination = join(project.downloadsDir, 'opened.tar.gz');
  await rm(destination, { force: true });
  const pinnedKeys = keysOfRole(root, 'release');
  const opened = openSealed({ source, privateKeyArmored, pinnedKeys, destination, limitBytes });
  await refusedAs('BUNDLE_REFUSED', `bundle of ${manifest.pluginId}`, opened);
  return destination;
}

/** A signed address is still only an address: the token goes nowhere but to our server's delivery. */
function bundleAddress({ manifest, manifestUrl, connection }: FetchTerms): {
  path: string;
  query: Record<string, string>;
} {
  const url = new URL(manifest.bundleUrl, manifestUrl);
  const base = new URL(manifestUrl).pathname.replace(/[^/]*$/, '');
  if (url.origin !== new URL(connection.url).origin || !url.pathname.startsWith(base)) {
    throw new Failure(`the bundle of ${manifest.pluginId} is said to be at ${url.href}: refused`);
  }
  const path = url.pathname.slice(new URL(connection.url).pathname.replace(/\/$/, '').length);
  return { path, query: Object.fromEntries(url.searchParams) };
}
