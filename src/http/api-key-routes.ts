import type { ApiKeyStore } from '../identity/api-key.ts';
import {
  createApiKey,
  getApiKey,
  type KeyRequest,
  type KeyStores,
  revokeApiKey,
  shownKey,
} from '../identity/api-keys.ts';
import type { Authenticator } from '../identity/authenticate.ts';
import type { Caller } from '../identity/caller.ts';
import type { Clock } from '../model/clock.ts';
import type { ListFields } from '../model/listing.ts';
import { jsonBody } from './json-body.ts';
import { listingOf, pagedAnswer } from './listing.ts';
import { SCOPE } from './patterns.ts';
import { name, roles } from './people-shapes.ts';
import { type Call, type Route, route } from './route.ts';
import { bodyOf, objectOf, text, textOrNull, texts, time, timeOrNull } from './shapes.ts';
import { checkPermission, SITE } from './tenant.ts';

interface Deps extends KeyStores {
  apiKeys: ApiKeyStore;
  authenticator: Pick<Authenticator, 'invalidate'>;
  clock: Clock;
}

const scopes = {
  type: 'array',
  minItems: 1,
  uniqueItems: true,
  items: { type: 'string', pattern: SCOPE },
};

const keyBody = jsonBody<KeyRequest>(
  bodyOf(
    {
      name,
      roles,
      scopes,
      user: { ...name, type: ['string', 'null'] },
      teams: { type: 'array', maxItems: 100, uniqueItems: true, items: name },
      expiresAt: time,
    },
    ['name', 'roles'],
  ),
);

const plain = {
  id: text,
  org: textOrNull,
  name: text,
  user: textOrNull,
  userId: textOrNull,
  teams: texts,
  roles: texts,
  scopes: { type: ['array', 'null'], items: text },
  createdAt: time,
  createdBy: text,
  expiresAt: timeOrNull,
  revokedAt: timeOrNull,
  lastUsedAt: timeOrNull,
};

const fields: ListFields = {
  name: { type: 'text', isSortable: true },
  user: { type: 'text', isSortable: true },
  createdAt: { type: 'time', isSortable: true },
  createdBy: { type: 'text' },
  expiresAt: { type: 'time', isSortable: true },
  revokedAt: { type: 'time', isSortable: true },
  lastUsedAt: { type: 'time', isSortable: true },
};

const placeOf = ({ org }: Pick<Call, 'org'>): string | null => (org === SITE ? null : org);

/** Whose keys a caller sees: everybody's, or only their own. */
function ownerSeenBy(caller: Caller): string | undefined {
  const { kind, userId, permissions } = caller;
  if (kind === 'user' && !permissions.has('api-keys:read')) return userId;
  checkPermission(caller, 'api-keys:read');
  return undefined;
}

/** People make keys of their own; administrators those of programs, and of others. */
export function apiKeyRoutes({ authenticator, clock, ...stores }: Deps): Route[] {
  return [
    route({
      method: 'post',
      path: '/api-keys',
      permission: 'self',
      summary: 'Makes an API key; it is shown this once.',
      answers: { 201: { data: objectOf({ ...plain, key: text }) } },
      body: keyBody,
      async handle({ body, caller, org, policy, requestId }) {
        const acting = { caller, org: placeOf({ org }), policy, requestId, clock };
        const made = await createApiKey(stores, body, acting);
        return { status: 201, body: made, headers: { Location: `/api/v1/api-keys/${made.id}` } };
      },
    }),
    route({
      method: 'get',
      path: '/api-keys',
      permission: 'self',
      summary: 'The API keys, the newest first; without api-keys:read, one’s own.',
      fields,
      answers: { 200: { data: objectOf(plain), isPage: true } },
      async handle(call) {
        const listing = listingOf(call.query, fields, '-createdAt');
        const owner = ownerSeenBy(call.caller);
        const { items, totalItems } = await stores.apiKeys.list(placeOf(call), listing, owner);
        return pagedAnswer({ items: items.map(shownKey), totalItems }, listing);
      },
    }),
    route({
      method: 'get',
      path: '/api-keys/:id',
      permission: 'self',
      summary: 'One API key; without api-keys:read, of one’s own.',
      answers: { 200: { data: objectOf(plain) } },
      async handle({ params: { id }, caller, org }) {
        const seen = { org: placeOf({ org }), owner: ownerSeenBy(caller) };
        return { status: 200, body: await getApiKey(stores.apiKeys, id, seen) };
      },
    }),
    route({
      method: 'delete',
      path: '/api-keys/:id',
      permission: 'self',
      summary: 'Revokes an API key; it stays in the list.',
      answers: { 204: null },
      async handle({ params: { id }, caller, org, requestId }) {
        await revokeApiKey(stores, id, { caller, org: placeOf({ org }), requestId, clock });
        authenticator.invalidate(id);
        return { status: 204 };
      },
    }),
  ];
}
