import { WaymarkError } from '../model/errors.ts';
import { pageIn } from '../model/page-in.ts';
import { findIntegrationType, integrationTypes } from '../plugin-host/integration-types.ts';
import type { PluginHost } from '../plugin-host/plugin-host.ts';
import { typeExample, typeShape } from './integration-shapes.ts';
import { listingOf, pagedAnswer } from './listing.ts';
import { type Route, route } from './route.ts';

const typeFields = {
  id: { type: 'text', isSortable: true },
  category: { type: 'text', isSortable: true },
  pluginId: { type: 'text', isSortable: true },
  displayName: { type: 'text', isSortable: true },
  isBuiltin: { type: 'boolean', isSortable: true },
} as const;

/** What outside systems are reached by. */
export function integrationTypeRoutes({ plugins }: { plugins: PluginHost }): Route[] {
  return [
    route({
      method: 'get',
      path: '/integration-types',
      permission: 'integrations:read',
      summary: 'Lists what an integration can be of, also of plugins that are off.',
      fields: typeFields,
      answers: { 200: { data: typeShape, isPage: true, example: [typeExample] } },
      async handle({ org, query }) {
        const listing = listingOf(query, typeFields, 'id');
        return pagedAnswer(pageIn(integrationTypes(plugins, org), listing), listing);
      },
    }),
    route({
      method: 'get',
      path: '/integration-types/:typeId',
      permission: 'integrations:read',
      summary: 'Gives one type of integration, with its schemas.',
      answers: { 200: { data: typeShape, example: typeExample } },
      async handle({ org, params: { typeId } }) {
        const body = findIntegrationType(plugins, org, typeId);
        if (body) return { status: 200, body };
        throw new WaymarkError('RES_NOT_FOUND', `there is no integration type ${typeId}`);
      },
    }),
  ];
}
