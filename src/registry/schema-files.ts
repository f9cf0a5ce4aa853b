import { readdirSync, readFileSync } from 'node:fs';
import { sha256Hex } from '../model/digest.ts';

export type JsonObject = { [key: string]: unknown };

export interface SchemaFiles {
  /** By kind, sorted. */
  kinds: ReadonlyMap<string, JsonObject>;
  /** Of the built-in server parts' configuration, by plugin id. */
  plugins: ReadonlyMap<string, JsonObject>;
  /** What the kinds' schemas share, by `$ref`. */
  definitions: JsonObject;
  /** Of a server part's `plugin.json`. */
  manifest: JsonObject;
  /** SHA-256 hex over the lines `name\0sha256(file)\n`, sorted by name. */
  digest: string;
}

/** Beside `src/` and, once built, two levels above `dist/src/registry/` as well. */
const CANDIDATES = ['../../schemas/', '../../../schemas/'];

function findFolder(): URL {
  for (const candidate of CANDIDATES) {
    const folder = new URL(candidate, import.meta.url);
    try {
      readFileSync(new URL('definitions.json', folder));
      return folder;
    } catch {}
  }
  throw new Error('the folder schemas/ is missing: reinstall waymark');
}

/** Reads the JSON Schemas of all kinds, directly in `schemas/`, and those of `schemas/plugins/`. */
export function readSchemas(): SchemaFiles {
  const folder = findFolder();
  const kinds = new Map<string, JsonObject>();
  const plugins = new Map<string, JsonObject>();
  let definitions: JsonObject = {};
  let manifest: JsonObject = {};
  let lines = '';
  for (const name of [...namesIn(folder, ''), ...namesIn(folder, 'plugins/')]) {
    const bytes = readFileSync(new URL(name, folder));
    const schema = JSON.parse(bytes.toString()) as JsonObject;
    const title = String(schema['title']);
    if (name === 'definitions.json') definitions = schema;
    else if (name === 'plugin-manifest.json') manifest = schema;
    else (name.includes('/') ? plugins : kinds).set(title, schema);
    lines += `${name}\0${sha256Hex(bytes)}\n`;
  }
  return { kinds, plugins, definitions, manifest, digest: sha256Hex(lines) };
}

const namesIn = (folder: URL, below: string): string[] =>
  readdirSync(new URL(below, folder))
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => below + name);
