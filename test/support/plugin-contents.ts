import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { compileDirectoryContents } from '../../src/registry/directory.ts';

/** Files by path; a pair gives the mode as well. */
export type FileTexts = Record<string, string | Buffer | readonly [text: string, mode: number]>;

/** A folder that is removed when `use` ends. */
export async function inFolder<T>(files: FileTexts, use: (dir: string) => Promise<T>): Promise<T> {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'waymark-'));
  try {
    await writeFiles(dir, files);
    return await use(dir);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

export async function writeFiles(dir: string, files: FileTexts): Promise<void> {
  for (const [file, content] of Object.entries(files)) {
    const target = path.join(dir, file);
    const [text, mode] = Array.isArray(content) ? content : [content as string | Buffer, 0o644];
    await mkdir(path.dirname(target), { recursive: true });
    await writeFile(target, text);
    await chmod(target, mode);
  }
}

/** What the compile makes of a registry: enough to render layouts from. */
export function contentsOf(files: FileTexts): ReturnType<typeof compileDirectoryContents> {
  return inFolder(files, compileDirectoryContents);
}
