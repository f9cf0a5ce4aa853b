import type { Kysely, Transaction } from 'kysely';
import type { AuditEntry } from '../audit/entry.ts';
import type { ExternalIdentity, User, UserStore } from '../identity/user.ts';
import { appendAudit } from './audit-store.ts';
import { selectPage } from './listing.ts';
import type { Tables } from './tables.ts';

export function userStore(db: Kysely<Tables>): UserStore {
  const users = db.selectFrom('user').selectAll();

  return {
    async find(id) {
      const row = await users.where('id', '=', id).executeTakeFirst();
      return row && toUser(row);
    },

    async findByName(username) {
      const row = await users.where('username', '=', username).executeTakeFirst();
      return row && toUser(row);
    },

    async findByIdentity({ issuer, subject }) {
      const row = await users
        .where('id', 'in', (query) =>
          query
            .selectFrom('externalIdentity')
            .select('userId')
            .where('issuer', '=', issuer)
            .where('subject', '=', subject),
        )
        .executeTakeFirst();
      return row && toUser(row);
    },

    async list(listing) {
      const { items, totalItems } = await selectPage(db, users, listing);
      return { items: items.map(toUser), totalItems };
    },

    insert: (user, entry, identity) => insert(db, user, entry, identity),
    replace: (user, expected, entry) => replace(db, user, expected, entry),
    remove: (id, at, entry) => remove(db, id, at, entry),
  };
}

function insert(
  db: Kysely<Tables>,
  user: User,
  entry: AuditEntry,
  identity: ExternalIdentity | undefined,
): Promise<boolean> {
  return db
    .transaction()
    .execute(async (tx) => {
      if (!(await insertUser(tx, user))) return false;
      if (identity && !(await insertIdentity(tx, { ...identity, userId: user.id }))) {
        throw new IdentityTaken();
      }
      await appendAudit(tx, entry);
      return true;
    })
    .catch((error: unknown) => {
      if (error instanceof IdentityTaken) return false;
      throw error;
    });
}

/** Rolls the user back that was inserted for it. */
class IdentityTaken extends Error {}

async function insertUser(tx: Transaction<Tables>, user: User): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await tx
    .insertInto('user')
    .values(toRow(user))
    .onConflict((conflict) => conflict.column('username').doNothing())
    .executeTakeFirstOrThrow();
  return numInsertedOrUpdatedRows !== 0n;
}

async function insertIdentity(
  tx: Transaction<Tables>,
  identity: Tables['externalIdentity'],
): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await tx
    .insertInto('externalIdentity')
    .values(identity)
    .onConflict((conflict) => conflict.columns(['issuer', 'subject']).doNothing())
    .executeTakeFirstOrThrow();
  return numInsertedOrUpdatedRows !== 0n;
}

function replace(
  db: Kysely<Tables>,
  user: User,
  expected: number,
  entry: AuditEntry,
): Promise<boolean> {
  return db.transaction().execute(async (tx) => {
    const { id, ...changes } = toRow(user);
    const before = await tx
      .selectFrom('user')
      .select('passwordHash')
      .where('id', '=', id)
      .executeTakeFirst();
    const { numUpdatedRows } = await tx
      .updateTable('user')
      .set(changes)
      .where('id', '=', id)
      // Compared here, not in the caller: two writers may both have read `expected`.
      .where('version', '=', expected)
      .executeTakeFirstOrThrow();
    if (numUpdatedRows === 0n) return false;
    if (user.disabledAt !== null || before?.passwordHash !== user.passwordHash) {
      await tx.deleteFrom('session').where('userId', '=', id).execute();
    }
    await appendAudit(tx, entry);
    return true;
  });
}

function remove(db: Kysely<Tables>, id: string, at: string, entry: AuditEntry): Promise<boolean> {
  return db.transaction().execute(async (tx) => {
    await tx
      .updateTable('apiKey')
      .set({ revokedAt: at })
      .where('userId', '=', id)
      .where('revokedAt', 'is', null)
      .execute();
    const { numDeletedRows } = await tx
      .deleteFrom('user')
      .where('id', '=', id)
      .executeTakeFirstOrThrow();
    if (numDeletedRows === 0n) return false;
    await appendAudit(tx, entry);
    return true;
  });
}

const toRow = (user: User): Tables['user'] => ({ ...user, isSiteAdmin: Number(user.isSiteAdmin) });

const toUser = (row: Tables['user']): User => ({ ...row, isSiteAdmin: row.isSiteAdmin === 1 });
