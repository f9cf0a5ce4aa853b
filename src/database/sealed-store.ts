import type { Kysely, Transaction } from 'kysely';
import type { SealedBody, SealedStore } from '../delivery/sealed.ts';
import type { Tables } from './tables.ts';

export function sealedStore(db: Kysely<Tables>): SealedStore {
  return {
    findBody: (org, key) => findBody(db, org, key),

    findPacket: (bodyDigest, subkey) => findPacket(db, bodyDigest, subkey),

    async insertBody(body) {
      await db
        .insertInto('sealedBody')
        .values(body)
        .onConflict((conflict) => conflict.columns(['org', 'key']).doNothing())
        .execute();
      // Absent only if it was removed this instant: then the caller's own will do.
      return (await findBody(db, body.org, body.key)) ?? body;
    },

    async insertPacket(bodyDigest, subkey, packet) {
      await db
        .insertInto('sealedPacket')
        .values({ bodyDigest, subkey, packet })
        .onConflict((conflict) => conflict.columns(['bodyDigest', 'subkey']).doNothing())
        .execute();
      return (await findPacket(db, bodyDigest, subkey)) ?? packet;
    },

    removeBody: (org, key) =>
      db.transaction().execute(async (tx) => {
        const removed = await tx
          .deleteFrom('sealedBody')
          .where('org', '=', org)
          .where('key', '=', key)
          .returning('bodyDigest')
          .execute();
        await removePackets(tx, removed);
      }),

    removeBodiesReadBy: (org, subkey) =>
      db.transaction().execute(async (tx) => {
        const removed = await tx
          .deleteFrom('sealedBody')
          .where('org', '=', org)
          .where('bodyDigest', 'in', (query) =>
            query.selectFrom('sealedPacket').select('bodyDigest').where('subkey', '=', subkey),
          )
          .returning('bodyDigest')
          .execute();
        await removePackets(tx, removed);
        return removed.length;
      }),

    removeBodiesFrom: (before) =>
      db.transaction().execute(async (tx) => {
        const removed = await tx
          .deleteFrom('sealedBody')
          .where('createdAt', '<', before)
          .returning('bodyDigest')
          .execute();
        await removePackets(tx, removed);
        return removed.length;
      }),

    async bodyDigests() {
      const rows = await db.selectFrom('sealedBody').select('bodyDigest').execute();
      return new Set(rows.map(({ bodyDigest }) => bodyDigest));
    },
  };
}

function findBody(db: Kysely<Tables>, org: string, key: string): Promise<SealedBody | undefined> {
  return db
    .selectFrom('sealedBody')
    .selectAll()
    .where('org', '=', org)
    .where('key', '=', key)
    .executeTakeFirst();
}

async function findPacket(
  db: Kysely<Tables>,
  bodyDigest: string,
  subkey: string,
): Promise<Uint8Array | undefined> {
  const row = await db
    .selectFrom('sealedPacket')
    .select('packet')
    .where('bodyDigest', '=', bodyDigest)
    .where('subkey', '=', subkey)
    .executeTakeFirst();
  return row?.packet;
}

async function removePackets(
  tx: Transaction<Tables>,
  bodies: readonly { bodyDigest: string }[],
): Promise<void> {
  for (const { bodyDigest } of bodies) {
    await tx.deleteFrom('sealedPacket').where('bodyDigest', '=', bodyDigest).execute();
  }
}
