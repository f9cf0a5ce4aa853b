import { expect, it } from 'vitest';
import type { Stores } from '../../src/database/stores.ts';
import type { Projection } from '../../src/delivery/publication.ts';
import { contract } from '../support/backends.ts';
import { makeEntry, makeIntent, makeOrg, makePointer, makeRelease } from '../support/records.ts';

async function withOrgs(stores: Stores): Promise<Stores> {
  for (const slug of ['acme', 'globex']) {
    await stores.orgs.insert(makeOrg(slug), makeEntry({ tenant: '*' }));
  }
  return stores;
}

const makeProjection = (part: Partial<Projection> = {}): Projection => ({
  org: 'acme',
  pointers: [],
  releases: [],
  closes: [],
  entries: [],
  ...part,
});

const rolling = (sequence: number) => makePointer({ sequence });

await contract('PublicationStore', (stores) => {
  it('project stores a first pointer, with its diagnostics', async () => {
    const { publications } = await withOrgs(stores());
    const broken = makePointer({
      active: '',
      digest: '',
      diagnostics: [
        {
          severity: 'error',
          code: 'yaml-syntax',
          path: 'plugins/sales/plugin.yaml',
          line: 3,
          column: 1,
          pointer: '',
          message: 'ein Fehler — 説明',
        },
      ],
    });

    const next = { next: broken, expectedSequence: 0 };
    expect(await publications.project(makeProjection({ pointers: [next] }))).toBe(true);

    expect(await publications.pointers('acme')).toEqual([broken]);
    expect(await publications.pointers('globex')).toEqual([]);
  });

  it('project keeps a sequence beyond 32 bits a number', async () => {
    const { publications } = await withOrgs(stores());

    await publications.project(
      makeProjection({ pointers: [{ next: rolling(5_000_000_000), expectedSequence: 0 }] }),
    );

    expect((await publications.pointers('acme'))[0]?.sequence).toBe(5_000_000_000);
  });

  it('project moves a pointer only from the sequence that the caller saw', async () => {
    const { publications } = await withOrgs(stores());
    const move = (sequence: number, expectedSequence: number) =>
      publications.project(
        makeProjection({ pointers: [{ next: rolling(sequence), expectedSequence }] }),
      );

    expect(await move(7, 3)).toBe(false);
    expect(await move(7, 0)).toBe(true);
    expect(await move(8, 0)).toBe(false);
    expect(await move(9, 7)).toBe(true);
    expect(await move(10, 7)).toBe(false);

    expect(await publications.pointers('acme')).toEqual([rolling(9)]);
  });

  it('project writes nothing at all when one of its pointers was overtaken', async () => {
    const { publications, audit } = await withOrgs(stores());
    const stable = makePointer({ channel: 'stable', sequence: 4 });
    await publications.project(
      makeProjection({ pointers: [{ next: stable, expectedSequence: 0 }] }),
    );
    await publications.openIntents([makeIntent('op1')]);

    const isDone = await publications.project({
      org: 'acme',
      pointers: [
        { next: rolling(5), expectedSequence: 0 },
        { next: { ...stable, sequence: 5 }, expectedSequence: 3 },
      ],
      releases: [makeRelease('1.0.0')],
      closes: ['op1'],
      entries: [makeEntry()],
    });

    expect(isDone).toBe(false);
    expect(await publications.pointers('acme')).toEqual([stable]);
    expect(await publications.releases('acme')).toEqual([]);
    expect(await publications.pendingIntents('acme')).toEqual([makeIntent('op1')]);
    expect(await audit.list('acme', 0, 10)).toEqual([]);
  });

  it('project lets one of many concurrent publishers through', async () => {
    const { publications } = await withOrgs(stores());

    const publishers = Array.from({ length: 8 }, (_, i) =>
      publications.project(
        makeProjection({
          pointers: [
            { next: rolling(i + 1), expectedSequence: 0 },
            { next: makePointer({ channel: 'stable', sequence: i + 1 }), expectedSequence: 0 },
          ],
        }),
      ),
    );

    expect((await Promise.all(publishers)).filter(Boolean)).toHaveLength(1);
    const sequences = (await publications.pointers('acme')).map(({ sequence }) => sequence);
    expect(new Set(sequences).size).toBe(1);
  });

  it('project adds releases and leaves one that is stored as it is', async () => {
    const { publications } = await withOrgs(stores());
    const first = makeRelease('1.0.0');
    const second = makeRelease('1.1.0', { seq: 2, publishedAt: '2026-03-02T00:00:00.000Z' });
    await publications.project(makeProjection({ releases: [first] }));

    const altered = makeRelease('1.0.0', { contentDigest: 'sha256:other' });
    await publications.project(makeProjection({ releases: [second, altered] }));

    expect(await publications.releases('acme')).toEqual([first, second]);
    expect(await publications.releases('globex')).toEqual([]);
  });

  it('project keeps the several plugins of one named release', async () => {
    const { publications } = await withOrgs(stores());
    const sales = makeRelease('1.0.0', { tag: 'release/2026-11' });
    const ops = makeRelease('3.0.0', { tag: 'release/2026-11', plugin: 'ops' });

    await publications.project(makeProjection({ releases: [sales, ops] }));

    expect(await publications.releases('acme')).toEqual([ops, sales]);
  });

  it('pendingIntents gives an org its open intents, oldest first', async () => {
    const { publications } = await withOrgs(stores());
    const late = makeIntent('op1', { createdAt: '2026-03-02T00:00:00.000Z', requestId: 'r-1' });
    await publications.openIntents([late, makeIntent('op3'), makeIntent('op2')]);
    await publications.openIntents([makeIntent('op4', { org: 'globex' })]);

    expect(await publications.pendingIntents('acme')).toEqual([
      makeIntent('op2'),
      makeIntent('op3'),
      late,
    ]);
  });

  it('dropIntents forgets intents whose ref never moved', async () => {
    const { publications, audit } = await withOrgs(stores());
    await publications.openIntents([makeIntent('op1'), makeIntent('op2')]);

    await publications.dropIntents(['op1', 'unknown']);
    await publications.dropIntents([]);

    expect(await publications.pendingIntents('acme')).toEqual([makeIntent('op2')]);
    expect(await audit.list('acme', 0, 10)).toEqual([]);
  });

  it('project closes intents, and writes the entry of each once however often it is retried', async () => {
    const { publications, audit } = await withOrgs(stores());
    await publications.openIntents([makeIntent('op1'), makeIntent('op2')]);
    const closing = (opId: string) =>
      makeProjection({ closes: [opId], entries: [makeEntry({ resource: opId })] });

    await publications.project(closing('op1'));
    await publications.project(closing('op1'));
    await publications.project(
      makeProjection({
        closes: ['op1', 'op2'],
        entries: ['op1', 'op2', 'more'].map((resource) => makeEntry({ resource })),
      }),
    );

    expect(await publications.pendingIntents('acme')).toEqual([]);
    const resources = (await audit.list('acme', 0, 10)).map(({ resource }) => resource);
    expect(resources).toEqual(['op1', 'op2', 'more']);
  });

  it('takes nothing of an org that was removed meanwhile', async () => {
    const { publications } = stores();
    const gone = { code: 'RES_NOT_FOUND' };

    await expect(publications.openIntents([makeIntent('op1')])).rejects.toMatchObject(gone);
    const pointers = [{ next: rolling(1), expectedSequence: 0 }];
    await expect(publications.project(makeProjection({ pointers }))).rejects.toMatchObject(gone);
  });
});
