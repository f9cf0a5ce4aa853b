import { type JsonObject, readSchemas } from './schema-files.ts';

/** A server part that is Waymark's own, as far as configuration goes. */
export interface BuiltinPlugin {
  id: string;
  configSchema: JsonObject;
  /** The integration type that it is, such as `scm.github`. */
  type?: string;
  /** Of an integration's `credentials`, each a string. */
  credentialsSchema?: JsonObject;
}

/** By id: one file each of `schemas/plugins/`. */
export const BUILTIN_PLUGINS: ReadonlyMap<string, BuiltinPlugin> = new Map(
  [...readSchemas().plugins].map(([id, file]) => [id, fromFile(id, file)]),
);

const BY_TYPE: ReadonlyMap<string, BuiltinPlugin> = new Map(
  [...BUILTIN_PLUGINS.values()].flatMap((plugin) =>
    plugin.type === undefined ? [] : [[plugin.type, plugin] as const],
  ),
);

function fromFile(id: string, file: JsonObject): BuiltinPlugin {
  const { $schema: _, $id: __, $defs, 'x-integration-type': type, ...configSchema } = file;
  const { credentials } = ($defs ?? {}) as { credentials?: JsonObject };
  return {
    id,
    configSchema,
    ...(typeof type === 'string' ? { type } : {}),
    ...(credentials === undefined ? {} : { credentialsSchema: credentials }),
  };
}

export const findBuiltinByType = (type: string): BuiltinPlugin | undefined => BY_TYPE.get(type);

/** Who speaks to integrations of a type: other than a built-in's it begins with its plugin's id. */
export const pluginOfType = (type: string): string => BY_TYPE.get(type)?.id ?? type.split('.')[0]!;
