import { existsSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { compileDirectoryContents } from '../../src/registry/directory.ts';
import { renderLayout } from '../../src/registry/layout/render.ts';
import { LAYOUTS, type Layout } from '../../src/registry/layout/rendered.ts';
import { Failure, UsageError } from '../errors.ts';

export interface Exported {
  plugins: { id: string; files: number }[];
  unsupported: { plugin: string; objectId: string; target: string }[];
}

/**
 * Writes every plugin of a registry's working tree to `out/<plugin>/`.
 *
 * @throws {UsageError} for an unknown layout
 * @throws {Failure} when `out` holds anything, or the registry does not compile
 */
export async function exportLayout(dir: string, layout: string, out: string): Promise<Exported> {
  if (!isLayout(layout)) throw new UsageError(`--layout is one of ${LAYOUTS.join(', ')}`);
  if (existsSync(out) && (await readdir(out)).length > 0) {
    throw new Failure(`${out} is not empty: export writes to a new folder`);
  }
  const { contents, read } = await compile(dir);
  const exported: Exported = { plugins: [], unsupported: [] };
  for (const [id, content] of contents) {
    const { items, files: plain } = await renderLayout(layout, content, read);
    const files = [...plain, ...items.flatMap((item) => item.files)];
    for (const { path: file, mode, bytes } of files) {
      const target = path.join(out, id, file);
      await mkdir(path.dirname(target), { recursive: true });
      await writeFile(target, bytes, { mode: mode === '0755' ? 0o755 : 0o644 });
    }
    exported.plugins.push({ id, files: files.length });
    for (const { objectId, target } of items) {
      if (target.startsWith('unsupported'))
        exported.unsupported.push({ plugin: id, objectId, target });
    }
  }
  return exported;
}

async function compile(dir: string) {
  try {
    return await compileDirectoryContents(dir);
  } catch (error) {
    if (!(error instanceof AggregateError)) throw error;
    throw new Failure(`${error.message}: waymark validate shows what is wrong`, { cause: error });
  }
}

const isLayout = (text: string): text is Layout => (LAYOUTS as readonly string[]).includes(text);
