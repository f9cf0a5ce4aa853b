import { readdirSync, readFileSync } from 'node:fs';
import { sha256Hex } from '../model/digest.ts';

export type JsonObject = { [key: string]: unknown };

export interface SchemaFiles {
  /** By kind, sorted. */
  kinds: ReadonlyMap<string, JsonObject>;
  /** What the kinds' schemas share, by `$ref`. */
  definitions: JsonObject;
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

/** Reads the JSON Schemas of all kinds that stand directly in `schemas/`. */
export function readSchemas(): SchemaFiles {
  const folder = findFolder();
  const names = readdirSync(folder).filter((name) => name.endsWith('.json'));
  const kinds = new Map<string, JsonObject>();
  let definitions: JsonObject = {};
  let lines = '';
  for (const name of names.sort()) {
    const bytes = readFileSync(new URL(name, folder));
    const schema = JSON.parse(bytes.toString()) as JsonObject;
    if (name === 'definitions.json') definitions = schema;
    else kinds.set(String(schema['title']), schema);
    lines += `${name}\0${sha256Hex(bytes)}\n`;
  }
  return { kinds, definitions, digest: sha256Hex(lines) };
}
