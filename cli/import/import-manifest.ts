import { isDeepStrictEqual } from 'node:util';
import { readManifest } from '../../src/registry/layout/claude-manifest.ts';
import { MANIFEST, pathInPlugin, statedPaths } from '../../src/registry/layout/claude-paths.ts';
import type { JsonFile } from '../../src/registry/layout/json-file.ts';
import { type Fields, isFields } from '../../src/registry/layout/markdown.ts';
import { MARKETPLACE_FILE } from './marketplace.ts';
import type { PluginImport } from './plugin-import.ts';
import { asTitle, documentFile, refusalOf } from './registry-document.ts';

/** What an entry of the marketplace may say in the place of plugin.json. */
const COMPONENT_FIELDS = [
  'skills',
  'agents',
  'commands',
  'hooks',
  'mcpServers',
  'lspServers',
  'outputStyles',
] as const;
const SHARED_FIELDS = [
  'description',
  'version',
  'author',
  'homepage',
  'repository',
  'license',
  'keywords',
];
/** What an entry says beside the fields that plugin.json may have: place, title and label. */
const ENTRY_ONLY = new Set(['name', 'source', 'displayName', 'category']);

/**
 * Puts the lists that only the marketplace's entry has into plugin.json: that
 * is where Claude Code looks for them once the plugin stands alone.
 */
export function completeManifest(plugin: PluginImport, files: Map<string, JsonFile>): void {
  const { fields, name } = plugin.entry;
  const lists = COMPONENT_FIELDS.filter((field) => fields[field] !== undefined);
  const manifest = files.get(MANIFEST);
  if (!manifest) {
    if (plugin.source.has(MANIFEST)) {
      plugin.note('manifest-invalid', MANIFEST, 'no JSON object: written anew');
      plugin.differ(MANIFEST, 'changed');
    } else {
      plugin.note('manifest-generated', MANIFEST, 'there is none: made from the entry');
      plugin.differ(MANIFEST, 'added');
    }
    if (lists.length === 0) return;
    const kept = [...SHARED_FIELDS, ...lists].filter((field) => fields[field] !== undefined);
    const value = { name, ...Object.fromEntries(kept.map((field) => [field, fields[field]])) };
    files.set(MANIFEST, { path: MANIFEST, value, isChanged: true });
    return;
  }
  for (const field of lists) {
    if (isDeepStrictEqual(manifest.value[field], fields[field])) continue;
    if (manifest.value[field] !== undefined) {
      plugin.noteEntry('field-overruled', 'plugin.json says otherwise', field);
      continue;
    }
    manifest.value[field] = fields[field];
    manifest.isChanged = true;
    plugin.note('manifest-completed', MANIFEST, 'taken from the marketplace entry', field);
  }
}

/** plugin.yaml: what plugin.json says, and what only the entry says. */
export async function importManifest(
  plugin: PluginImport,
  manifest: JsonFile | undefined,
): Promise<void> {
  const { fields, name } = plugin.entry;
  const own = readManifest(manifest?.value ?? {});
  const listed = readManifest(fields);
  for (const field of Object.keys(own.spec)) {
    if (listed.spec[field] === undefined || isDeepStrictEqual(listed.spec[field], own.spec[field]))
      continue;
    plugin.noteEntry('field-overruled', 'plugin.json says otherwise', field);
  }
  const { displayName, category } = fields;
  const title = asTitle(typeof displayName === 'string' ? displayName : name) ?? plugin.id;
  const isLabel = typeof category === 'string' && category !== '' && category.length <= 256;
  const facts = { title, ...(isLabel ? { labels: { category } } : {}) };
  const document = documentFile('Plugin', { ...facts, spec: { ...listed.spec, ...own.spec } });
  const refusal = await refusalOf(`plugins/${plugin.id}/plugin.yaml`, document);
  if (refusal) plugin.note('object-refused', MANIFEST, refusal);
  plugin.output.set(
    'plugin.yaml',
    refusal ? documentFile('Plugin', { title, spec: {} }) : document,
  );
  noteFields(plugin, manifest?.value, own.unmapped, listed.unmapped);
}

function noteFields(
  plugin: PluginImport,
  manifest: Fields | undefined,
  own: readonly string[],
  listed: readonly string[],
): void {
  const isList = (field: string): boolean =>
    (COMPONENT_FIELDS as readonly string[]).includes(field);
  if (manifest && plugin.source.has(MANIFEST)) {
    for (const field of own.filter((it) => !isList(it))) {
      plugin.note('field-in-original', MANIFEST, 'said by plugin.json alone', field);
    }
  }
  for (const field of listed.filter((it) => !isList(it) && !ENTRY_ONLY.has(it))) {
    plugin.noteEntry('field-in-original', `said by the kept ${MARKETPLACE_FILE} alone`, field);
  }
}

/** Paths that a manifest gives and nothing stands at. */
export function noteMissingPaths(plugin: PluginImport, manifest: unknown): void {
  const paths = [...plugin.source.keys()];
  for (const field of ['skills', 'agents', 'commands', 'hooks', 'mcpServers']) {
    for (const stated of statedPaths(manifest, field)) {
      const exists = paths.some(
        (path) => stated === '' || path === stated || path.startsWith(`${stated}/`),
      );
      if (!exists) plugin.note('path-missing', MANIFEST, `nothing stands at ${stated}`, field);
    }
    const value = isFields(manifest) ? manifest[field] : undefined;
    const list: unknown[] = Array.isArray(value) ? value : [value];
    for (const item of list) {
      if (typeof item !== 'string' || pathInPlugin(item) !== undefined) continue;
      plugin.note('path-missing', MANIFEST, `${item} lies outside the plugin`, field);
    }
  }
}
