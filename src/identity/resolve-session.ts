import type { Clock } from '../model/clock.ts';
import { toTime } from '../model/clock.ts';
import { isSameHash, parseSessionToken } from './keys.ts';
import { refused } from './refused.ts';
import type { Resolved } from './resolve-token.ts';
import type { SessionStore } from './session.ts';
import { endOf } from './sessions.ts';
import { callerOfUser, findActiveUser, type PersonStores } from './user-caller.ts';

export interface LogInStores extends PersonStores {
  sessions: Pick<SessionStore, 'find' | 'touch'>;
  clock: Clock;
}

/**
 * Whose cookie this is.
 *
 * @throws {WaymarkError} `AUTH_TOKEN_INVALID`, also for a session that was ended;
 * `AUTH_TOKEN_EXPIRED`, `AUTH_TOKEN_REVOKED`
 */
export async function resolveSession(token: string, stores: LogInStores): Promise<Resolved> {
  const { sessions, members, clock } = stores;
  const parsed = parseSessionToken(token);
  const session = parsed && (await sessions.find(parsed.id));
  if (!session || !isSameHash(session.secretHash, parsed.secretHash)) {
    throw refused('AUTH_TOKEN_INVALID', 'this session has ended: log in');
  }
  // Negated so that a time that does not parse (NaN) counts as past.
  if (!(clock() < endOf(session))) throw refused('AUTH_TOKEN_EXPIRED', 'log in again');
  const user = await findActiveUser(stores, session.userId);
  if (!user) throw refused('AUTH_TOKEN_REVOKED', 'this user was disabled: ask an administrator');
  // Only a date: what fails here must not keep the person out.
  sessions.touch(session.id, toTime(clock())).catch(() => {});
  const { id, org, teams } = session;
  const expiresAtMs = Date.parse(session.expiresAt);
  const shown = { id, expiresAtMs };
  const caller = callerOfUser(user, await members.listOf(user.id), { org, teams, session: shown });
  return { caller, basis: [id, user.id], expiresAtMs };
}
