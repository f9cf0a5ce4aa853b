import { v7 as uuidv7 } from 'uuid';
import { type Clock, toTime } from '../model/clock.ts';
import { WaymarkError } from '../model/errors.ts';
import { randomSuffix } from './keys.ts';
import type { ExternalIdentity, User, UserStore } from './user.ts';

/** What an OIDC issuer says of somebody who has logged in there. */
export interface ExternalUser extends ExternalIdentity {
  /** Only one that the issuer has verified. */
  email: string | null;
  name: string | null;
}

interface Deps {
  users: Pick<UserStore, 'findByIdentity' | 'insert'>;
  clock: Clock;
}

/** A name that is taken gets another ending; so many must not be needed. */
const MOST_TRIES = 5;

/**
 * The user whom an issuer knows by this subject, made at the first log-in. Never found by e-mail
 * address: whoever can write one at an issuer would be whom they like.
 */
export async function findOrCreateExternalUser(
  { users, clock }: Deps,
  { issuer, subject, email, name }: ExternalUser,
  requestId: string,
): Promise<User> {
  const identity = { issuer, subject };
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    const known = await users.findByIdentity(identity);
    if (known) return known;
    // Access files grant by this name: one that people choose for themselves must not be another's.
    const isProved = email !== null && tries === 0;
    const username = usernameFor(email ?? name ?? 'user', isProved ? '' : randomSuffix());
    const user = newUser({ username, email, displayName: name ?? username }, clock);
    const what = { at: user.createdAt, tenant: '*', actor: `user:${username}`, requestId };
    const after = { username, issuer, subject };
    const entry = { ...what, action: 'user.create', resource: user.id, after };
    if (await users.insert(user, entry, identity)) return user;
  }
  throw new WaymarkError('RES_DUPLICATE', 'no free user name was found: try again');
}

/** What of a user is to be given; the rest follows. */
export function newUser(
  given: Pick<User, 'username' | 'displayName' | 'email'> & Partial<User>,
  clock: Clock,
): User {
  return {
    id: uuidv7({ msecs: clock() }),
    passwordHash: null,
    isSiteAdmin: false,
    createdAt: toTime(clock()),
    disabledAt: null,
    version: 1,
    ...given,
  };
}

/** Lower-case letters, digits and `. _ @ + -`, within letters or digits; `git` is no person. */
export const USERNAME = /^(?!git$)[a-z0-9](?:[a-z0-9._@+-]{0,126}[a-z0-9])?$/;

/** As near as may be to a text from elsewhere. */
function usernameFor(text: string, suffix: string): string {
  const plain = text
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9._@+-]+/g, '-')
    .replace(/^[^a-z0-9]+/, '');
  const short = plain.slice(0, 110).replace(/[^a-z0-9]+$/, '');
  const username = [short, suffix].filter(Boolean).join('-');
  return USERNAME.test(username) ? username : usernameFor('user', randomSuffix());
}
