import { MANIFEST, readSharedFiles } from '../../src/registry/layout/claude-paths.ts';
import { findComponents } from './components.ts';
import { importHooks, importServers } from './import-lists.ts';
import { completeManifest, importManifest, noteMissingPaths } from './import-manifest.ts';
import { importPrompt } from './import-prompts.ts';
import type { Entry } from './marketplace.ts';
import { PluginImport } from './plugin-import.ts';
import type { Files } from './source-tree.ts';

/** Turns one plugin's folder into the registry's form of it. */
export async function importPlugin(id: string, entry: Entry, source: Files): Promise<PluginImport> {
  const plugin = new PluginImport(id, entry, source);
  const shared = await readSharedFiles(
    (path) => source.has(path),
    (path) => source.get(path)!.read(),
  );
  completeManifest(plugin, shared);
  const manifest = shared.get(MANIFEST);
  noteMissingPaths(plugin, manifest?.value);
  for (const component of findComponents(id, [...source.keys()].sort(), manifest?.value)) {
    await importPrompt(plugin, component);
  }
  await importServers(plugin, shared);
  await importHooks(plugin, shared);
  await importManifest(plugin, manifest);
  plugin.keepRest(shared);
  return plugin;
}
