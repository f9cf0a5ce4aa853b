import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDatabase } from '../../src/database/open.ts';
import { createStores } from '../../src/database/stores.ts';
import { findBreak } from '../../src/model/audit-chain.ts';
import { openPostgres, postgresServer } from '../support/backends.ts';
import { runOn } from '../support/postgres.ts';
import { makeApiKey, makeEntry, makeOrg, makePointer } from '../support/records.ts';

const server = await postgresServer();

describe.skipIf(server === undefined)('PostgreSQL', () => {
  let opened: Awaited<ReturnType<typeof openPostgres>>;

  beforeAll(async () => {
    opened = await openPostgres(server!);
    await createStores(opened.database).orgs.insert(makeOrg('acme'), makeEntry({ tenant: '*' }));
  });
  afterAll(() => opened.close());

  it('keeps one audit chain for several nodes', async () => {
    const nodes = await Promise.all([opened.openAgain(), opened.openAgain(), opened.openAgain()]);

    const writes = nodes.flatMap((node, n) =>
      Array.from({ length: 10 }, (_, i) =>
        createStores(node).apiKeys.insert(makeApiKey(`${n}-${i}`), makeEntry()),
      ),
    );
    await Promise.all(writes);

    const entries = await createStores(opened.database).audit.list('acme', 0, 100);
    expect(entries).toHaveLength(30);
    expect(findBreak(entries)).toBeUndefined();
    await Promise.all(nodes.map((node) => node.close()));
  });

  it('lets one of several nodes move a pointer, without a deadlock', async () => {
    const nodes = await Promise.all([opened.openAgain(), opened.openAgain()]);
    const channels = ['rolling', 'stable', 'beta'];

    const answers = nodes.map((node, n) => {
      const pointers = channels.map((channel) => ({
        next: makePointer({ channel, sequence: n + 1 }),
        expectedSequence: 0,
      }));
      // The other way round: each would wait for the row that the other one holds.
      const ordered = n === 0 ? pointers : pointers.toReversed();
      const none = { releases: [], closes: [], entries: [] };
      return createStores(node).publications.project({ org: 'acme', pointers: ordered, ...none });
    });

    expect((await Promise.all(answers)).filter(Boolean)).toHaveLength(1);
    await Promise.all(nodes.map((node) => node.close()));
  });

  it('answers RES_UNAVAILABLE when the server drops the connection, then heals', async () => {
    const { db } = opened.database;
    const isIn = Promise.withResolvers<number>();
    const isDropped = Promise.withResolvers<void>();
    const transaction = db.transaction().execute(async (tx) => {
      const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(tx);
      isIn.resolve(rows[0]!.pid);
      await isDropped.promise;
      await tx.insertInto('org').values(makeOrg('lost')).execute();
    });

    await runOn(opened.url, `select pg_terminate_backend(${await isIn.promise})`);
    isDropped.resolve();

    await expect(transaction).rejects.toMatchObject({ code: 'RES_UNAVAILABLE' });
    const { orgs } = createStores(opened.database);
    expect((await orgs.list()).map(({ slug }) => slug)).toEqual(['acme']);
  });

  it('keeps a secret of its address out of the message', async () => {
    const url = 'postgres://waymark:hunter2@127.0.0.1:1/none';

    const error: unknown = await openDatabase({ url }).catch((reason: unknown) => reason);

    expect(String(error)).toContain('cannot be reached');
    expect(String(error)).not.toContain('hunter2');
    expect(String(error)).not.toContain('127.0.0.1');
  });
});
