import { beforeEach, expect, it } from 'vitest';
import { type HealthNote, HISTORY } from '../../src/plugin-host/integration-health.ts';
import { contract } from '../support/backends.ts';
import { makeEntry, makeOrg } from '../support/records.ts';

const note = (part: Partial<HealthNote> = {}): HealthNote => ({
  at: '2026-03-01T12:00:00.000Z',
  status: 'healthy',
  latencyMs: 12,
  message: null,
  ...part,
});

await contract('IntegrationHealthStore', (stores) => {
  beforeEach(async () => {
    for (const org of ['acme', 'beta']) await stores().orgs.insert(makeOrg(org), makeEntry());
  });

  it('gives what was noted, the newest first', async () => {
    const { integrationHealth: health } = stores();
    const failed = note({ status: 'unhealthy', message: 'no answer' });

    await health.note('acme', 'chat', note());
    await health.note('acme', 'chat', failed);

    expect(await health.history('acme', 'chat')).toEqual([failed, note()]);
    expect(await health.history('acme', 'forge')).toEqual([]);
    expect(await health.history('beta', 'chat')).toEqual([]);
  });

  it('forgets all but the last of them', async () => {
    const { integrationHealth: health } = stores();
    for (let i = 0; i < HISTORY + 3; i++) await health.note('acme', 'chat', note({ latencyMs: i }));
    await health.note('acme', 'forge', note());

    const kept = await health.history('acme', 'chat');

    expect(kept).toHaveLength(HISTORY);
    expect(kept.at(0)?.latencyMs).toBe(HISTORY + 2);
    expect(kept.at(-1)?.latencyMs).toBe(3);
    expect(await health.history('acme', 'forge')).toHaveLength(1);
  });

  it('gives the newest of each integration of an org', async () => {
    const { integrationHealth: health } = stores();
    await health.note('acme', 'chat', note());
    await health.note('acme', 'chat', note({ status: 'degraded' }));
    await health.note('acme', 'forge', note({ latencyMs: 3 }));
    await health.note('beta', 'chat', note({ status: 'unhealthy' }));

    const latest = await health.latest('acme');

    expect(Object.fromEntries(latest)).toEqual({
      chat: note({ status: 'degraded' }),
      forge: note({ latencyMs: 3 }),
    });
  });

  it('forgets one integration whole', async () => {
    const { integrationHealth: health } = stores();
    await health.note('acme', 'chat', note());
    await health.note('acme', 'forge', note());

    await health.forget('acme', 'chat');

    expect([...(await health.latest('acme')).keys()]).toEqual(['forge']);
  });

  it('goes with its org', async () => {
    const { integrationHealth: health, orgs } = stores();
    await health.note('acme', 'chat', note());

    await orgs.remove('acme', makeEntry());

    expect(await health.history('acme', 'chat')).toEqual([]);
    await expect(health.note('acme', 'chat', note())).rejects.toThrow();
  });
});
