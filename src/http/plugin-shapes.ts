import type { HostedPlugin, MenuEntry } from '../plugin-host/hosted-plugin.ts';

/** What a console asks of a plugin, by what it is good for. */
export type Provided =
  | 'integration'
  | 'step'
  | 'gate'
  | 'notifier'
  | 'hook'
  | 'tool'
  | 'route'
  | 'page';

/** A server part as its organisation and the site's operator see it. */
export function shownPlugin(plugin: HostedPlugin, menu: readonly MenuEntry[]) {
  const { id, version, source, manifest, trust, signature, state, isEnabled, priority } = plugin;
  const { displayName: name, category, capabilities, configSchema = null } = manifest;
  return {
    id,
    name,
    version,
    category,
    source,
    trust,
    signature,
    runtime: source === 'builtin' ? 'in-process' : manifest.runtime,
    provides: providedBy(plugin),
    capabilities: [...capabilities],
    configSchema,
    state,
    enabled: isEnabled,
    priority,
    permissions: { requested: plugin.requested, granted: plugin.grants },
    routes: plugin.routes.map(({ method, path }) => `${method} ${path}`),
    menu,
    pending: plugin.pending,
    lastError: plugin.lastError,
  };
}

export function providedBy({ manifest, routes, pages }: HostedPlugin): Provided[] {
  const { capabilities, integrationTypes } = manifest;
  const isNotifier = integrationTypes.some(({ category }) => category === 'notify');
  const all: readonly [Provided, boolean][] = [
    ['integration', capabilities.has('integration')],
    ['step', capabilities.has('step_type')],
    ['gate', capabilities.has('gate')],
    ['notifier', isNotifier],
    ['hook', [...capabilities].some((one) => one.endsWith('_hook'))],
    ['tool', capabilities.has('tools')],
    ['route', capabilities.has('api_routes') || routes.length > 0],
    ['page', pages.length > 0],
  ];
  return all.flatMap(([provided, isSo]) => (isSo ? [provided] : []));
}
