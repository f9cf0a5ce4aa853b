import { definePlugin } from 'waymark/plugin';
import { z } from 'zod';
import { checkPage, listComponents, openIncident, resolveIncident } from './status-api.ts';

export default definePlugin({
  integrations: [
    {
      name: 'page',
      category: 'notify',
      displayName: 'Status page',
      configSchema: z.object({
        endpoint: z.url().describe('Where the status page’s API is.'),
        page: z.string().min(1).describe('Which of its pages.'),
      }),
      // Kept apart from the configuration, and never in git. This plugin does not ask for
      // `permissions.secrets`: it only ever sees the token's name, and the host puts the value into
      // the header.
      secretsSchema: z.object({ token: z.string().min(8) }),
      resourceTypes: ['component'],

      test: async (ctx) => {
        const fault = await checkPage(ctx);
        const check = { name: 'page', ok: fault === undefined, ...(fault && { message: fault }) };
        return { ok: check.ok, checks: [check] };
      },

      health: async (ctx) => {
        const fault = await checkPage(ctx);
        return fault ? { status: 'unhealthy', message: fault } : { status: 'healthy' };
      },

      discover: async ({ query = '' }, ctx) => {
        const components = await listComponents(ctx);
        const wanted = components.filter(({ name }) => name.includes(query));
        return {
          resources: wanted.map(({ id, name, status }) => ({
            ...{ id, name, type: 'component', metadata: { status } },
          })),
        };
      },

      operations: { 'incident.open': openIncident, 'incident.resolve': resolveIncident },
    },
  ],
});
