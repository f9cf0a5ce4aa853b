import type { Stores } from '../../src/database/stores.ts';
import type { Member } from '../../src/identity/member.ts';
import type { Role } from '../../src/identity/roles.ts';
import type { User } from '../../src/identity/user.ts';
import { type Answered, type Asked, ask, type TestApp } from './app.ts';
import { cheapPasswords } from './passwords.ts';
import { makeEntry, makeMember, makeUser } from './records.ts';

/** Everybody's, in tests. */
export const PASSWORD = 'correct horse battery';

/** A person with a password, and what they are in some orgs. */
export async function addPerson(
  { users, members }: Pick<Stores, 'users' | 'members'>,
  username: string,
  roles: Readonly<Record<string, readonly Role[]>> = {},
  part: Partial<User> & Partial<Pick<Member, 'departments'>> = {},
): Promise<User> {
  const { departments = [], ...given } = part;
  const passwordHash = await cheapPasswords.hash(PASSWORD);
  const user = makeUser(username, { passwordHash, ...given });
  await users.insert(user, makeEntry({ tenant: '*' }));
  for (const [org, own] of Object.entries(roles)) {
    await members.insert(makeMember(username, { org, roles: own, departments }), makeEntry());
  }
  return user;
}

/** As `GET /api/v1/session` describes it. */
export interface Described {
  user: { id: string; username: string; isSiteAdmin: boolean } | null;
  org: string | null;
  roles: string[];
  permissions: string[];
  memberships: { org: string; roles: string[]; permissions: string[] }[];
  csrfToken: string | null;
  expiresAt: string | null;
}

/** A browser that has logged in: it sends its cookie along, and what a page would add. */
export interface Browser {
  cookie: string;
  session: Described;
  ask: <T = unknown>(path: string, asked?: Asked) => Promise<Answered<T>>;
}

export const logInTo = (app: Pick<TestApp, 'url'>, username: string, more: object = {}) =>
  ask<{ data: Described }>(`${app.url}/api/v1/session`, {
    body: { username, password: PASSWORD, ...more },
  });

export async function browserOf(
  app: Pick<TestApp, 'url'>,
  username: string,
  more: object = {},
): Promise<Browser> {
  const answer = await logInTo(app, username, more);
  if (answer.status !== 201) throw new Error(answer.text);
  const { data: session } = answer.body;
  const [cookie = ''] = (answer.headers.get('set-cookie') ?? '').split(';');
  const page = { cookie, origin: app.url, 'x-csrf-token': session.csrfToken ?? '' };
  return {
    cookie,
    session,
    ask: (path, asked = {}) =>
      ask(app.url + path, { ...asked, headers: { ...page, ...asked.headers } }),
  };
}
