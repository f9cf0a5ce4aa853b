import type { Clock } from '../model/clock.ts';
import {
  type Asked,
  discoverResources,
  type IntegrationAskDeps,
  noteOfTest,
  type Search,
  testIntegration,
} from '../plugin-host/ask-integration.ts';
import type { Config } from '../plugin-host/contract/secrets-in-config.ts';
import type { IntegrationHealthStore } from '../plugin-host/integration-health.ts';
import type { PluginHost } from '../plugin-host/plugin-host.ts';
import { noSuchIntegration } from '../plugin-host/write-integration.ts';
import { discoverAnswer, integrationHealthAnswer, testAnswer } from './integration-shapes.ts';
import { jsonBody } from './json-body.ts';
import { type Call, type Route, route } from './route.ts';
import { bodyOf, mapOf, ordinal } from './shapes.ts';

interface Deps extends Omit<IntegrationAskDeps, 'plugins'> {
  plugins: PluginHost;
  integrationHealth: IntegrationHealthStore;
  clock: Clock;
}

const testBody = jsonBody<{ config?: Config; credentials?: Config }>(
  bodyOf({ config: { type: 'object' }, credentials: mapOf({ type: ['string', 'null'] }) }),
);
const word = (maxLength: number) => ({ type: 'string', minLength: 1, maxLength });
const discoverBody = jsonBody<Search>(
  bodyOf(
    {
      resourceType: word(100),
      query: { type: 'string', maxLength: 200 },
      page: { ...ordinal, maximum: 10_000 },
    },
    ['resourceType'],
  ),
);

type OfIntegration = Pick<Call, 'org' | 'caller' | 'requestId'> & { params: { id: string } };

/** What an integration is asked. */
export function integrationActionRoutes(deps: Deps): Route[] {
  const { plugins, integrationHealth, clock } = deps;

  /** @throws {WaymarkError} `RES_NOT_FOUND` */
  function askedIn({ org, caller, requestId, params: { id } }: OfIntegration): Asked {
    const binding = plugins.findBinding(org, { scope: 'integration', id });
    if (!binding) throw noSuchIntegration(id);
    return { org, caller, requestId, binding };
  }

  return [
    route({
      method: 'post',
      path: '/integrations/:id/test',
      permission: 'integrations:write',
      summary: 'Tries an integration within ten seconds, also with what is not saved.',
      body: testBody,
      answers: { 200: testAnswer },
      async handle(call) {
        const asked = askedIn(call);
        const { config, credentials } = call.body;
        const outcome = await testIntegration(deps, asked, { config, credentials });
        if (!config && !credentials) {
          await integrationHealth.note(call.org, asked.binding.id, noteOfTest(outcome, clock()));
        }
        return { status: 200, body: outcome };
      },
    }),
    route({
      method: 'post',
      path: '/integrations/:id/discover',
      permission: 'integrations:write',
      summary: 'Lists what there is at the other side, such as repositories.',
      body: discoverBody,
      answers: { 200: discoverAnswer },
      async handle(call) {
        const found = await discoverResources(deps, askedIn(call), call.body);
        const resources = found.map((one) => ({ metadata: {}, ...one }));
        return { status: 200, body: { resources } };
      },
    }),
    route({
      method: 'get',
      path: '/integrations/:id/health',
      permission: 'integrations:read',
      summary: 'Tells how an integration was found, the last fifty times.',
      answers: { 200: integrationHealthAnswer },
      async handle(call) {
        const { org, binding } = askedIn(call);
        const history = await integrationHealth.history(org, binding.id);
        const [last] = history;
        const body = {
          status: last?.status ?? 'unknown',
          checkedAt: last?.at ?? null,
          message: last?.message ?? null,
          history,
        };
        return { status: 200, body };
      },
    }),
  ];
}
