import type { Stores } from '../../src/database/stores.ts';
import { createPasswords } from '../../src/identity/password.ts';
import { checkPassword } from '../../src/identity/password-check.ts';
import type { Clock } from '../../src/model/clock.ts';

/** As real ones, but guessed in no time. */
export const cheapPasswords = createPasswords({ logN: 4, r: 1, p: 1 });

/** What an authenticator needs beside stores. */
export const loggingIn = (stores: Stores, clock: Clock) => ({
  ...stores,
  clock,
  checkPassword: (attempt: Parameters<typeof checkPassword>[1]) =>
    checkPassword({ ...stores, passwords: cheapPasswords, clock }, attempt),
});
