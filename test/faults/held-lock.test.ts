import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deeds, fsck, projectionAndRefs } from './deeds.ts';
import { isFull, makeSite, type Site } from './site.ts';

const HELD_MS = 10_000;

/** Fault 12 of docs/spec/reliability.md. */
describe('an SQLite file that another process has locked', () => {
  let site: Site;
  let other: DatabaseSync;

  beforeAll(async () => {
    site = await makeSite();
    other = new DatabaseSync(join(site.dataDir, 'waymark.db'));
  });
  afterAll(async () => {
    other.close();
    await site.remove();
  });

  it('makes writers come again, and readers none the wiser', async () => {
    const release = { version: '5.0.0' };
    const key = { name: 'ci', roles: ['viewer'] };
    const push = await deeds.push(site, 1);
    const heldAtMs = performance.now();
    other.exec('begin immediate');

    const writing = Promise.all([
      site.ask('/api/v1/api-keys', { body: key }),
      site.ask('clients', { body: { name: 'laptop' } }),
      site.ask('/api/v1/components/sales/versions', { body: release }),
    ]);
    const pushing = push.run().then(
      () => 'taken',
      () => 'refused',
    );
    const reading = await Promise.all(
      ['index', 'plugins/sales/manifest', '/api/v1/api-keys', '/readyz'].map((path) =>
        site.ask(path),
      ),
    );
    const refused = await writing;
    const pushed = await pushing;
    // In small counts it is let go as soon as everybody has been told.
    if (isFull) await wait(Math.max(0, HELD_MS - (performance.now() - heldAtMs)));
    other.exec('rollback');

    expect(reading.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(refused.map(({ status }) => status)).toEqual([503, 503, 503]);
    for (const { headers } of refused) expect(headers.get('retry-after')).toBe('5');
    expect(pushed).toBe('refused');
    expect((await site.ask('/api/v1/api-keys', { body: key })).status).toBe(201);
    const released = await site.ask('/api/v1/components/sales/versions', { body: release });
    expect(released.status).toBe(201);
    await push.run();
    expect(await push.isServed()).toBe(true);
    const { projection, refs } = await projectionAndRefs(site);
    expect(projection).toEqual(refs);
    await fsck(site);
  });
});
