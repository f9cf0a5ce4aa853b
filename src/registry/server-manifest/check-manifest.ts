import { compileRoutes } from './api-segments.ts';
import { HOOK_CAPABILITIES } from './hook-events.ts';
import type { JsonFault } from './json-text.ts';
import type { Capability, JsonSchema } from './manifest.ts';
import { checkSchemaBounds } from './schema-bounds.ts';
import { secretFields } from './secret-fields.ts';
import type { ManifestSource, WrittenManifest } from './written-manifest.ts';

/** What is wrong with a `plugin.json` of the right shape. */
export const checkManifest = (manifest: WrittenManifest, source: ManifestSource): JsonFault[] => [
  ...(source === 'host' ? checkNames(manifest) : []),
  ...checkRuntime(manifest, source),
  ...checkCapabilities(manifest),
  ...checkHooks(manifest),
  ...checkApiRoutes(manifest),
  ...checkTwins(manifest),
  ...(source === 'builtin' ? [] : checkTypeNames(manifest)),
  ...checkSchemas(manifest),
  ...checkSecrets(manifest),
];

/** Nobody vouches for what lies in a folder of the host, so it says itself what it is. */
function checkNames(manifest: WrittenManifest): JsonFault[] {
  const names = ['displayName', 'version', 'author', 'repository'] as const;
  return names
    .filter((name) => (manifest[name] ?? '').trim() === '')
    .map((name) => ({ pointer: `/${name}`, message: `${name} is missing or blank` }));
}

function checkRuntime({ runtime }: WrittenManifest, source: ManifestSource): JsonFault[] {
  if (runtime !== 'process' || source !== 'registry') return [];
  return [{ pointer: '/runtime', message: 'what comes from a registry runs in the sandbox' }];
}

/** What each list is of. */
const LISTS = {
  apiRoutes: 'api_routes',
  integrationTypes: 'integration',
  gates: 'gate',
  stepTypes: 'step_type',
  tools: 'tools',
} as const satisfies Partial<Record<keyof WrittenManifest, Capability>>;
type List = keyof typeof LISTS;

function checkCapabilities(manifest: WrittenManifest): JsonFault[] {
  const { capabilities } = manifest;
  if (!Object.values(capabilities).includes(true)) {
    return [{ pointer: '/capabilities', message: 'it has no capability' }];
  }
  return (Object.keys(LISTS) as List[])
    .filter((list) => (manifest[list]?.length ?? 0) > 0 && !capabilities[LISTS[list]])
    .map((list) => ({
      pointer: `/${list}`,
      message: `${list} needs the capability ${LISTS[list]}`,
    }));
}

function checkHooks({ hooks = [], capabilities }: WrittenManifest): JsonFault[] {
  return hooks.flatMap((event, i) => {
    const pointer = `/hooks/${i}`;
    if (event === '*') {
      const hasAny = Object.values(HOOK_CAPABILITIES).some((name) => capabilities[name]);
      return hasAny ? [] : [{ pointer, message: '* needs the capability of a hook' }];
    }
    const needed = HOOK_CAPABILITIES[event]!;
    return capabilities[needed]
      ? []
      : [{ pointer, message: `${event} needs the capability ${needed}` }];
  });
}

function checkApiRoutes({ apiRoutes = [] }: WrittenManifest): JsonFault[] {
  const routes = apiRoutes.map((route) => ({ auth: 'user', rateTier: 'api', ...route }) as const);
  return compileRoutes(routes).problems.map(({ index, message }) => ({
    pointer: `/apiRoutes/${index}/path`,
    message: `${routes[index]!.path} ${message}`,
  }));
}

function checkTwins(manifest: WrittenManifest): JsonFault[] {
  return (['integrationTypes', 'gates', 'stepTypes', 'tools'] as const).flatMap((list) => {
    const names = (manifest[list] ?? []).map(({ name }) => name);
    return names.flatMap((name, i) =>
      names.indexOf(name) === i
        ? []
        : [{ pointer: `/${list}/${i}/name`, message: `${name} is there twice` }],
    );
  });
}

/** Waymark's own are named whole, such as `scm.github`. */
const checkTypeNames = ({ integrationTypes = [] }: WrittenManifest): JsonFault[] =>
  integrationTypes.flatMap(({ name }, i) =>
    name.includes('.')
      ? [
          {
            pointer: `/integrationTypes/${i}/name`,
            message: `${name} has a dot: the plugin's id is put before it anyway`,
          },
        ]
      : [],
  );

function checkSchemas(manifest: WrittenManifest): JsonFault[] {
  return schemasOf(manifest).flatMap(([at, schema]) => {
    const found = checkSchemaBounds(schema);
    return found ? [{ pointer: at + found.pointer, message: `the schema ${found.message}` }] : [];
  });
}

/** All schemas of a manifest, each with its pointer. */
function schemasOf(manifest: WrittenManifest): [pointer: string, schema: JsonSchema][] {
  const { configSchema, apiRoutes, integrationTypes, gates, stepTypes, tools } = manifest;
  const lists = { apiRoutes, integrationTypes, gates, stepTypes, tools };
  const own: [string, JsonSchema][] = configSchema ? [['/configSchema', configSchema]] : [];
  const listed = Object.entries(lists).flatMap(([list, items = []]) =>
    items.flatMap((item, i) =>
      Object.entries(item)
        .filter(([key]) => key === 'input' || key.endsWith('Schema'))
        .map(([key, schema]): [string, JsonSchema] => [
          `/${list}/${i}/${key}`,
          schema as JsonSchema,
        ]),
    ),
  );
  return [...own, ...listed];
}

function checkSecrets(manifest: WrittenManifest): JsonFault[] {
  const { permissions, configSchema, integrationTypes = [] } = manifest;
  const schemas = [configSchema, ...integrationTypes.map(({ configSchema: one }) => one)];
  const known = new Set([
    ...schemas.flatMap((schema) => (schema ? secretFields(schema) : [])),
    ...integrationTypes.flatMap(({ secretsSchema }) => Object.keys(propertiesOf(secretsSchema))),
  ]);
  return (permissions?.secrets ?? []).flatMap((field, i) =>
    known.has(field)
      ? []
      : [{ pointer: `/permissions/secrets/${i}`, message: `${field} is no writeOnly field` }],
  );
}

const propertiesOf = (schema: JsonSchema | undefined): object =>
  (schema?.['properties'] as object | undefined) ?? {};
