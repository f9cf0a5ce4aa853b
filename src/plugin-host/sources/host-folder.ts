import type { KeyObject } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { WaymarkError } from '../../model/errors.ts';
import { isPluginId } from '../../model/names.ts';
import type { PluginManifest } from '../../registry/server-manifest/manifest.ts';
import { readPackage } from '../../registry/server-manifest/package.ts';
import { verifyPlugin } from '../../signing/plugin-signature.ts';
import type { Part, PartFault } from '../part.ts';
import type { StartRuntime } from '../runtime/runtime.ts';
import { digestOf, makePart, type Standing, signatureFault, unreadPart } from './make-part.ts';

export interface HostFolder {
  dir: string | null;
  keys: readonly KeyObject[];
  allowUnsigned: boolean;
  /** What a site admin lets run as a process, by id. */
  approvedDigest(id: string): string | null;
  sandbox: StartRuntime;
  process: StartRuntime;
}

const PACKAGE = '.tar.gz';
const PACKAGE_BYTES = 4 * 1024 * 1024;
const MOST_FILES = 500;
const MOST_BYTES = 16 * 1024 * 1024;

/** Every plugin that lies in the folder, by id: a folder, or a package beside. */
export async function readHostFolder(folder: HostFolder): Promise<Part[]> {
  const { dir } = folder;
  if (dir === null) return [];
  const entries = await readdir(dir, { withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const packages = entries
    .filter(({ name }) => name.endsWith(PACKAGE))
    .map(({ name }) => name.slice(0, -PACKAGE.length))
    .filter((id) => !folders.includes(id));
  const found = [...folders, ...packages].filter(isPluginId).sort();
  return await Promise.all(
    found.map((id) => readOne(folder, dir, id, packages.includes(id)).catch(toFault(id))),
  );
}

/** One that cannot be read keeps no other from running. */
const toFault = (id: string) => (error: unknown) => {
  const { code, message } = error as NodeJS.ErrnoException;
  const fault: PartFault =
    error instanceof WaymarkError
      ? { code: error.code, message }
      : { code: 'PLG_MANIFEST', message: `it cannot be read (${code ?? 'unknown'})` };
  return unreadPart({ id, source: 'host' }, fault);
};

async function readOne(
  folder: HostFolder,
  root: string,
  id: string,
  isPackage: boolean,
): Promise<Part> {
  const dir = join(root, id);
  const files = isPackage ? await unpack(dir + PACKAGE) : await readTree(dir);
  const found = { id, source: 'host' as const, files, ...(isPackage ? {} : { dir }) };
  return makePart(found, (manifest, digest) => {
    const isApproved = folder.approvedDigest(id) === digest;
    return standingOf(manifest, files, { folder, isPackage, isApproved });
  });
}

async function unpack(file: string): Promise<ReadonlyMap<string, Buffer>> {
  const { size } = await stat(file);
  if (size > PACKAGE_BYTES) throw tooLarge();
  return await readPackage(await readFile(file));
}

/** All of it: a signature is of every file, and a process may read every file. */
async function readTree(dir: string): Promise<ReadonlyMap<string, Buffer>> {
  const files = new Map<string, Buffer>();
  let bytes = 0;
  for (const entry of await readdir(dir, { withFileTypes: true, recursive: true })) {
    if (entry.isDirectory()) continue;
    const path = join(entry.parentPath, entry.name);
    if (!entry.isFile()) throw unusual(path.slice(dir.length + 1));
    bytes += (await stat(path)).size;
    if (bytes > MOST_BYTES || files.size >= MOST_FILES) throw tooLarge();
    files.set(path.slice(dir.length + 1), await readFile(path));
  }
  return files;
}

const tooLarge = () =>
  new WaymarkError(
    'PLG_MANIFEST',
    `it is more than ${MOST_FILES} files or ${MOST_BYTES / 1024 ** 2} MiB`,
  );

const unusual = (path: string) =>
  new WaymarkError('PLG_MANIFEST', `${path} is neither a file nor a folder`);

function standingOf(
  manifest: PluginManifest,
  files: ReadonlyMap<string, Buffer>,
  { folder, ...how }: { folder: HostFolder; isPackage: boolean; isApproved: boolean },
): Standing {
  const signature = verifyPlugin(files, folder.keys);
  const isSigned = signature === 'signed';
  return {
    signature,
    trust: isSigned ? 'trusted' : 'untrusted',
    hasNetwork: isSigned,
    fault:
      signatureFault(signature) ??
      (isSigned || folder.allowUnsigned ? null : UNSIGNED) ??
      processFault(manifest, isSigned, how),
    start: manifest.runtime === 'process' ? asApproved(folder.process) : folder.sandbox,
  };
}

/** A process imports what lies there when it starts, which may be weeks after that was checked. */
const asApproved =
  (start: StartRuntime): StartRuntime =>
  async (code, options) => {
    const { dir = '', digest } = code;
    if (digestOf(await readTree(dir)) === digest) return await start(code, options);
    throw new WaymarkError('PLG_FAILED', 'its files are no more those that were approved');
  };

const UNSIGNED: PartFault = {
  code: 'PLG_UNSIGNED',
  message: 'it is not signed: sign it, or set WAYMARK_PLUGINS_ALLOW_UNSIGNED',
};

function processFault(
  { runtime }: PluginManifest,
  isSigned: boolean,
  { isPackage, isApproved }: { isPackage: boolean; isApproved: boolean },
): PartFault | null {
  if (runtime === 'sandbox') return null;
  if (!isSigned) return { code: 'PLG_UNSIGNED', message: 'only what is signed runs as a process' };
  if (isPackage) {
    return { code: 'PLG_MANIFEST', message: 'what runs as a process must lie in a folder' };
  }
  if (isApproved) return null;
  const message = 'it runs as a process once a site admin has approved what lies there now';
  return { code: 'PLG_PERMISSIONS', message };
}
