import { execFile } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { PLUGIN_SIGNATURE, signPlugin } from '../../src/signing/plugin-signature.ts';
import { temporaryFolder } from './git.ts';

export interface WrittenPlugin {
  /** More of `plugin.json`, or other values for what every one has. */
  manifest?: Readonly<Record<string, unknown>>;
  /** The script's method table, as JavaScript: `{'hook.handle': (params, call) => {…}}`. */
  methods?: string;
  /** Instead of a method table: the whole script. */
  script?: string;
}

/** What `plugin.json` must have, of a plugin that does nothing yet. */
export const plainManifest = (id = 'example') => ({
  id,
  displayName: 'Example',
  version: '1.0.0',
  author: 'Acme',
  repository: 'https://example.com/acme/example',
  category: 'automation',
  schemaVersion: 1,
  capabilities: { agent_query: true },
});

/** Writes a server part as it lies in `WAYMARK_PLUGINS_DIR`. Answers its folder. */
export async function writePlugin(
  pluginsDir: string,
  { manifest = {}, methods = '{}', script = `export default ${methods};\n` }: WrittenPlugin = {},
): Promise<string> {
  const written = { ...plainManifest(), ...manifest };
  const dir = join(pluginsDir, written.id);
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, 'plugin.json'), `${JSON.stringify(written, null, 2)}\n`);
  await writeFile(join(dir, 'index.js'), script);
  return dir;
}

/** Signs a written one by a PEM, as `waymark plugin sign` does. */
export async function signWritten(dir: string, privateKey: string): Promise<void> {
  const names = ['plugin.json', 'index.js'];
  const read = async (name: string) => [name, await readFile(join(dir, name))] as const;
  const files = new Map(await Promise.all(names.map(read)));
  await writeFile(join(dir, PLUGIN_SIGNATURE), signPlugin(files, privateKey));
}

/** The same as one file, as it is handed on: `<id>.tar.gz`. */
export async function packPlugin(pluginsDir: string, plugin: WrittenPlugin): Promise<void> {
  const folder = await temporaryFolder('waymark-pack-');
  const dir = await writePlugin(folder, plugin);
  const file = join(pluginsDir, `${basename(dir)}.tar.gz`);
  await promisify(execFile)('tar', ['-czf', file, '-C', dir, 'plugin.json', 'index.js']);
  await rm(folder, { recursive: true });
}
