import type { McpSpec } from '../../src/registry/kinds.ts';
import { findHooks } from '../../src/registry/layout/claude-hook.ts';
import { findLists } from '../../src/registry/layout/claude-paths.ts';
import {
  type FoundServer,
  findServers,
  readServer,
} from '../../src/registry/layout/claude-server.ts';
import type { JsonFile } from '../../src/registry/layout/json-file.ts';
import type { Fields } from '../../src/registry/layout/markdown.ts';
import { findLiteralSecrets } from '../../src/registry/mcp-secrets.ts';
import type { PluginImport } from './plugin-import.ts';
import { asTitle, documentFile } from './registry-document.ts';
import type { ImportFile } from './source-tree.ts';

/** One Mcp document for each server. The shared file stays, but for secrets that stand in it. */
export async function importServers(
  plugin: PluginImport,
  files: Map<string, JsonFile>,
): Promise<void> {
  for (const server of findServers(findLists(files, 'mcpServers'))) {
    const { path } = server.place.file;
    const spec = server.spec && withoutSecrets(plugin, server, server.spec);
    if (!spec) {
      plugin.note('entry-unsupported', path, 'no Mcp object can express it', server.key);
      continue;
    }
    const title = server.key === server.name ? undefined : asTitle(server.key);
    const document = documentFile('Mcp', { title, spec });
    if (!(await addEntry(plugin, `mcps/${server.name}.yaml`, document, path))) continue;
    if (server.key !== server.name) {
      plugin.note('name-adapted', path, `mcp ${server.name} in the registry`, server.key);
    }
    noteUnmapped(plugin, path, server.key, server.unmapped);
  }
}

/** One Hook document for each handler. */
export async function importHooks(
  plugin: PluginImport,
  files: Map<string, JsonFile>,
): Promise<void> {
  for (const hook of findHooks(findLists(files, 'hooks'))) {
    const { path } = hook.place.file;
    if (!hook.spec) {
      plugin.note('entry-unsupported', path, 'no Hook object can express it', hook.event);
      continue;
    }
    const document = documentFile('Hook', { spec: hook.spec });
    if (!(await addEntry(plugin, `hooks/${hook.name}.yaml`, document, path))) continue;
    noteUnmapped(plugin, path, hook.name, hook.unmapped);
  }
}

/** An entry without an object counts as removed, so the layout will not have it. */
async function addEntry(
  plugin: PluginImport,
  path: string,
  document: ImportFile,
  from: string,
): Promise<boolean> {
  const isAdded = await plugin.addDocument(path, document, from);
  if (!isAdded) plugin.differ(from, 'changed');
  return isAdded;
}

function noteUnmapped(plugin: PluginImport, path: string, of: string, fields: string[]): void {
  for (const field of fields) {
    plugin.note('field-in-original', path, 'said by the JSON file alone', `${of}.${field}`);
  }
}

/**
 * A secret must not reach everybody who may read the registry, so it is the one
 * thing that an import takes out: in its place an input is asked for.
 */
function withoutSecrets(
  plugin: PluginImport,
  server: FoundServer,
  spec: Fields,
): Fields | undefined {
  // The layout's reader gives a spec only when every field of it has its type.
  const found = findLiteralSecrets(spec as unknown as McpSpec);
  if (found.length === 0) return spec;
  const entry = server.entry as Fields;
  for (const { pointer } of found) {
    const [, field = '', key] = pointer;
    const input = inputName(server.name, field, key);
    if (key === undefined) entry[field] = `\${${input}}`;
    else (entry[field] as Fields)[key] = `\${${input}}`;
    const at = `${server.key}.${pointer.slice(1).join('.')}`;
    plugin.note('secret-replaced', server.place.file.path, `asked for as ${input} instead`, at);
  }
  server.place.file.isChanged = true;
  return readServer(entry).spec;
}

/** `GITHUB_TOKEN` stays what it is called; a header or an argument is named after its server. */
function inputName(server: string, field: string, key: string | undefined): string {
  const words = field === 'env' ? [key] : [server, key ?? field, 'secret'];
  return words
    .join('_')
    .toUpperCase()
    .replace(/[^A-Z0-9]+/g, '_')
    .replace(/^(?=\d)/, '_');
}
