import type { FeedTokenStore } from '../identity/feed-token.ts';
import {
  createFeedToken,
  type FeedRequest,
  getFeedToken,
  revokeFeedToken,
  shownFeedToken,
} from '../identity/feed-tokens.ts';
import type { Clock } from '../model/clock.ts';
import type { ListFields } from '../model/listing.ts';
import { jsonBody } from './json-body.ts';
import { listingOf, pagedAnswer } from './listing.ts';
import { name } from './people-shapes.ts';
import { type Route, route } from './route.ts';
import { bodyOf, id, objectOf, text, texts, time, timeOrNull } from './shapes.ts';

interface Deps {
  feedTokens: FeedTokenStore;
  clock: Clock;
}

const plugins = { type: 'array', minItems: 1, maxItems: 1000, uniqueItems: true, items: id };
const selector = bodyOf({ channel: id, release: { ...name, maxLength: 128 }, plugins });
const teams = { type: 'array', maxItems: 100, uniqueItems: true, items: id };
const feedBody = jsonBody<FeedRequest>(bodyOf({ name, selector, teams }, ['name', 'selector']));

const plain = {
  id: text,
  org: text,
  name: text,
  selector: { type: 'object' },
  teams: texts,
  createdAt: time,
  createdBy: text,
  revokedAt: timeOrNull,
  lastUsedAt: timeOrNull,
};

const fields: ListFields = {
  name: { type: 'text', isSortable: true },
  createdAt: { type: 'time', isSortable: true },
  createdBy: { type: 'text' },
  revokedAt: { type: 'time', isSortable: true },
  lastUsedAt: { type: 'time', isSortable: true },
};

/** Tokens that stand in a feed's address, for tools that can send no header. */
export function feedTokenRoutes({ feedTokens, clock }: Deps): Route[] {
  return [
    route({
      method: 'post',
      path: '/feed-tokens',
      permission: 'feed-tokens:write',
      summary: 'Makes a token of a feed; it is shown this once.',
      answers: { 201: { data: objectOf({ ...plain, token: text }) } },
      body: feedBody,
      async handle({ body, caller, org, policy, requestId }) {
        const acting = { caller, org, policy, requestId, clock };
        const made = await createFeedToken(feedTokens, body, acting);
        return { status: 201, body: made, headers: { Location: `/api/v1/feed-tokens/${made.id}` } };
      },
    }),
    route({
      method: 'get',
      path: '/feed-tokens',
      permission: 'feed-tokens:read',
      summary: 'The organisation’s feed tokens, the newest first.',
      fields,
      answers: { 200: { data: objectOf(plain), isPage: true } },
      async handle({ org, query }) {
        const listing = listingOf(query, fields, '-createdAt');
        const { items, totalItems } = await feedTokens.list(org, listing);
        return pagedAnswer({ items: items.map(shownFeedToken), totalItems }, listing);
      },
    }),
    route({
      method: 'get',
      path: '/feed-tokens/:id',
      permission: 'feed-tokens:read',
      summary: 'One feed token.',
      answers: { 200: { data: objectOf(plain) } },
      async handle({ org, params: { id } }) {
        return { status: 200, body: await getFeedToken(feedTokens, org, id) };
      },
    }),
    route({
      method: 'delete',
      path: '/feed-tokens/:id',
      permission: 'feed-tokens:write',
      summary: 'Revokes a feed token; it stays in the list.',
      answers: { 204: null },
      async handle({ params, caller, org, requestId }) {
        await revokeFeedToken(feedTokens, params.id, { caller, org, requestId, clock });
        return { status: 204 };
      },
    }),
  ];
}
