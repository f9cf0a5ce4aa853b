import { definePlugin, definitionOf, type PluginDefinition } from './define-plugin.ts';
import type { RouteTree } from './route-tree.ts';
import type { MethodTable } from './wire.ts';

/**
 * What `waymark plugin pack` makes of an author's module and route files: the module's default
 * export, or its only one that describes a plugin, is a table of `definePlugin` or what that takes.
 */
export function assemble(
  module: Readonly<Record<string, unknown>>,
  routes: RouteTree,
): MethodTable {
  const definition = definitionIn(module);
  const hasRoutes = Object.keys(routes).length > 0;
  return definePlugin(
    hasRoutes ? { ...definition, routes: { ...definition.routes, ...routes } } : definition,
  );
}

function definitionIn(module: Readonly<Record<string, unknown>>): PluginDefinition<never> {
  const all = 'default' in module ? [module['default']] : Object.values(module);
  const [found = {}, other] = 'default' in module ? all.filter(isObject) : all.filter(isPlugin);
  if (other) throw new Error('several exports are plugins: make one the default');
  return definitionOf(found) ?? (found as PluginDefinition<never>);
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

const isPlugin = (value: unknown): value is object =>
  isObject(value) && (definitionOf(value) !== undefined || 'capabilities' in value);
