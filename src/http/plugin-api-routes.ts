import { WaymarkError } from '../model/errors.ts';
import type { HostedPlugin } from '../plugin-host/hosted-plugin.ts';
import type { PluginHost } from '../plugin-host/plugin-host.ts';
import { findEnabled, noSuchPlugin } from './plugin-api-call.ts';
import { type Call, type Route, route } from './route.ts';
import { flag, listOf, objectOf, text, whole } from './shapes.ts';

interface Deps {
  plugins: Pick<PluginHost, 'plugins' | 'find'>;
}

const listed = { id: text, name: text, version: text, enabled: flag, hasAPI: flag };

const endpoint = objectOf(
  {
    method: text,
    path: text,
    auth: { enum: ['user', 'public'] },
    rateTier: { enum: ['read', 'write', 'api', 'auth', 'strict', 'webhook'] },
    bridge: flag,
    permission: text,
    description: text,
    input: { type: 'object' },
  },
  ['permission', 'description', 'input'],
);

const example = {
  method: 'GET',
  path: 'items/[id]',
  auth: 'user',
  rateTier: 'read',
  bridge: true,
};

/** What there is below `/api/v1/plugin`; the routes themselves are `plugin-api-router.ts`'s. */
export function pluginApiRoutes({ plugins }: Deps): Route[] {
  return [
    route({
      method: 'get',
      path: '/plugin',
      permission: 'self',
      summary: 'Lists the plugins with a server part, and whether they have routes of their own.',
      answers: {
        200: {
          data: objectOf({
            plugins: listOf(objectOf(listed)),
            totalPlugins: whole,
            enabledPlugins: whole,
            pluginsWithAPI: whole,
          }),
        },
      },
      async handle(call) {
        refuseClients(call);
        const all = plugins.plugins(call.org).map(shown);
        const body = {
          plugins: all,
          totalPlugins: all.length,
          enabledPlugins: all.filter(({ enabled }) => enabled).length,
          pluginsWithAPI: all.filter(({ hasAPI }) => hasAPI).length,
        };
        return { status: 200, body };
      },
    }),
    route({
      method: 'get',
      path: '/plugin/:plugin',
      permission: 'self',
      summary: 'Gives one plugin that is enabled, with its routes.',
      answers: {
        200: {
          data: objectOf({ ...listed, routes: listOf(endpoint) }),
          example: {
            id: 'example',
            name: 'Example',
            version: '1.4.0',
            enabled: true,
            hasAPI: true,
            routes: [example],
          },
        },
      },
      async handle(call) {
        refuseClients(call);
        const { plugin: id } = call.params;
        const plugin = findEnabled(plugins, call.org, id);
        if (!plugin) throw noSuchPlugin(id, plugins.find(call.org, id));
        const routes = plugin.manifest.apiRoutes.map((one) => ({ bridge: false, ...one }));
        return { status: 200, body: { ...shown(plugin), routes } };
      },
    }),
  ];
}

const shown = ({ id, version, isEnabled, manifest }: HostedPlugin) => ({
  id,
  name: manifest.displayName,
  version,
  enabled: isEnabled,
  hasAPI: manifest.capabilities.has('api_routes'),
});

function refuseClients({ caller }: Call): void {
  if (caller.kind !== 'client') return;
  throw new WaymarkError('PERM_DENIED', 'a client’s token is for delivery alone');
}
