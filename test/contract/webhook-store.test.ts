import { expect, it } from 'vitest';
import type { Stores } from '../../src/database/stores.ts';
import { contract } from '../support/backends.ts';
import { makeEntry, makeOrg } from '../support/records.ts';

const AT = '2026-03-04T12:00:00.000Z';
const LATER = '2026-03-05T12:00:00.000Z';

async function withOrgs(stores: Stores): Promise<Stores> {
  for (const slug of ['acme', 'globex']) {
    await stores.orgs.insert(makeOrg(slug, { mode: 'mirror' }), makeEntry({ tenant: '*' }));
  }
  return stores;
}

await contract('WebhookStore', (stores) => {
  it('remember tells what is new from what came before, for each org', async () => {
    const { webhooks } = await withOrgs(stores());

    expect(await webhooks.remember('acme', ['id-1', 'body-1'], AT)).toBe(true);
    expect(await webhooks.remember('acme', ['id-1', 'body-1'], AT)).toBe(false);
    expect(await webhooks.remember('globex', ['id-1', 'body-1'], AT)).toBe(true);
  });

  it('remember knows a delivery by any of its marks, and keeps the others', async () => {
    const { webhooks } = await withOrgs(stores());
    await webhooks.remember('acme', ['id-1', 'body-1'], AT);

    expect(await webhooks.remember('acme', ['id-2', 'body-1'], AT)).toBe(false);
    expect(await webhooks.remember('acme', ['id-2'], AT)).toBe(false);
  });

  it('remember tells one of many who come at once that it is new', async () => {
    const { webhooks } = await withOrgs(stores());

    const answers = await Promise.all(
      Array.from({ length: 8 }, () => webhooks.remember('acme', ['id-1'], AT)),
    );

    expect(answers.filter(Boolean)).toHaveLength(1);
  });

  it('remember refuses an org that is gone', async () => {
    const remembered = stores().webhooks.remember('acme', ['id-1'], AT);

    await expect(remembered).rejects.toMatchObject({ code: 'RES_NOT_FOUND' });
  });

  it('sweep forgets what has expired', async () => {
    const { webhooks } = await withOrgs(stores());
    await webhooks.remember('acme', ['id-1'], AT);
    await webhooks.remember('acme', ['id-2'], LATER);

    expect(await webhooks.sweep(AT)).toBe(1);

    expect(await webhooks.remember('acme', ['id-2'], LATER)).toBe(false);
    expect(await webhooks.remember('acme', ['id-1'], LATER)).toBe(true);
  });

  it('goes with its org', async () => {
    const { webhooks, orgs } = await withOrgs(stores());
    await webhooks.remember('acme', ['id-1'], AT);

    await orgs.remove('acme', makeEntry());

    expect(await webhooks.sweep(LATER)).toBe(0);
  });
});
