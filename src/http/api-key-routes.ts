import type { ApiKeyStore } from '../identity/api-key.ts';
import { createApiKey, type KeyRequest, revokeApiKey, shownKey } from '../identity/api-keys.ts';
import type { Authenticator } from '../identity/authenticate.ts';
import { ROLES } from '../identity/roles.ts';
import type { Clock } from '../model/clock.ts';
import { jsonBody } from './json-body.ts';
import { pageOf } from './pagination.ts';
import { type Call, type Route, route } from './route.ts';
import { SITE } from './tenant.ts';

interface Deps {
  apiKeys: ApiKeyStore;
  authenticator: Pick<Authenticator, 'invalidate'>;
  clock: Clock;
}

const name = { type: 'string', minLength: 1, maxLength: 200 };

const keyBody = jsonBody<KeyRequest>({
  type: 'object',
  required: ['name', 'roles'],
  additionalProperties: false,
  properties: {
    name,
    roles: { type: 'array', minItems: 1, maxItems: 8, uniqueItems: true, items: { enum: ROLES } },
    user: name,
    teams: { type: 'array', maxItems: 100, uniqueItems: true, items: name },
    expiresAt: { type: 'string', format: 'date-time' },
  },
});

const placeOf = ({ org }: Pick<Call, 'org'>): string | null => (org === SITE ? null : org);

export function apiKeyRoutes({ apiKeys, authenticator, clock }: Deps): Route[] {
  return [
    route({
      method: 'post',
      path: '/api-keys',
      permission: 'api-keys:write',
      body: keyBody,
      async handle({ body, caller, org, requestId }) {
        const acting = { caller, org: placeOf({ org }), requestId, clock };
        const made = await createApiKey(apiKeys, body, acting);
        return { status: 201, body: made, headers: { Location: `/api/v1/api-keys/${made.id}` } };
      },
    }),
    route({
      method: 'get',
      path: '/api-keys',
      permission: 'api-keys:read',
      async handle(call) {
        const keys = await apiKeys.list(placeOf(call));
        return { status: 200, ...pageOf(keys.map(shownKey), call.query) };
      },
    }),
    route({
      method: 'delete',
      path: '/api-keys/:id',
      permission: 'api-keys:write',
      async handle({ params: { id }, caller, org, requestId }) {
        await revokeApiKey(apiKeys, id, { caller, org: placeOf({ org }), requestId, clock });
        authenticator.invalidate(id);
        return { status: 204 };
      },
    }),
  ];
}
