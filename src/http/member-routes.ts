import type { Authenticator } from '../identity/authenticate.ts';
import type { MemberStore, NamedMember } from '../identity/member.ts';
import { getMember, type MemberRequest, removeMember, setMember } from '../identity/members.ts';
import type { UserStore } from '../identity/user.ts';
import type { Clock } from '../model/clock.ts';
import type { ListFields } from '../model/listing.ts';
import { jsonBody } from './json-body.ts';
import { listingOf, pagedAnswer } from './listing.ts';
import { roles } from './people-shapes.ts';
import { type Route, route } from './route.ts';
import { bodyOf, id, objectOf, ordinal, text, texts, time } from './shapes.ts';

interface Deps {
  members: MemberStore;
  users: Pick<UserStore, 'find'>;
  authenticator: Pick<Authenticator, 'invalidate'>;
  clock: Clock;
}

const departments = { type: 'array', maxItems: 100, uniqueItems: true, items: id };
const memberBody = jsonBody<MemberRequest>(bodyOf({ roles, departments }));

const shape = objectOf({
  userId: text,
  username: text,
  displayName: text,
  roles: texts,
  departments: texts,
  createdAt: time,
  version: ordinal,
});

const fields: ListFields = {
  username: { type: 'text', isSortable: true },
  displayName: { type: 'text', isSortable: true },
  createdAt: { type: 'time', isSortable: true },
};

const path = '/members/:userId';

/** What people are in an org. */
export function memberRoutes(deps: Deps): Route[] {
  const { members, authenticator } = deps;

  return [
    route({
      method: 'get',
      path: '/members',
      permission: 'members:read',
      summary: 'The people of the organisation, with their roles and departments.',
      fields,
      answers: { 200: { data: shape, isPage: true } },
      async handle({ org, query }) {
        const listing = listingOf(query, fields, 'username');
        const { items, totalItems } = await members.list(org, listing);
        return pagedAnswer({ items: items.map(shownMember), totalItems }, listing);
      },
    }),
    route({
      method: 'get',
      path,
      permission: 'members:read',
      summary: 'What one person is in the organisation.',
      answers: { 200: { data: shape } },
      async handle({ org, params: { userId } }) {
        return { status: 200, body: shownMember(await getMember(members, org, userId)) };
      },
    }),
    route({
      method: 'put',
      path,
      permission: 'members:write',
      summary: 'Makes a person a member, or gives a member other roles and departments.',
      answers: { 200: { data: shape }, 201: { data: shape } },
      body: memberBody,
      async handle({ params: { userId }, body, caller, org, policy, requestId, ifMatch }) {
        const acting = { caller, org, policy, requestId, ifMatch };
        const { member, isNew } = await setMember(deps, userId, body, acting);
        authenticator.invalidate(userId);
        const answer = { status: isNew ? 201 : 200, body: shownMember(member) };
        return isNew ? { ...answer, headers: { Location: `/api/v1/members/${userId}` } } : answer;
      },
    }),
    route({
      method: 'delete',
      path,
      permission: 'members:write',
      summary: 'Ends a membership, and revokes the person’s API keys of the organisation.',
      answers: { 204: null },
      async handle({ params: { userId }, caller, org, policy, requestId, ifMatch }) {
        await removeMember(deps, userId, { caller, org, policy, requestId, ifMatch });
        authenticator.invalidate(userId);
        return { status: 204 };
      },
    }),
  ];
}

const shownMember = ({ org: _org, ...shown }: NamedMember) => shown;
