import { type Clock, toTime } from '../model/clock.ts';
import { WaymarkError } from '../model/errors.ts';
import { mintSessionToken } from './keys.ts';
import type { Session, SessionStore } from './session.ts';
import type { User } from './user.ts';

const HOUR_MS = 3_600_000;
const IDLE_MS = 12 * HOUR_MS;
const LIFETIME_MS = 7 * 24 * HOUR_MS;

export interface NewSession {
  user: Pick<User, 'id' | 'username' | 'disabledAt'>;
  /** The org to begin in. Whether it is the user's is looked at on every request. */
  org?: string | null;
  /** Teams beside those that the registry names the user in, each as `<org>/<team>`. */
  teams?: readonly string[];
  requestId: string;
  /** The session that this log-in ends: a token never outlives one. */
  replacedId?: string | undefined;
}

interface Deps {
  sessions: Pick<SessionStore, 'insert'>;
  clock: Clock;
}

/**
 * Logs a user in who has proved who they are. `token` is for the cookie, and shown nowhere else.
 *
 * @throws {WaymarkError} `AUTH_LOGIN_FAILED` for a disabled user
 */
export async function startSession(
  { sessions, clock }: Deps,
  { user, org = null, teams = [], requestId, replacedId }: NewSession,
): Promise<{ token: string; session: Session }> {
  if (user.disabledAt !== null) {
    throw new WaymarkError('AUTH_LOGIN_FAILED', 'this user was disabled: ask an administrator');
  }
  const { id, token, secretHash } = mintSessionToken();
  const at = toTime(clock());
  const expiresAt = toTime(clock() + LIFETIME_MS);
  const begun = { createdAt: at, lastSeenAt: at, expiresAt };
  const session: Session = { id, userId: user.id, secretHash, org, teams, ...begun };
  const what = { at, actor: `user:${user.username}`, action: 'session.start', resource: id };
  await sessions.insert(session, { ...what, tenant: org ?? '*', requestId }, replacedId);
  return { token, session };
}

/** Milliseconds since the Unix epoch: when a session ends that nobody uses from now on. */
export const endOf = ({ lastSeenAt, expiresAt }: Session): number =>
  Math.min(Date.parse(lastSeenAt) + IDLE_MS, Date.parse(expiresAt));

/** Ended sessions leave no row; those that nobody ended are swept out by this. */
export const removeExpiredSessions = (
  sessions: Pick<SessionStore, 'removeExpired'>,
  clock: Clock,
): Promise<number> => sessions.removeExpired(toTime(clock()), toTime(clock() - IDLE_MS));
