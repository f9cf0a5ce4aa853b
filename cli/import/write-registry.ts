import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { isPluginId } from '../../src/model/names.ts';
import { Failure } from '../errors.ts';
import { type Import, importFolder, REPORT_FILE } from './import-marketplace.ts';
import { documentFile } from './registry-document.ts';
import type { ImportReport } from './report.ts';

/**
 * Writes an import into a registry's working tree. What an earlier import of
 * the same marketplace wrote is replaced, so that git shows just what changed
 * upstream; what came from elsewhere is never touched.
 *
 * @throws {Failure} when a plugin of that id is there and did not come from this marketplace
 */
export async function writeRegistry(out: string, { id, files, report }: Import): Promise<void> {
  const earlier = await readEarlier(out, id);
  for (const plugin of report.plugins) {
    if (!earlier.has(plugin.id) && existsSync(path.join(out, 'plugins', plugin.id))) {
      throw new Failure(
        `plugins/${plugin.id} is there already and did not come from ${id}: nothing was written`,
      );
    }
  }
  for (const plugin of earlier) {
    await rm(path.join(out, 'plugins', plugin), { recursive: true, force: true });
  }
  await rm(path.join(out, importFolder(id)), { recursive: true, force: true });

  for (const [file, { mode, read }] of files) {
    const target = path.join(out, file);
    await mkdir(path.dirname(target), { recursive: true });
    await writeFile(target, await read(), { mode: mode === '0755' ? 0o755 : 0o644 });
  }
  const registry = path.join(out, 'registry.yaml');
  if (!existsSync(registry)) await writeFile(registry, await newRegistry(report).read());
}

async function readEarlier(out: string, id: string): Promise<Set<string>> {
  const file = path.join(out, importFolder(id), REPORT_FILE);
  if (!existsSync(file)) return new Set();
  const { plugins } = JSON.parse(await readFile(file, 'utf8')) as Partial<ImportReport>;
  // The ids become folders to remove: a file that somebody edited must not reach further.
  const ids = (plugins ?? []).map((plugin) => plugin.id);
  return new Set(ids.filter((it) => typeof it === 'string' && isPluginId(it)));
}

function newRegistry({ marketplace }: ImportReport) {
  const spec = { delivery: { defaultAccess: 'orgWide' } };
  return documentFile('Registry', { title: marketplace.name, spec });
}
