import type { Mirrors } from '../mirror/mirrors.ts';
import { secretFields, type Vault } from '../secrets/vault.ts';
import { jsonBody } from './json-body.ts';
import { listingOf, pagedAnswer } from './listing.ts';
import { type Call, type Route, route } from './route.ts';
import { objectOf, text, time } from './shapes.ts';

const LONGEST_VALUE = 65_536;

const value = { type: 'string', minLength: 1, maxLength: LONGEST_VALUE };
const secretBody = jsonBody<{ value: string }>(objectOf({ value }));

const secretShape = objectOf({ name: text, updatedAt: time, updatedBy: text });
const example = {
  name: 'upstream-token',
  updatedAt: '2026-11-21T06:53:57.831Z',
  updatedBy: 'key:0123456789abcdef',
};

const actingIn = ({
  org,
  caller: { actor },
  requestId,
}: Pick<Call, 'org' | 'caller' | 'requestId'>) => ({
  org,
  actor,
  requestId,
});

interface Deps {
  vault: Vault;
  mirrors: Pick<Mirrors, 'hint'>;
}

/** An org's secrets go in, and only the server reads them. */
export function secretRoutes({ vault, mirrors }: Deps): Route[] {
  return [
    route({
      method: 'get',
      path: '/secrets',
      permission: 'secrets:read',
      summary: 'Lists the names of the secrets; their values are never shown.',
      fields: secretFields,
      answers: { 200: { data: secretShape, isPage: true, example: [example] } },
      async handle({ org, query }) {
        const listing = listingOf(query, secretFields, 'name');
        return pagedAnswer(await vault.list(org, listing), listing);
      },
    }),
    route({
      method: 'put',
      path: '/secrets/:name',
      permission: 'secrets:write',
      summary: 'Stores a secret, in place of the one of that name.',
      body: secretBody,
      answers: { 200: { data: secretShape, example } },
      async handle(call) {
        const { name } = call.params;
        const stored = await vault.put(name, call.body.value, actingIn(call));
        // A mirror may have waited for it.
        mirrors.hint(call.org);
        return { status: 200, body: stored };
      },
    }),
    route({
      method: 'delete',
      path: '/secrets/:name',
      permission: 'secrets:write',
      summary: 'Removes a secret.',
      answers: { 204: null },
      async handle(call) {
        await vault.remove(call.params.name, actingIn(call));
        return { status: 204 };
      },
    }),
  ];
}
