import type { EditResult, ProposeChange } from '../changes/commit-edit.ts';
import type { OrgRuntime } from '../delivery/runtime.ts';
import type { OrgRuntimes } from '../delivery/runtimes.ts';
import type { Clock } from '../model/clock.ts';
import { WaymarkError } from '../model/errors.ts';
import { mergePatch } from '../model/merge-patch.ts';
import { versionOf } from '../model/version-of.ts';
import type { BindingEntry } from '../plugin-host/binding-place.ts';
import type { Config } from '../plugin-host/contract/secrets-in-config.ts';
import { healthOf } from '../plugin-host/plugin-health.ts';
import type { PluginHost } from '../plugin-host/plugin-host.ts';
import { type ServedBinding, servedBindings, shownConfig } from '../plugin-host/show-binding.ts';
import {
  type BindingChange,
  type BindingWriteDeps,
  writeBinding,
} from '../plugin-host/write-binding.ts';
import { proposedAnswer } from './change-shapes.ts';
import { jsonBody } from './json-body.ts';
import { boundAnswer, boundExample, boundShape } from './namespace-plugin-shapes.ts';
import { getNamespace } from './namespace-scope.ts';
import { pageOf } from './pagination.ts';
import { type Answer, type Call, type Route, route, textVersionOf } from './route.ts';
import { bodyOf, flag } from './shapes.ts';
import { noSuchOrg } from './tenant.ts';

interface Deps extends Pick<BindingWriteDeps, 'bindingVault'> {
  runtimes: Pick<OrgRuntimes, 'find'>;
  plugins: PluginHost;
  propose: ProposeChange;
  clock: Clock;
}

const path = '/namespaces/:id/plugins/:pluginId';

interface Bound {
  enabled?: boolean;
  config?: Config;
}

type InNamespace = Pick<Call, 'org' | 'caller'> & { params: { id: string } };
type OfPlugin = Call<typeof path>;

const body = jsonBody<Bound>(bodyOf({ enabled: flag, config: { type: 'object' } }));
const MANAGING = ['plugins:manage', 'namespaces:manage'] as const;

/** What is bound to a namespace: configuration in git, which server parts are called with. */
export function namespacePluginRoutes(deps: Deps): Route[] {
  const { plugins } = deps;

  /** @throws {WaymarkError} `RES_NOT_FOUND` for a namespace of another department */
  function runtimeFor({ org, caller, params }: InNamespace): OrgRuntime {
    const runtime = deps.runtimes.find(org);
    if (!runtime) throw noSuchOrg(org);
    getNamespace(runtime.view.published.config, caller, params.id);
    return runtime;
  }

  function show(org: string, { binding, document, version }: ServedBinding) {
    const { pluginId, isEnabled: enabled } = binding;
    const plugin = plugins.find(org, pluginId);
    const { updatedAt, updatedBy } = document.written;
    return {
      pluginId,
      name: plugin?.manifest.displayName ?? pluginId,
      category: plugin?.manifest.category ?? null,
      capabilities: [...(plugin?.manifest.capabilities ?? [])],
      enabled,
      config: shownConfig(plugin, binding),
      health: healthOf(plugin),
      pluginVersion: plugin?.version ?? null,
      version,
      updatedAt,
      updatedBy,
    };
  }

  /** @throws {WaymarkError} as `notBound` */
  async function showOf(call: OfPlugin) {
    const runtime = runtimeFor(call);
    const binding = plugins.findBinding(call.org, refOf(call));
    if (!binding) throw notBound(plugins, call);
    const [served] = await servedBindings(runtime, [binding]);
    return show(call.org, served!);
  }

  /** Undefined: what was asked for is done. */
  async function write(
    call: OfPlugin,
    change: Omit<BindingChange, 'ref' | 'pluginId'>,
  ): Promise<Answer | undefined> {
    const runtime = runtimeFor(call);
    const { caller, requestId, params } = call;
    const { actor, makers = [], permissions } = caller;
    const who = { actor, makers, permissions, requestId };
    const committing = { ...who, runtime, clock: deps.clock, propose: deps.propose };
    const about = { ref: refOf(call), pluginId: params.pluginId };
    return proposed(await writeBinding(deps, committing, { ...about, ...change }));
  }

  /** @throws {WaymarkError} `PLG_NOT_FOUND`, `PLG_DISABLED` */
  function checkOn({ org, params: { pluginId } }: OfPlugin): void {
    const plugin = plugins.find(org, pluginId);
    if (!plugin) throw noSuchPlugin(pluginId);
    if (plugin.isEnabled) return;
    const message = `the organisation has ${pluginId} switched off: enable it first`;
    throw new WaymarkError('PLG_DISABLED', message);
  }

  return [
    route({
      method: 'get',
      path: '/namespaces/:id/plugins',
      permission: 'namespaces:read',
      summary: 'Lists the plugins that are bound to a namespace; secrets are shown as ***.',
      answers: { 200: { data: boundShape, isPage: true, example: [boundExample] } },
      async handle(call) {
        const runtime = runtimeFor(call);
        const bound = plugins
          .bindings(call.org)
          .filter(({ namespaceId }) => namespaceId === call.params.id);
        const served = await servedBindings(runtime, bound);
        return pageOf(
          served.map((one) => show(call.org, one)),
          call.query,
        );
      },
    }),
    route({
      method: 'get',
      path,
      permission: 'namespaces:read',
      summary: 'Gives one plugin as it is bound to a namespace.',
      answers: { 200: boundAnswer },
      handle: async (call) => ({ status: 200, body: await showOf(call) }),
    }),
    route({
      method: 'post',
      path,
      permission: MANAGING,
      summary: 'Binds a plugin to a namespace, or proposes to.',
      body,
      answers: { 201: boundAnswer, 202: proposedAnswer },
      async handle(call) {
        const { id, pluginId } = call.params;
        runtimeFor(call);
        checkOn(call);
        const { enabled = true, config = {} } = call.body;
        const waiting = await write(call, {
          message: `Bind ${pluginId} to ${id}`,
          next(before) {
            if (!before) return { enabled, config };
            throw new WaymarkError('RES_DUPLICATE', `${pluginId} is bound to ${id} already`);
          },
        });
        const Location = `/api/v1/namespaces/${id}/plugins/${pluginId}`;
        return waiting ?? { status: 201, body: await showOf(call), headers: { Location } };
      },
    }),
    route({
      method: 'patch',
      path,
      permission: MANAGING,
      summary: 'Merges a patch into what is bound; what it does not name stays, secrets too.',
      hasTextVersion: true,
      body,
      answers: { 200: boundAnswer, 202: proposedAnswer },
      async handle(call) {
        const { id, pluginId } = call.params;
        const { enabled, config } = call.body;
        const waiting = await write(call, {
          message: `Change ${pluginId} of ${id}`,
          isResuming: enabled === true,
          next: (before) => ({
            ...current(plugins, call, before),
            ...(enabled === undefined ? {} : { enabled }),
            ...(config && { config: mergePatch(before?.config, config) as Config }),
          }),
        });
        return waiting ?? { status: 200, body: await showOf(call) };
      },
    }),
    route({
      method: 'delete',
      path,
      permission: MANAGING,
      summary: 'Takes a plugin off a namespace; its secrets go too.',
      hasTextVersion: true,
      answers: { 204: null, 202: proposedAnswer },
      async handle(call) {
        const { id, pluginId } = call.params;
        const waiting = await write(call, {
          message: `Take ${pluginId} off ${id}`,
          next: (before) => void current(plugins, call, before),
        });
        return waiting ?? { status: 204 };
      },
    }),
  ];
}

const refOf = ({ params: { id, pluginId } }: OfPlugin) => ({
  scope: 'namespace' as const,
  id: `${id}.${pluginId}`,
});

function notBound(
  plugins: Pick<PluginHost, 'find'>,
  { org, params: { id, pluginId } }: OfPlugin,
): WaymarkError {
  if (!plugins.find(org, pluginId)) return noSuchPlugin(pluginId);
  const message = `there is no plugin ${pluginId} in the namespace ${id}`;
  return new WaymarkError('RES_NOT_FOUND', message);
}

const noSuchPlugin = (id: string): WaymarkError =>
  new WaymarkError('PLG_NOT_FOUND', `there is no plugin ${id}`);

/** @throws {WaymarkError} as `notBound`, `RES_VERSION_CONFLICT` for another than `If-Match` names */
function current(
  plugins: Pick<PluginHost, 'find'>,
  call: OfPlugin,
  before: BindingEntry | undefined,
): BindingEntry {
  if (!before) throw notBound(plugins, call);
  const wanted = textVersionOf(call.request);
  if (wanted === undefined || wanted === versionOf(before)) return before;
  const message = `${call.params.pluginId} has changed: read it, then retry`;
  throw new WaymarkError('RES_VERSION_CONFLICT', message);
}

function proposed(result: EditResult): Answer | undefined {
  if ('commit' in result) return undefined;
  return { status: 202, body: result, headers: { Location: result.change.url } };
}
