import type { EditResult } from '../changes/commit-edit.ts';
import { invalidField, WaymarkError } from '../model/errors.ts';
import { pageIn } from '../model/page-in.ts';
import type { Binding } from '../plugin-host/binding.ts';
import type { BindingRef } from '../plugin-host/contract/wire.ts';
import type { IntegrationHealthStore } from '../plugin-host/integration-health.ts';
import type { PluginHost } from '../plugin-host/plugin-host.ts';
import { servedBindings } from '../plugin-host/show-binding.ts';
import {
  addInstance,
  changeInstance,
  type InstanceChange,
  type NewInstance,
  removeInstance,
} from '../plugin-host/write-instance.ts';
import type { IntegrationWriteDeps } from '../plugin-host/write-integration.ts';
import { proposedAnswer } from './change-shapes.ts';
import { metadataBody } from './document-shapes.ts';
import { jsonBody } from './json-body.ts';
import { listingOf, pagedAnswer } from './listing.ts';
import { getNamespace, namespacesOf } from './namespace-scope.ts';
import {
  instanceAnswer,
  instanceExample,
  instanceFields,
  instanceShape,
  shownInstance,
} from './plugin-instance-shapes.ts';
import {
  checkIfMatch,
  committingOf,
  getRuntime,
  proposedBy,
  type RegistryWriteDeps,
} from './registry-writes.ts';
import { type Call, type Route, route } from './route.ts';
import { bodyOf, flag, mapOf, id as nameShape, text } from './shapes.ts';
import { checkPermission } from './tenant.ts';

interface Deps extends Omit<IntegrationWriteDeps, 'plugins'>, RegistryWriteDeps {
  plugins: PluginHost;
  integrationHealth: IntegrationHealthStore;
}

const scope = { enum: ['org', 'namespace', 'integration'] };
const changed = {
  /** Of an integration, as its credentials. */
  ...metadataBody,
  enabled: flag,
  config: { type: 'object' },
  /** Of an integration. */
  credentials: mapOf({ type: ['string', 'object', 'null'] }),
};
const createBody = jsonBody<NewInstance>(
  bodyOf(
    { pluginId: nameShape, name: nameShape, scope, namespaceId: nameShape, type: text, ...changed },
    ['pluginId'],
  ),
);
const changeBody = jsonBody<InstanceChange>(bodyOf(changed));

const WRITING = ['plugins:manage', 'namespaces:manage', 'integrations:write'] as const;
const REMOVING = ['plugins:manage', 'namespaces:manage', 'integrations:delete'] as const;
const query = { scope };

type Who = Pick<Call, 'org' | 'caller' | 'query'>;
type OfInstance = Call & { params: { id: string } };

/** Every configuration of every plugin: the organisation's, its namespaces' and its integrations. */
export function pluginInstanceRoutes(deps: Deps): Route[] {
  const { plugins, integrationHealth } = deps;

  /** Less those of other departments. */
  function visible({ org, caller }: Who): Binding[] {
    const { config } = getRuntime(deps.runtimes, org).view.published;
    const namespaces = new Set(namespacesOf(config, caller).map(({ id }) => id));
    return plugins
      .bindings(org)
      .filter(({ namespaceId }) => namespaceId === null || namespaces.has(namespaceId));
  }

  /** @throws {WaymarkError} `RES_NOT_FOUND`; `VAL_FAILED` where two are named so */
  function getInstance(call: OfInstance): Binding {
    const { id } = call.params;
    const wanted = call.query.get('scope');
    const found = visible(call).filter(
      (one) => one.id === id && (wanted === null || one.scope === wanted),
    );
    if (found.length > 1) {
      throw invalidField('scope', `several are named ${id}: say which`, 'required');
    }
    if (found[0]) return found[0];
    throw noSuchInstance(id);
  }

  async function show({ org }: Who, ref: BindingRef) {
    const runtime = getRuntime(deps.runtimes, org);
    const binding = plugins.findBinding(org, ref);
    if (!binding) throw noSuchInstance(ref.id);
    const [served] = await servedBindings(runtime, [binding]);
    return shownInstance(plugins, org, served!, await integrationHealth.latest(org));
  }

  const answer = async (call: Who, ref: BindingRef, result: EditResult, status = 200) =>
    proposedBy(result) ?? { status, body: await show(call, ref) };

  return [
    route({
      method: 'get',
      path: '/plugin-instances',
      permission: 'plugins:read',
      summary: 'Lists every binding of every plugin; secrets are shown as ***.',
      fields: instanceFields,
      answers: { 200: { data: instanceShape, isPage: true, example: [instanceExample] } },
      async handle(call) {
        const listing = listingOf(call.query, instanceFields, 'id');
        const runtime = getRuntime(deps.runtimes, call.org);
        const all = await servedBindings(runtime, visible(call));
        const notes = await integrationHealth.latest(call.org);
        const shown = all.map((one) => shownInstance(plugins, call.org, one, notes));
        return pagedAnswer(pageIn(shown, listing), listing);
      },
    }),
    route({
      method: 'get',
      path: '/plugin-instances/:id',
      permission: 'plugins:read',
      summary: 'Gives one binding of a plugin; secrets are shown as ***.',
      query,
      answers: { 200: instanceAnswer },
      async handle(call) {
        return { status: 200, body: await show(call, getInstance(call)) };
      },
    }),
    route({
      method: 'post',
      path: '/plugin-instances',
      permission: WRITING,
      summary: 'Binds a plugin: without a scope as an integration.',
      body: createBody,
      answers: { 201: instanceAnswer, 202: proposedAnswer },
      async handle(call) {
        const wanted = call.body;
        const { scope: place = 'integration', namespaceId } = wanted;
        checkPermission(call.caller, permissionsFor(place, 'integrations:write'));
        const committing = committingOf(call, deps);
        const { config } = committing.runtime.view.published;
        if (place === 'namespace') {
          if (namespaceId === undefined)
            throw invalidField('namespaceId', 'is missing', 'required');
          getNamespace(config, call.caller, namespaceId);
        }
        const { ref, result } = await addInstance(deps, committing, wanted);
        const Location = `/api/v1/plugin-instances/${ref.id}?scope=${ref.scope}`;
        const made = await answer(call, ref, result, 201);
        return { headers: { Location }, ...made };
      },
    }),
    route({
      method: 'put',
      path: '/plugin-instances/:id',
      permission: WRITING,
      summary: 'Changes what is given of a binding: its configuration whole.',
      query,
      hasTextVersion: true,
      body: changeBody,
      answers: { 200: instanceAnswer, 202: proposedAnswer },
      async handle(call) {
        const binding = getInstance(call);
        checkPermission(call.caller, permissionsFor(binding.scope, 'integrations:write'));
        const result = await changeInstance(
          deps,
          committingOf(call, deps),
          binding,
          call.body,
          (before) => checkIfMatch(call, before),
        );
        return await answer(call, binding, result);
      },
    }),
    route({
      method: 'delete',
      path: '/plugin-instances/:id',
      permission: REMOVING,
      summary: 'Removes a binding that nothing needs, and its secrets with it.',
      query,
      hasTextVersion: true,
      answers: { 204: null, 202: proposedAnswer },
      async handle(call) {
        const binding = getInstance(call);
        checkPermission(call.caller, permissionsFor(binding.scope, 'integrations:delete'));
        const committing = committingOf(call, deps);
        const result = await removeInstance(deps, committing, binding, (before) =>
          checkIfMatch(call, before),
        );
        const waiting = proposedBy(result);
        if (!waiting && binding.scope === 'integration') {
          await integrationHealth.forget(call.org, binding.id);
        }
        return waiting ?? { status: 204 };
      },
    }),
  ];
}

const noSuchInstance = (id: string): WaymarkError =>
  new WaymarkError('RES_NOT_FOUND', `there is no plugin instance ${id}`);

function permissionsFor(
  place: BindingRef['scope'],
  ofIntegrations: 'integrations:write' | 'integrations:delete',
) {
  if (place === 'integration') return ofIntegrations;
  return place === 'org'
    ? ('plugins:manage' as const)
    : (['plugins:manage', 'namespaces:manage'] as const);
}
