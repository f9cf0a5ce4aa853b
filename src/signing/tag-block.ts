import { parse, stringify } from 'yaml';
import { isDigest } from '../model/digest.ts';
import { isOid, isPluginId } from '../model/names.ts';
import { invalid } from './verify.ts';

export interface TaggedPlugin {
  id: string;
  version: string;
  commit: string;
  /** The oid of the plugin's folder. */
  tree: string;
  serverTree?: string;
  /** Path under `objects/` → oid. */
  shared?: Readonly<Record<string, string>>;
  contentDigest: string;
  serverDigest?: string;
}

/**
 * What a release tag states, behind its notes.
 *
 * @see docs/spec/delivery.md, "Releases are tags"
 */
export interface TagBlock {
  apiVersion: 'waymark/v1';
  orgUid: string;
  repoUid: string;
  /** The tag's own name. */
  release: string;
  seq: number;
  plugins: readonly TaggedPlugin[];
}

// Without aliases, which a reader refuses, though two plugins may share one value.
export const writeTagBlock = (block: TagBlock): string =>
  stringify(block, { lineWidth: 0, aliasDuplicateObjects: false });

/** @throws {WaymarkError} `SIGN_INVALID` naming the field at fault */
export function parseTagBlock(text: string): TagBlock {
  const block = readYaml(text);
  requireThat(isObject(block), 'block', 'is missing');
  requireThat(block['apiVersion'] === 'waymark/v1', 'apiVersion', 'is not waymark/v1');
  for (const field of ['orgUid', 'repoUid', 'release']) {
    requireThat(isText(block[field]), field, 'is missing');
  }
  const { seq, plugins } = block;
  requireThat(Number.isSafeInteger(seq) && Number(seq) > 0, 'seq', 'is no whole number from 1');
  requireThat(Array.isArray(plugins) && plugins.length > 0, 'plugins', 'is empty');
  plugins.forEach((plugin: unknown, index) => {
    checkPlugin(plugin, `plugins[${index}]`);
  });
  const ids = new Set(plugins.map(({ id }) => id));
  requireThat(ids.size === plugins.length, 'plugins', 'names a plugin twice');
  return block as unknown as TagBlock;
}

function readYaml(text: string): unknown {
  try {
    // Without aliases, a few lines cannot stand for millions of nodes.
    return parse(text, { maxAliasCount: 0, logLevel: 'error' });
  } catch (cause) {
    throw invalid("the tag's block is no YAML", cause);
  }
}

type Fields = Readonly<Record<string, unknown>>;

function checkPlugin(plugin: unknown, at: string): asserts plugin is TaggedPlugin {
  requireThat(isObject(plugin), at, 'is no map');
  requireThat(isText(plugin['id']) && isPluginId(plugin['id']), `${at}.id`, 'is no plugin id');
  requireThat(isText(plugin['version']), `${at}.version`, 'is missing');
  checkWith(isOid, 'is no object id', plugin, at, ['commit', 'tree'], ['serverTree']);
  checkWith(isDigest, 'is no digest', plugin, at, ['contentDigest'], ['serverDigest']);
  const { shared = {} } = plugin;
  requireThat(isObject(shared), `${at}.shared`, 'is no map');
  checkWith(isOid, 'is no object id', shared, `${at}.shared`, Object.keys(shared));
}

function checkWith(
  isValid: (text: string) => boolean,
  fault: string,
  fields: Fields,
  at: string,
  required: readonly string[],
  optional: readonly string[] = [],
): void {
  for (const name of [...required, ...optional.filter((field) => field in fields)]) {
    const value = fields[name];
    requireThat(isText(value) && isValid(value), `${at}.${name}`, fault);
  }
}

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

function requireThat(holds: boolean, field: string, fault: string): asserts holds {
  if (!holds) throw invalid(`the tag's ${field} ${fault}`);
}
