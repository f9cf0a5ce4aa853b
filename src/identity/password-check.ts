import { type Clock, toTime } from '../model/clock.ts';
import { WaymarkError } from '../model/errors.ts';
import { type LockoutStore, networkSubject, personSubjects } from './lockout.ts';
import type { Passwords } from './password.ts';
import type { User, UserStore } from './user.ts';

export interface PasswordDeps {
  users: Pick<UserStore, 'findByName'>;
  lockouts: Pick<LockoutStore, 'take' | 'settle'>;
  passwords: Pick<Passwords, 'isRight'>;
  clock: Clock;
}

export interface Attempt {
  username: string;
  password: string;
  /** Where it comes from. */
  address: string | undefined;
}

/**
 * The user whose password this is. Answers alike, and as late, for one who is not there.
 *
 * @throws {WaymarkError} `AUTH_LOGIN_FAILED`, `RATE_LIMITED`
 */
export async function checkPassword(
  { users, lockouts, passwords, clock }: PasswordDeps,
  { username, password, address }: Attempt,
): Promise<User> {
  const name = username.toLowerCase();
  const person = personSubjects(name, address);
  const network = networkSubject(address);
  const nowMs = clock();
  const lockedUntil = await lockouts.take([network, ...person], toTime(nowMs));
  if (lockedUntil !== undefined) throw locked(Date.parse(lockedUntil) - nowMs);

  const user = await users.findByName(name);
  const hash = user?.disabledAt === null ? user.passwordHash : null;
  const isRight = await passwords.isRight(password, hash);
  if (!isRight || !user) {
    throw new WaymarkError('AUTH_LOGIN_FAILED', 'the user name or the password is wrong');
  }
  await lockouts.settle(
    person.map(({ key }) => key),
    network.key,
  );
  return user;
}

function locked(forMs: number): WaymarkError {
  const retryAfterSec = Math.max(1, Math.ceil(forMs / 1000));
  const message = `too many wrong passwords: try again in ${retryAfterSec} s`;
  return new WaymarkError('RATE_LIMITED', message, {
    details: { scope: 'password', retryAfterSec },
  });
}
