import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256 } from '../../src/model/digest.ts';
import { Failure } from '../errors.ts';
import { lstatIfAny } from './files.ts';
import type { FileIdentity } from './states.ts';

/** A plugin's folder as it is on this machine. Paths are relative to it, with `/`. */
export interface LocalFolder {
  dir: string;
  /** Files, links and whatever else is no folder. */
  paths: ReadonlySet<string>;
  /** Undefined when nothing is there; a link or device is something that no delivered file equals. */
  identify(path: string): Promise<FileIdentity | undefined>;
}

/** Undefined when the plugin is not installed at all. */
export async function openLocalFolder(dir: string): Promise<LocalFolder | undefined> {
  const found = await lstatIfAny(dir);
  if (!found) return undefined;
  // Written through, a link would put the files wherever it points.
  if (!found.isDirectory()) throw new Failure(`${dir} is no folder: move it away, then try again`);
  const paths = new Set<string>();
  await collect(dir, '', paths);
  return {
    dir,
    paths,
    identify: async (path) => (paths.has(path) ? identify(join(dir, path)) : undefined),
  };
}

async function collect(dir: string, prefix: string, into: Set<string>): Promise<void> {
  for (const entry of await readdir(join(dir, prefix), { withFileTypes: true })) {
    const path = prefix ? `${prefix}/${entry.name}` : entry.name;
    if (entry.isDirectory()) await collect(dir, path, into);
    else into.add(path);
  }
}

async function identify(path: string): Promise<FileIdentity | undefined> {
  const found = await lstatIfAny(path);
  if (!found) return undefined;
  if (!found.isFile()) return { digest: 'sha256:none', mode: '0644' };
  const mode = Number(found.mode) & 0o100 ? '0755' : '0644';
  return { digest: sha256(await readFile(path)), mode };
}
