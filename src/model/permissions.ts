import { findNearest } from './nearest.ts';

/** What permissions of the form `<resource>:read|write|delete` are about. */
const RESOURCES = [
  'agents',
  'api-keys',
  'audit',
  'changes',
  'clients',
  'components',
  'delivery',
  'departments',
  'deployments',
  'environments',
  'evidence',
  'feed-tokens',
  'integrations',
  'members',
  'namespaces',
  'plugins',
  'policies',
  'promotions',
  'registry',
  'releases',
  'rollouts',
  'runs',
  'secrets',
  'targets',
  'tools',
  'upstreams',
  'workflows',
];

const ACTIONS = [
  'agents:enroll',
  'changes:merge',
  'changes:review',
  'evidence:export',
  'freeze:bypass',
  'keys:rotate',
  'namespaces:manage',
  'plugins:manage',
  'promotions:approve',
  'promotions:override',
  'promotions:request',
  'registry:main',
  'releases:block',
  'releases:publish',
  'rollouts:control',
  'runs:control',
];

/**
 * What an org's own roles may allow: everything but what is the site's. Some of it nothing asks for
 * yet; a registry is not refused for being ahead.
 */
export const GRANTABLE: ReadonlySet<string> = new Set([
  ...RESOURCES.flatMap((resource) =>
    ['read', 'write', 'delete'].map((verb) => `${resource}:${verb}`),
  ),
  ...ACTIONS,
]);

/** What lets an API key call the routes of one plugin. */
export type PluginScope = `plugin:${string}:${'read' | 'write'}`;

export const PLUGIN_SCOPE = '^plugin:[a-z0-9](?:-?[a-z0-9]){0,62}:(?:read|write)$';

const PLUGIN_SCOPE_FORM = new RegExp(PLUGIN_SCOPE);

export const isPluginScope = (scope: string): scope is PluginScope => PLUGIN_SCOPE_FORM.test(scope);

export const nearestPermission = (name: string): string | undefined =>
  findNearest(name, [...GRANTABLE]);
