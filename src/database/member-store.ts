import { type Kysely, type SelectQueryBuilder, sql, type Transaction } from 'kysely';
import type { AuditEntry } from '../audit/entry.ts';
import type { Member, MemberOutcome, MemberStore, NamedMember } from '../identity/member.ts';
import type { Role } from '../identity/roles.ts';
import { appendAudit } from './audit-store.ts';
import { isPostgres } from './dialect.ts';
import { selectPage } from './listing.ts';
import type { Tables } from './tables.ts';

type Named = Tables['member'] & Pick<Tables['user'], 'username' | 'displayName'>;

export function memberStore(db: Kysely<Tables>): MemberStore {
  const named = db
    .selectFrom('member')
    .innerJoin('user', 'user.id', 'member.userId')
    .selectAll('member')
    .select(['user.username', 'user.displayName']);

  return {
    async find(org, userId) {
      const row = await named
        .where('member.org', '=', org)
        .where('member.userId', '=', userId)
        .executeTakeFirst();
      return row && toNamed(row);
    },

    async list(org, listing) {
      const columns = { createdAt: sql.ref('member.createdAt') };
      const query = named.where('member.org', '=', org) as SelectQueryBuilder<
        Tables,
        'member' | 'user',
        Named
      >;
      const page = await selectPage(db, query, listing, { id: 'userId', columns });
      return { items: page.items.map(toNamed), totalItems: page.totalItems };
    },

    async listOf(userId) {
      const rows = await db
        .selectFrom('member')
        .selectAll()
        .where('userId', '=', userId)
        .orderBy('org')
        .execute();
      return rows.map(toMember);
    },

    insert: (member, entry) =>
      db.transaction().execute(async (tx) => {
        const { numInsertedOrUpdatedRows } = await tx
          .insertInto('member')
          .values(toRow(member))
          .onConflict((conflict) => conflict.columns(['org', 'userId']).doNothing())
          .executeTakeFirstOrThrow();
        if (numInsertedOrUpdatedRows === 0n) return false;
        await appendAudit(tx, entry);
        return true;
      }),

    replace: (member, expected, entry) => replace(db, member, expected, entry),
    remove: (member, at, entry) => remove(db, member, at, entry),
  };
}

function replace(
  db: Kysely<Tables>,
  member: Member,
  expected: number,
  entry: AuditEntry,
): Promise<MemberOutcome> {
  return db.transaction().execute(async (tx) => {
    const { org, userId, ...changes } = toRow(member);
    if (!member.roles.includes('owner') && (await isLastOwner(tx, org, userId))) {
      return 'last-owner';
    }
    const { numUpdatedRows } = await tx
      .updateTable('member')
      .set(changes)
      .where('org', '=', org)
      .where('userId', '=', userId)
      .where('version', '=', expected)
      .executeTakeFirstOrThrow();
    if (numUpdatedRows === 0n) return 'changed-meanwhile';
    await appendAudit(tx, entry);
    return 'done';
  });
}

function remove(
  db: Kysely<Tables>,
  { org, userId, version }: Member,
  at: string,
  entry: AuditEntry,
): Promise<MemberOutcome> {
  return db.transaction().execute(async (tx) => {
    if (await isLastOwner(tx, org, userId)) return 'last-owner';
    const { numDeletedRows } = await tx
      .deleteFrom('member')
      .where('org', '=', org)
      .where('userId', '=', userId)
      .where('version', '=', version)
      .executeTakeFirstOrThrow();
    if (numDeletedRows === 0n) return 'changed-meanwhile';
    await tx
      .updateTable('apiKey')
      .set({ revokedAt: at })
      .where('org', '=', org)
      .where('userId', '=', userId)
      .where('revokedAt', 'is', null)
      .execute();
    await appendAudit(tx, entry);
    return 'done';
  });
}

/** Holds the org, or two owners who remove each other at once would both find the other there. */
async function isLastOwner(tx: Transaction<Tables>, org: string, userId: string): Promise<boolean> {
  const holding = tx.selectFrom('org').select('slug').where('slug', '=', org);
  await (isPostgres(tx) ? holding.forNoKeyUpdate() : holding).execute();
  const rows = await tx
    .selectFrom('member')
    .select(['userId', 'roles'])
    .where('org', '=', org)
    .execute();
  const owners = rows.filter(({ roles }) => rolesIn(roles).includes('owner'));
  return owners.length === 1 && owners[0]?.userId === userId;
}

const rolesIn = (text: string): Role[] => JSON.parse(text) as Role[];

function toRow(member: Member): Tables['member'] {
  const { org, userId, roles, departments, createdAt, version } = member;
  const lists = { roles: JSON.stringify(roles), departments: JSON.stringify(departments) };
  return { org, userId, ...lists, createdAt, version };
}

function toMember(row: Tables['member']): Member {
  return {
    ...row,
    roles: rolesIn(row.roles),
    departments: JSON.parse(row.departments) as string[],
  };
}

const toNamed = ({ username, displayName, ...row }: Named): NamedMember => ({
  ...toMember(row),
  username,
  displayName,
});
