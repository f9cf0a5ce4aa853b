import { isDeepStrictEqual } from 'node:util';
import semver from 'semver';
import { shorten } from './claude-prompt.ts';
import type { JsonFile } from './json-file.ts';
import { type Fields, isFields } from './markdown.ts';

/** The fields that plugin.json and a marketplace's entry share with plugin.yaml's spec. */
const FIELDS = ['version', 'description', 'author', 'license', 'keywords'] as const;

/** What a plugin.json or a marketplace entry says in the fields of a Plugin's spec. */
export function readManifest(value: Fields): { spec: Fields; unmapped: string[] } {
  const spec: Fields = {};
  for (const field of FIELDS) {
    const read = readField(field, value[field]);
    if (read !== undefined) spec[field] = read;
  }
  const unmapped = Object.keys(value).filter((key) => key !== 'name' && !(key in spec));
  return { spec, unmapped };
}

function readField(field: (typeof FIELDS)[number], value: unknown): unknown {
  switch (field) {
    case 'version':
      return isVersion(value) ? value : undefined;
    case 'description':
      return typeof value === 'string' && value ? shorten(value, 4096) : undefined;
    case 'author':
      return readAuthor(value);
    case 'license':
      return typeof value === 'string' && value && value.length <= 200 ? value : undefined;
    case 'keywords':
      return Array.isArray(value) && value.every((word) => typeof word === 'string' && word)
        ? value
        : undefined;
  }
}

// semver itself lets a leading `v` pass.
function isVersion(value: unknown): boolean {
  return typeof value === 'string' && /^\d/.test(value) && semver.parse(value)?.raw === value;
}

function readAuthor(value: unknown): unknown {
  if (typeof value === 'string') return value || undefined;
  if (!isFields(value)) return undefined;
  const isKnown = ([key, text]: [string, unknown]): boolean =>
    ['name', 'email', 'url'].includes(key) && typeof text === 'string' && text !== '';
  const known = Object.entries(value).filter(isKnown);
  return known.length === 0 ? undefined : Object.fromEntries(known);
}

/**
 * Brings plugin.json in line with plugin.yaml. Only what the file itself states
 * is compared: an import adds to plugin.yaml what the marketplace's entry said.
 */
export function updateManifest(file: JsonFile, spec: Fields): void {
  const stated = readManifest(file.value).spec;
  for (const field of Object.keys(stated)) {
    if (isDeepStrictEqual(stated[field], spec[field])) continue;
    if (spec[field] === undefined) delete file.value[field];
    else file.value[field] = spec[field];
    file.isChanged = true;
  }
}

export function makeManifest(path: string, id: string, spec: Fields): JsonFile {
  const value: Fields = { name: id };
  for (const field of FIELDS) {
    const given = spec[field];
    if (given === undefined) continue;
    value[field] = field === 'author' && typeof given === 'string' ? { name: given } : given;
  }
  return { path, value, isChanged: true };
}
