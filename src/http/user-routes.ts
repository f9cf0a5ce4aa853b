import type { Authenticator } from '../identity/authenticate.ts';
import {
  changeOwnUser,
  changeUser,
  createUser,
  getUser,
  type OwnChange,
  removeUser,
  shownUser,
  type UserChange,
  type UserDeps,
  type UserRequest,
} from '../identity/user-changes.ts';
import type { ListFields } from '../model/listing.ts';
import { clientAddressIn } from './client-address.ts';
import { jsonBody } from './json-body.ts';
import { listingOf, pagedAnswer } from './listing.ts';
import { EMAIL } from './patterns.ts';
import { name, password } from './people-shapes.ts';
import { type Route, route } from './route.ts';
import { bodyOf, flag, objectOf, ordinal, text, textOrNull, time, timeOrNull } from './shapes.ts';

interface Deps extends UserDeps {
  authenticator: Pick<Authenticator, 'invalidate'>;
}

const email = { type: ['string', 'null'], maxLength: 254, pattern: EMAIL };
const plain = { displayName: name, email, password, isSiteAdmin: flag };

const newUserBody = jsonBody<UserRequest>(
  bodyOf({ username: { type: 'string', maxLength: 128 }, ...plain }, ['username']),
);
const changeBody = jsonBody<UserChange>(bodyOf({ ...plain, disabled: flag }));
const ownChangeBody = jsonBody<OwnChange>(
  bodyOf({ displayName: name, currentPassword: password, password }),
);

const shape = objectOf({
  id: text,
  username: text,
  displayName: text,
  email: textOrNull,
  isSiteAdmin: flag,
  hasPassword: flag,
  createdAt: time,
  disabledAt: timeOrNull,
  version: ordinal,
});

const fields: ListFields = {
  username: { type: 'text', isSortable: true },
  displayName: { type: 'text', isSortable: true },
  email: { type: 'text', isSortable: true },
  isSiteAdmin: { type: 'boolean' },
  createdAt: { type: 'time', isSortable: true },
  disabledAt: { type: 'time', isSortable: true },
};

const site = { permission: 'sites:manage', scope: 'site' } as const;

/** People of the site, by its administrators; and what people change of themselves. */
export function userRoutes(deps: Deps): Route[] {
  return [ownRoute(deps), ...readRoutes(deps), ...writeRoutes(deps)];
}

const ownRoute = (deps: Deps): Route =>
  route({
    method: 'put',
    path: '/users/me',
    permission: 'self',
    scope: 'site',
    summary: 'Changes one’s own name or password; another password ends all of one’s sessions.',
    answers: { 200: { data: shape } },
    body: ownChangeBody,
    async handle({ body, caller, requestId, ifMatch, response }) {
      const address = clientAddressIn(response);
      const user = await changeOwnUser(deps, body, { caller, requestId, ifMatch, address });
      deps.authenticator.invalidate(user.id);
      return { status: 200, body: shownUser(user) };
    },
  });

const readRoutes = ({ users }: Deps): Route[] => [
  route({
    ...site,
    method: 'get',
    path: '/users',
    summary: 'The people of the site.',
    fields,
    answers: { 200: { data: shape, isPage: true } },
    async handle({ query }) {
      const listing = listingOf(query, fields, 'username');
      const { items, totalItems } = await users.list(listing);
      return pagedAnswer({ items: items.map(shownUser), totalItems }, listing);
    },
  }),
  route({
    ...site,
    method: 'get',
    path: '/users/:id',
    summary: 'One person of the site.',
    answers: { 200: { data: shape } },
    async handle({ params: { id } }) {
      return { status: 200, body: shownUser(await getUser(users, id)) };
    },
  }),
];

function writeRoutes(deps: Deps): Route[] {
  const { authenticator } = deps;
  return [
    route({
      ...site,
      method: 'post',
      path: '/users',
      summary: 'Makes a person of the site.',
      answers: { 201: { data: shape } },
      body: newUserBody,
      async handle({ body, caller, requestId }) {
        const user = await createUser(deps, body, { caller, requestId });
        const headers = { Location: `/api/v1/users/${user.id}` };
        return { status: 201, body: shownUser(user), headers };
      },
    }),
    route({
      ...site,
      method: 'put',
      path: '/users/:id',
      summary: 'Changes, disables or enables a person, or gives them another password.',
      answers: { 200: { data: shape } },
      body: changeBody,
      async handle({ params: { id }, body, caller, requestId, ifMatch }) {
        const user = await changeUser(deps, id, body, { caller, requestId, ifMatch });
        authenticator.invalidate(id);
        return { status: 200, body: shownUser(user) };
      },
    }),
    route({
      ...site,
      method: 'delete',
      path: '/users/:id',
      summary: 'Removes a person with their memberships and sessions, and revokes their API keys.',
      answers: { 204: null },
      async handle({ params: { id }, caller, requestId, ifMatch }) {
        await removeUser(deps, id, { caller, requestId, ifMatch });
        authenticator.invalidate(id);
        return { status: 204 };
      },
    }),
  ];
}
