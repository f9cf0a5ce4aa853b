import { definitionOf, type PluginDefinition } from './define-plugin.ts';
import type { PluginIntegration } from './integration-plugin.ts';
import { rateTierOf } from './rate-limit.ts';
import { HTTP_METHODS, type RouteTree } from './route-tree.ts';
import { type ConfigSchema, isTyped } from './schema.ts';
import type { JsonObject, MethodTable } from './wire.ts';

/** `toJSONSchema` of the plugin's own zod. */
type Convert = (schema: unknown, options: object) => JsonObject;

/**
 * What of `plugin.json` a plugin's code says by itself. `waymark plugin pack` runs this in Node, over
 * what it made of the author's files.
 *
 * @throws {Error} for a schema that has no JSON form
 */
export function describePlugin(table: MethodTable, convert: Convert | undefined): JsonObject {
  const definition: PluginDefinition<never> = definitionOf(table) ?? {};
  const { id, name, category, configSchema, tools, integrations, routes = {} } = definition;
  const toJson = (schema: ConfigSchema<unknown> | undefined) => jsonOf(schema, convert);
  return {
    id,
    displayName: name,
    category,
    capabilities: capabilitiesOf(definition),
    hooks: hooksOf(definition),
    configSchema: toJson(configSchema),
    apiRoutes: routesOf(routes),
    tools: tools?.map((tool) => ({
      name: tool.name,
      description: tool.description,
      inputSchema: toJson(tool.inputSchema),
    })),
    integrationTypes: integrations?.map((one) => typeOf(one, toJson)),
  };
}

const BY_METHOD = {
  'management.handle': 'management_api',
  'api.handle': 'api_routes',
  'agent.query': 'agent_query',
  'tool.call': 'tools',
  'integration.call': 'integration',
  'gate.evaluate': 'gate',
  'step.start': 'step_type',
} as const;

function capabilitiesOf(definition: PluginDefinition<never>): string[] {
  const found = [
    ...(definition.capabilities ?? []),
    ...Object.entries(BY_METHOD).flatMap(([method, capability]) =>
      definition[method as keyof typeof BY_METHOD] ? [capability] : [],
    ),
    ...(definition.handle ? ['management_api'] : []),
    ...(definition.routes ? ['api_routes'] : []),
    ...(definition.onAgentQuery ? ['agent_query'] : []),
    ...(definition.tools ? ['tools'] : []),
    ...(definition.integrations ? ['integration'] : []),
    ...(definition.onApprovalCreated ? ['approval_hook'] : []),
    ...(definition.onDocumentReady ? ['document_hook'] : []),
  ];
  return [...new Set(found)];
}

function hooksOf({ onEvent, onApprovalCreated, onDocumentReady }: PluginDefinition<never>) {
  if (onEvent) return ['*'];
  const hooks = [
    ...(onApprovalCreated ? ['approval.created'] : []),
    ...(onDocumentReady ? ['document.ready'] : []),
  ];
  return hooks.length > 0 ? hooks : undefined;
}

const routesOf = (routes: RouteTree) =>
  Object.entries(routes).flatMap(([path, module]) =>
    HTTP_METHODS.flatMap((method) => {
      const handler = module[method];
      return handler ? [{ method, path, rateTier: rateTierOf(handler) }] : [];
    }),
  );

const typeOf = (
  { name, category, displayName, resourceTypes, ...more }: PluginIntegration<never>,
  toJson: (schema: ConfigSchema<unknown> | undefined) => JsonObject | undefined,
) => ({
  name,
  category,
  displayName,
  configSchema: toJson(more.configSchema),
  secretsSchema: toJson(more.secretsSchema),
  resourceTypes,
  operations: more.operations && Object.keys(more.operations),
});

function jsonOf(
  schema: ConfigSchema<unknown> | undefined,
  convert: Convert | undefined,
): JsonObject | undefined {
  if (!isTyped(schema)) return schema;
  if (!convert || !('_zod' in schema)) {
    const { vendor } = schema['~standard'];
    throw new Error(`a schema of ${vendor} has no JSON form: use zod 4, or write JSON Schema`);
  }
  const { $schema: _, ...json } = convert(schema, { io: 'input', unrepresentable: 'any' });
  return adapt(json) as JsonObject;
}

/** Zod's patterns for these look ahead, which servers refuse; they check the formats themselves. */
const CHECKED_BY_FORMAT: ReadonlySet<unknown> = new Set(['duration', 'hostname']);

/** What zod writes, as servers take it: `.meta({secret: true})` is `writeOnly` in JSON Schema. */
function adapt(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(adapt);
  if (typeof node !== 'object' || node === null) return node;
  const inner = Object.entries(node).map(([key, value]) => [key, adapt(value)] as const);
  const { secret, ...rest } = Object.fromEntries(inner);
  if (CHECKED_BY_FORMAT.has(rest['format'])) delete rest['pattern'];
  if (secret === true) return { ...rest, writeOnly: true };
  return secret === undefined ? rest : { ...rest, secret };
}
