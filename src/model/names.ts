/** The eight kinds of config object, by the name used in ids, manifests and answers. */
export const OBJECT_TYPES = [
  'skill',
  'agent',
  'command',
  'tool',
  'mcp',
  'hook',
  'context',
  'custom',
] as const;
export type ObjectType = (typeof OBJECT_TYPES)[number];

/** The folder that holds objects of a type: `skills`, …, but `custom`. */
export const FOLDER_OF_TYPE: Record<ObjectType, string> = {
  skill: 'skills',
  agent: 'agents',
  command: 'commands',
  tool: 'tools',
  mcp: 'mcps',
  hook: 'hooks',
  context: 'contexts',
  custom: 'custom',
};

export const TYPE_OF_FOLDER: ReadonlyMap<string, ObjectType> = new Map(
  OBJECT_TYPES.map((type) => [FOLDER_OF_TYPE[type], type]),
);

const OBJECT_ID = /^[a-z0-9]([a-z0-9._-]{0,126}[a-z0-9])?$/;
const PLUGIN_ID = /^[a-z0-9](-?[a-z0-9]){0,62}$/;
const ORG_SLUG = PLUGIN_ID;
const OID = /^[0-9a-f]{40}$/;

export const isObjectId = (text: string): boolean => OBJECT_ID.test(text);
/** Also the pattern of a channel, team, environment and every other one-file resource. */
export const isPluginId = (text: string): boolean => PLUGIN_ID.test(text);
export const isOrgSlug = (text: string): boolean => ORG_SLUG.test(text);
export const isOid = (text: string): boolean => OID.test(text);

/** What git writes for "no object": as an old value it means create, as a new one delete. */
export const ZERO_OID = '0'.repeat(40);

/** `sales` and `1.4.0` → `sales--v1.4.0`. A plugin id holds no `--`, so the form is unambiguous. */
export const versionTag = (plugin: string, version: string): string => `${plugin}--v${version}`;

/** The plugin and version that a tag's name stands for, if it has that form. */
export function parseVersionTag(name: string): { plugin: string; version: string } | undefined {
  const at = name.indexOf('--v');
  if (at <= 0) return undefined;
  return { plugin: name.slice(0, at), version: name.slice(at + 3) };
}

export const NAMED_RELEASE_PREFIX = 'release/';
