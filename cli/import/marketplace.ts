import { pathInPlugin } from '../../src/registry/layout/claude-paths.ts';
import { ownField, parseJsonFile } from '../../src/registry/layout/json-file.ts';
import { type Fields, isFields } from '../../src/registry/layout/markdown.ts';
import { Failure } from '../errors.ts';
import type { Files } from './source-tree.ts';

export const MARKETPLACE_FILE = '.claude-plugin/marketplace.json';

export interface Entry {
  name: string;
  fields: Fields;
  /** Its folder from the marketplace's root, '' for the root; undefined for a plugin that lies elsewhere. */
  folder?: string;
}

export interface Marketplace {
  name: string;
  fields: Fields;
  entries: Entry[];
}

/** @throws {Failure} when there is no marketplace, or no list of plugins in it */
export async function readMarketplace(files: Files): Promise<Marketplace> {
  const bytes = await files.get(MARKETPLACE_FILE)?.read();
  if (!bytes) {
    throw new Failure(
      `there is no ${MARKETPLACE_FILE} here: import reads the root of a Claude Code marketplace`,
    );
  }
  const fields = parseJsonFile(MARKETPLACE_FILE, bytes)?.value;
  const plugins = fields?.['plugins'];
  if (!fields || !Array.isArray(plugins)) {
    throw new Failure(`${MARKETPLACE_FILE} is not a JSON object with a list of plugins`);
  }
  const root = ownField(fields['metadata'], 'pluginRoot');
  const entries = plugins.filter(isFields).map((entry) => readEntry(entry, root, files));
  const { name } = fields;
  return { name: typeof name === 'string' && name ? name : 'imported', fields, entries };
}

function readEntry(fields: Fields, root: unknown, files: Files): Entry {
  const name = typeof fields['name'] === 'string' ? fields['name'] : 'unnamed';
  const folder = folderOf(fields['source'], root, files);
  return { name, fields, ...(folder === undefined ? {} : { folder }) };
}

function folderOf(source: unknown, root: unknown, files: Files): string | undefined {
  const isLocal = ownField(source, 'source') === 'local';
  const stated = isLocal ? ownField(source, 'path') : source;
  if (typeof stated !== 'string') return undefined;
  const folder = pathInPlugin(stated);
  if (folder === undefined || typeof root !== 'string') return folder;
  const below = pathInPlugin(`${root}/${stated}`);
  const exists = [...files.keys()].some((path) => path.startsWith(`${below}/`));
  return exists ? below : folder;
}
