import { CAPABILITIES, type Capability } from '../../registry/server-manifest/manifest.ts';
import { SCHEMA_VERSION } from '../../registry/server-manifest/schema-version.ts';
import { foldCase, readKeys } from './fold-keys.ts';
import {
  fieldsAt,
  flagAt,
  listAt,
  mapAt,
  numberAt,
  oneOf,
  optional,
  type Read,
  textAt,
  violation,
  wordAt,
} from './shape.ts';

/** What a server part says of itself when it is loaded. */
export interface Registration {
  metadata: PluginMetadata;
  /** Of those in its `plugin.json`. */
  capabilities: ReadonlySet<Capability>;
}

export interface PluginMetadata {
  name: string;
  version: string;
  author: string;
  repository: string;
  logo?: string;
  /** To be shown; what configuration may be is the schema's to say. */
  configFields: readonly Readonly<Record<string, unknown>>[];
}

const metadataAt = fieldsAt(
  ['Name', 'Version', 'Author', 'GitHubRepository', 'Logo', 'ConfigFields'],
  (fields, at): PluginMetadata => ({
    name: wordAt(200)(fields.Name, at('Name')),
    version: wordAt(128)(fields.Version, at('Version')),
    author: wordAt(200)(fields.Author, at('Author')),
    repository: wordAt(2048)(fields.GitHubRepository, at('GitHubRepository')),
    ...optional('logo', fields.Logo, at('Logo'), textAt(64 * 1024)),
    configFields: listAt(200, mapAt)(fields.ConfigFields, at('ConfigFields')),
  }),
);

/** A list of names, or `{name: true}`. */
const capabilitiesAt: Read<Set<Capability>> = (value, at) => {
  if (Array.isArray(value)) return new Set(listAt(100, oneOf(CAPABILITIES))(value, at));
  const map = mapAt(value, at);
  for (const name of Object.keys(map)) oneOf(CAPABILITIES)(foldCase(name), `${at}.${name}`);
  const flags = readKeys(map, CAPABILITIES, at);
  return new Set(CAPABILITIES.filter((name) => flagAt(flags[name] ?? false, `${at}.${name}`)));
};

/**
 * @param declared `plugin.json`'s: what the answer may name, and what it means when it names none
 * @throws {ContractViolation}
 */
export function readRegistration(value: unknown, declared: ReadonlySet<Capability>): Registration {
  return fieldsAt(['schema_version', 'metadata', 'capabilities'], (fields, at) => {
    const version = fields.schema_version ?? SCHEMA_VERSION;
    numberAt(1, SCHEMA_VERSION)(version, at('schema_version'));
    const capabilities =
      fields.capabilities === undefined || fields.capabilities === null
        ? declared
        : capabilitiesAt(fields.capabilities, at('capabilities'));
    for (const capability of capabilities) {
      if (declared.has(capability)) continue;
      throw violation(
        at('capabilities'),
        `names ${capability}, which plugin.json does not declare`,
      );
    }
    return { metadata: metadataAt(fields.metadata, at('metadata')), capabilities };
  })(value, 'plugin.register');
}
