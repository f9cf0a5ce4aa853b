import type { Kysely, Transaction } from 'kysely';
import type { SealedStore } from '../delivery/sealed.ts';
import type { Tables } from './tables.ts';

export function sealedStore(db: Kysely<Tables>): SealedStore {
  const findBody: SealedStore['findBody'] = (org, key) =>
    db
      .selectFrom('sealedBody')
      .selectAll()
      .where('org', '=', org)
      .where('key', '=', key)
      .executeTakeFirst();

  const findPacket: SealedStore['findPacket'] = async (bodyDigest, subkey) => {
    const row = await db
      .selectFrom('sealedPacket')
      .select('packet')
      .where('bodyDigest', '=', bodyDigest)
      .where('subkey', '=', subkey)
      .executeTakeFirst();
    return row?.packet;
  };

  return {
    findBody,
    findPacket,

    async insertBody(body) {
      await db
        .insertInto('sealedBody')
        .values(body)
        .onConflict((conflict) => conflict.columns(['org', 'key']).doNothing())
        .execute();
      // Absent only if it was removed this instant: then the caller's own will do.
      return (await findBody(body.org, body.key)) ?? body;
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

    async insertPacket(bodyDigest, subkey, packet) {
      await db
        .insertInto('sealedPacket')
        .values({ bodyDigest, subkey, packet })
        .onConflict((conflict) => conflict.columns(['bodyDigest', 'subkey']).doNothing())
        .execute();
      return (await findPacket(bodyDigest, subkey)) ?? packet;
    },

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
  };
}

async function removePackets(
  tx: Transaction<Tables>,
  bodies: readonly { bodyDigest: string }[],
): Promise<void> {
  for (const { bodyDigest } of bodies) {
    await tx.deleteFrom('sealedPacket').where('bodyDigest', '=', bodyDigest).execute();
  }
}
