import { type ContextOf, createContext, type PluginContext } from './context.ts';
import { toWireAnswer } from './http-message.ts';
import { findType, integrationMethods } from './integration-methods.ts';
import type { IntegrationPlugin } from './integration-plugin.ts';
import { handleRoute, type RouteTree } from './route-tree.ts';
import { type ConfigSchema, checkConfig, isTyped, parseConfig } from './schema.ts';
import { offer } from './use-plugin.ts';
import {
  type JsonObject,
  type MethodTable,
  WIRE_METHODS,
  type WireAnswer,
  type WireHandler,
  type WireRequest,
} from './wire.ts';

/** Any of the three styles, or several at once. Where two say what a method does, the rawer one does it. */
export interface PluginDefinition<C = JsonObject>
  extends Partial<IntegrationPlugin<C>>,
    MethodTable {
  /** What route files export, by their place: `{'items/[id]': {GET(request, {params}) {…}}}`. */
  routes?: RouteTree;
  /** What the plugin's own route files find by `usePlugin(id)`. */
  api?: object;
  /** `management.register`. */
  register?: WireHandler<'management.register'>;
  /** `management.handle`, of management routes and pages. */
  handle?(
    request: WireRequest,
    ctx: PluginContext<C>,
  ): ManagementAnswer | Promise<ManagementAnswer>;
}

type ManagementAnswer = Response | WireAnswer | undefined;

/** Of an `IntegrationPlugin`, a tree of routes or raw handlers: one table of methods, which a script exports. */
export function definePlugin<C = JsonObject>(definition: PluginDefinition<C>): MethodTable {
  const { id, api } = definition;
  if (id && api) offer(id, api);
  const schemaOf = schemasOf(definition);
  const contextOf: ContextOf<C> = async ({ context, integration }, call) =>
    createContext(context, await parseConfig(schemaOf(integration?.type), context.config), call);
  const table: MethodTable = {
    ...(hasTypedSchema(definition) && {
      'config.validate': ({ config, type }) => checkConfig(schemaOf(type), config),
    }),
    ...integrationMethods(definition, contextOf),
    ...httpMethods(definition, contextOf),
    ...rawMethods(definition),
  };
  definitions.set(table, definition as PluginDefinition<never>);
  return table;
}

/** The schema of a binding, which for an integration is its type's. */
const schemasOf =
  <C>({ configSchema, integrations = [] }: PluginDefinition<C>) =>
  (type: string | undefined): ConfigSchema<C> | undefined =>
    type === undefined ? configSchema : findType(integrations, type)?.configSchema;

const hasTypedSchema = <C>({ configSchema, integrations = [] }: PluginDefinition<C>): boolean =>
  [configSchema, ...integrations.map((one) => one.configSchema)].some((one) => isTyped(one));

const definitions = new WeakMap<object, PluginDefinition<never>>();

/** What a table was made of, for whoever packs it. */
export const definitionOf = (table: object): PluginDefinition<never> | undefined =>
  definitions.get(table);

function httpMethods<C>(definition: PluginDefinition<C>, contextOf: ContextOf<C>): MethodTable {
  const { routes, register } = definition;
  return {
    ...(routes && {
      'api.handle': async (request, call) =>
        handleRoute(routes, request, (await contextOf(request, call)) as PluginContext<never>),
    }),
    ...(register && { 'management.register': register }),
    ...(definition.handle && {
      'management.handle': async (request, call) =>
        toWireAnswer(await definition.handle?.(request, await contextOf(request, call))),
    }),
  };
}

const rawMethods = (definition: MethodTable): MethodTable =>
  Object.fromEntries(
    WIRE_METHODS.filter((method) => definition[method]).map((method) => [
      method,
      definition[method],
    ]),
  );
