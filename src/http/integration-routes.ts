import { invalidField } from '../model/errors.ts';
import { pageIn } from '../model/page-in.ts';
import type { Binding } from '../plugin-host/binding.ts';
import type { Config } from '../plugin-host/contract/secrets-in-config.ts';
import type { IntegrationHealthStore } from '../plugin-host/integration-health.ts';
import type { PluginHost } from '../plugin-host/plugin-host.ts';
import { servedBindings } from '../plugin-host/show-binding.ts';
import {
  changeIntegration,
  createIntegration,
  type IntegrationWriteDeps,
  noSuchIntegration,
  removeIntegration,
} from '../plugin-host/write-integration.ts';
import type { MetadataChange } from '../registry/metadata.ts';
import { proposedAnswer } from './change-shapes.ts';
import { metadataBody } from './document-shapes.ts';
import {
  integrationAnswer,
  integrationExample,
  integrationFields,
  integrationShape,
  shownIntegration,
} from './integration-shapes.ts';
import { jsonBody } from './json-body.ts';
import { listingOf, pagedAnswer } from './listing.ts';
import {
  checkIfMatch,
  committingOf,
  getRuntime,
  proposedBy,
  type RegistryWriteDeps,
} from './registry-writes.ts';
import { type Call, type Route, route } from './route.ts';
import { bodyOf, flag, mapOf, id as nameShape, text } from './shapes.ts';

interface Deps extends Omit<IntegrationWriteDeps, 'plugins'>, RegistryWriteDeps {
  plugins: PluginHost;
  integrationHealth: IntegrationHealthStore;
}

interface Written extends MetadataChange {
  config?: Config;
  credentials?: Config;
  enabled?: boolean;
}

interface Fixed {
  name: string;
  type: string;
}

const map = { type: 'object' };
/** A text, `***`, null or `{secretRef}`. */
const credentials = mapOf({ type: ['string', 'object', 'null'] });
const written = { ...metadataBody, config: map, credentials, enabled: flag };
const createBody = jsonBody<Written & Fixed>(
  bodyOf({ name: nameShape, type: text, ...written }, ['name', 'type']),
);
/** What is fixed may be sent back as it was read. */
const changeBody = jsonBody<Written & Partial<Fixed>>(
  bodyOf({ name: text, type: text, ...written }),
);

type OfIntegration = Call & { params: { id: string } };

/** Outside systems. */
export function integrationRoutes(deps: Deps): Route[] {
  const { plugins, integrationHealth } = deps;

  /** @throws {WaymarkError} `RES_NOT_FOUND` */
  function getIntegration(org: string, id: string): Binding {
    const binding = plugins.findBinding(org, { scope: 'integration', id });
    if (binding) return binding;
    throw noSuchIntegration(id);
  }

  async function showOne(org: string, id: string) {
    const runtime = getRuntime(deps.runtimes, org);
    const [served] = await servedBindings(runtime, [getIntegration(org, id)]);
    const note = (await integrationHealth.latest(org)).get(id);
    return shownIntegration(plugins, org, served!, note);
  }

  return [
    route({
      method: 'get',
      path: '/integrations',
      permission: 'integrations:read',
      summary: 'Lists the integrations; secrets are shown as ***.',
      fields: integrationFields,
      answers: { 200: { data: integrationShape, isPage: true, example: [integrationExample] } },
      async handle({ org, query }) {
        const listing = listingOf(query, integrationFields, 'id');
        const runtime = getRuntime(deps.runtimes, org);
        const bindings = plugins.bindings(org).filter(({ scope }) => scope === 'integration');
        const all = await servedBindings(runtime, bindings);
        const notes = await integrationHealth.latest(org);
        const shown = all.map((one) =>
          shownIntegration(plugins, org, one, notes.get(one.binding.id)),
        );
        return pagedAnswer(pageIn(shown, listing), listing);
      },
    }),
    route({
      method: 'get',
      path: '/integrations/:id',
      permission: 'integrations:read',
      summary: 'Gives one integration; secrets are shown as ***.',
      answers: { 200: integrationAnswer },
      async handle({ org, params: { id } }) {
        return { status: 200, body: await showOne(org, id) };
      },
    }),
    route({
      method: 'post',
      path: '/integrations',
      permission: 'integrations:write',
      summary: 'Adds an integration, or proposes to.',
      body: createBody,
      answers: { 201: integrationAnswer, 202: proposedAnswer },
      async handle(call) {
        const result = await createIntegration(deps, committingOf(call, deps), call.body);
        const { name } = call.body;
        const Location = `/api/v1/integrations/${name}`;
        return (
          proposedBy(result) ?? {
            status: 201,
            body: await showOne(call.org, name),
            headers: { Location },
          }
        );
      },
    }),
    route({
      method: 'put',
      path: '/integrations/:id',
      permission: 'integrations:write',
      summary:
        'Changes what is given of an integration: its configuration whole, else field by field.',
      hasTextVersion: true,
      body: changeBody,
      answers: { 200: integrationAnswer, 202: proposedAnswer },
      async handle(call: OfIntegration & { body: Written & Partial<Fixed> }) {
        const { id } = call.params;
        const { name, type, ...change } = call.body;
        checkFixed(getIntegration(call.org, id), { name, type });
        const result = await changeIntegration(
          deps,
          committingOf(call, deps),
          id,
          change,
          (before) => checkIfMatch(call, before),
        );
        return proposedBy(result) ?? { status: 200, body: await showOne(call.org, id) };
      },
    }),
    route({
      method: 'delete',
      path: '/integrations/:id',
      permission: 'integrations:delete',
      summary: 'Removes an integration that nothing needs, and its secrets with it.',
      hasTextVersion: true,
      answers: { 204: null, 202: proposedAnswer },
      async handle(call: OfIntegration) {
        const { id } = call.params;
        const result = await removeIntegration(deps, committingOf(call, deps), id, (before) =>
          checkIfMatch(call, before),
        );
        const waiting = proposedBy(result);
        if (!waiting) await integrationHealth.forget(call.org, id);
        return waiting ?? { status: 204 };
      },
    }),
  ];
}

/** @throws {WaymarkError} `VAL_FAILED` */
function checkFixed(
  binding: Binding,
  { name, type }: { name: string | undefined; type: string | undefined },
): void {
  if (name !== undefined && name !== binding.id) throw invalidField('name', 'cannot be changed');
  if (type !== undefined && type !== binding.type) throw invalidField('type', 'cannot be changed');
}
