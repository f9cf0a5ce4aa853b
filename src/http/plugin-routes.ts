import type { AuditStore } from '../audit/entry.ts';
import type { OrgRuntimes } from '../delivery/runtimes.ts';
import { toTime } from '../model/clock.ts';
import { WaymarkError } from '../model/errors.ts';
import type { ListFields } from '../model/listing.ts';
import { pageIn } from '../model/page-in.ts';
import { askPluginHealth } from '../plugin-host/ask-plugin-health.ts';
import { menuOf } from '../plugin-host/contract/management-path.ts';
import { disablePlugin, type EnablingDeps, enablePlugin } from '../plugin-host/enable-plugin.ts';
import type { HostedPlugin } from '../plugin-host/hosted-plugin.ts';
import type { PluginHost } from '../plugin-host/plugin-host.ts';
import { proposedAnswer } from './change-shapes.ts';
import { jsonBody } from './json-body.ts';
import { listingOf, pagedAnswer } from './listing.ts';
import { healthAnswer, pluginAnswer, pluginExample, pluginShape } from './plugin-answers.ts';
import { shownPlugin } from './plugin-shapes.ts';
import { committingOf, proposedBy, type RegistryWriteDeps } from './registry-writes.ts';
import { type Answer, type Call, type Route, route } from './route.ts';
import { bodyOf, flag, text } from './shapes.ts';

interface Deps extends Omit<EnablingDeps, 'plugins'>, RegistryWriteDeps {
  runtimes: Pick<OrgRuntimes, 'find' | 'all'>;
  plugins: PluginHost;
  audit: Pick<AuditStore, 'append'>;
}

const fields = {
  id: { type: 'text', isSortable: true },
  name: { type: 'text', isSortable: true },
  category: { type: 'text', isSortable: true },
  source: { type: 'text', isSortable: true },
  state: { type: 'text', isSortable: true },
  enabled: { type: 'boolean', isSortable: true },
} as const satisfies ListFields;

const grant = { type: 'string', minLength: 1, maxLength: 256 };
const enableBody = jsonBody<{ version?: string; grants?: string[] }>(
  bodyOf({
    version: { ...text, minLength: 1, maxLength: 256 },
    grants: { type: 'array', items: grant, maxItems: 200, uniqueItems: true },
  }),
);
const disableBody = jsonBody<{ force?: boolean }>(bodyOf({ force: flag }));
/** Nothing that needs a plugin keeps it from being reset: `force` may be said, and changes nothing. */
const resetBody = disableBody;

type OfPlugin = Call & { params: { id: string } };

/** The server parts that an organisation has, or could have. */
export function pluginRoutes(deps: Deps): Route[] {
  const { plugins } = deps;

  /** @throws {WaymarkError} `PLG_NOT_FOUND` */
  function getPlugin({ org, params: { id } }: OfPlugin): HostedPlugin {
    const plugin = plugins.find(org, id);
    if (plugin) return plugin;
    throw new WaymarkError('PLG_NOT_FOUND', `there is no plugin ${id}`);
  }

  const show = (org: string, plugin: HostedPlugin) => {
    const inOrg = deps.runtimes.all().length > 1 ? org : undefined;
    return shownPlugin(plugin, menuOf(plugin, inOrg));
  };

  /** Once what was written has been taken up, or could not. */
  async function showSettled(call: OfPlugin): Promise<Answer> {
    await plugins.settled(call.org);
    return { status: 200, body: show(call.org, getPlugin(call)) };
  }

  return [
    route({
      method: 'get',
      path: '/plugins',
      permission: 'plugins:read',
      summary: 'Lists the plugins with a server part, also those that are off.',
      fields,
      answers: { 200: { data: pluginShape, isPage: true, example: [pluginExample] } },
      async handle({ org, query }) {
        const listing = listingOf(query, fields, 'id');
        await plugins.loadRoutes(org);
        const all = plugins.plugins(org).map((one) => show(org, one));
        return pagedAnswer(pageIn(all, listing), listing);
      },
    }),
    route({
      method: 'get',
      path: '/plugins/:id',
      permission: 'plugins:read',
      summary: 'Gives one plugin with a server part.',
      answers: { 200: pluginAnswer },
      async handle(call) {
        // One that cannot be loaded tells why by its `lastError`; what was just pushed is read first.
        await plugins.loadRoutes(call.org, call.params.id).catch(() => {});
        return { status: 200, body: show(call.org, getPlugin(call)) };
      },
    }),
    route({
      method: 'get',
      path: '/plugins/:id/health',
      permission: 'plugins:read',
      summary: 'Asks a plugin how it is, and tells how its calls went.',
      answers: { 200: healthAnswer },
      async handle(call) {
        const { org, requestId } = call;
        const { id } = getPlugin(call);
        const told = await askPluginHealth(plugins, { org, id, requestId });
        const { state, health, lastError } = getPlugin(call);
        const { calls: _calls, ...counted } = health;
        return { status: 200, body: { ...told, state, ...counted, lastError } };
      },
    }),
    route({
      method: 'post',
      path: '/plugins/:id/enable',
      permission: 'plugins:manage',
      summary: 'Switches a plugin on with what it is granted, or proposes to.',
      body: enableBody,
      answers: { 200: pluginAnswer, 202: proposedAnswer },
      async handle(call) {
        const enabling = { id: call.params.id, ...call.body };
        const result = await enablePlugin(deps, committingOf(call, deps), enabling);
        return proposedBy(result) ?? (await showSettled(call));
      },
    }),
    route({
      method: 'post',
      path: '/plugins/:id/disable',
      permission: 'plugins:manage',
      summary: 'Switches a plugin off at once, also where that is proposed only.',
      body: disableBody,
      answers: { 200: pluginAnswer, 202: proposedAnswer },
      async handle(call) {
        const { id } = getPlugin(call);
        const { force: isForced = false } = call.body;
        const result = await disablePlugin(deps, committingOf(call, deps), { id, isForced });
        return proposedBy(result) ?? (await showSettled(call));
      },
    }),
    route({
      method: 'post',
      path: '/plugins/:id/reset',
      permission: 'plugins:manage',
      summary: 'Closes a plugin’s breaker, and lets one that has failed try again.',
      body: resetBody,
      answers: { 200: pluginAnswer },
      async handle(call) {
        const { org, requestId, caller } = call;
        const { id } = getPlugin(call);
        await plugins.reset(org, id);
        await deps.audit.append({
          at: toTime(deps.clock()),
          tenant: org,
          actor: caller.actor,
          action: 'plugin.reset',
          resource: `plugins/${id}`,
          requestId,
        });
        return await showSettled(call);
      },
    }),
  ];
}
