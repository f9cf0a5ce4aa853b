import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256Hex } from '../../src/model/digest.ts';
import { type OrgApi, openOrg } from '../support/org-api.ts';
import { openService, type TestService } from '../support/service.ts';
import { command } from '../support/small-registry.ts';

interface Answer {
  index: { channel: string; sequence: number; sha256: string };
  updates: Update[];
  unchanged: string[];
  nextCheckAfterSec: number;
}

interface Update {
  pluginId: string;
  op: string;
  reason: string;
  from?: Record<string, string>;
  to?: { version: string; contentDigest: string };
  items: Record<'added' | 'changed' | 'removed', Record<string, string>[]>;
  download?: { full: string; delta?: string; fullSize: number; deltaSize?: number };
}

const QUOTE = 'plugins/sales/commands/quote.yaml';
const plugin = (title: string, more = ''): string =>
  `apiVersion: waymark/v1\nkind: Plugin\nspec: {title: ${title}${more}}\n`;

let service: TestService;
let org: OrgApi;
let client: { clientId: string; token: string };
let lea: { clientId: string; token: string };

beforeAll(async () => {
  service = await openService();
  org = await openOrg(service);
  await org.publish('sales@1.0.0');
  const enroll = async (user: string) => org.enrol(await org.keyOf({ role: 'editor', user }));
  client = await enroll('ada@example.com');
  lea = await enroll('lea@example.com');
});

afterAll(async () => {
  expect(service.logged).toEqual([]);
  await org.close();
  await service.close();
});

async function check(body: unknown, who = client): Promise<Answer> {
  const path = `/clients/${who.clientId}/check-updates`;
  const answer = await org.get<Answer>(path, { token: who.token, body });
  expect(answer.status, answer.text).toBe(200);
  return answer.body;
}

/** What is to be done about one plugin. */
async function updateOf(
  pluginId: string,
  installed: Record<string, unknown>,
  { channel = 'rolling', who = client } = {},
): Promise<Update | undefined> {
  const body = { installed: [{ pluginId, ...installed }], selector: { channel } };
  return (await check(body, who)).updates.find((one) => one.pluginId === pluginId);
}

async function contentOf(id: string, query = ''): Promise<string> {
  return (await org.get<{ contentDigest: string }>(`/plugins/${id}${query}`)).body.contentDigest;
}

describe('check-updates', () => {
  it('finds nothing to do for what is current, by digest or by version', async () => {
    const contentDigest = await contentOf('sales');
    const byDigest = await check({ installed: [{ pluginId: 'sales', contentDigest }] });
    const byVersion = await check({
      installed: [{ pluginId: 'sales', version: '1.0.0' }],
      selector: { channel: 'stable' },
    });

    expect(byDigest.unchanged).toEqual(['sales']);
    expect(byVersion).toMatchObject({ unchanged: ['sales'], updates: [] });
  });

  it('names the index that a client is to verify', async () => {
    const index = await org.get<{ sequence: number }>('/index', { token: client.token });

    const answer = await check({});

    expect(answer.index).toEqual({
      channel: 'rolling',
      sequence: index.body.sequence,
      sha256: sha256Hex(index.text),
    });
  });

  it('spreads the next checks, each client at its own pace', async () => {
    const [one, again, other] = [await check({}), await check({}), await check({}, lea)];

    for (const { nextCheckAfterSec } of [one, other]) {
      expect(nextCheckAfterSec).toBeGreaterThan(239);
      expect(nextCheckAfterSec).toBeLessThanOrEqual(300);
    }
    expect(again.nextCheckAfterSec).toBe(one.nextCheckAfterSec);
  });

  it('installs what is required and not there', async () => {
    expect((await check({ installed: [] })).updates).toMatchObject([
      { pluginId: 'ops', op: 'install', reason: 'required', to: { version: '0.0.0-dev.1' } },
    ]);
  });

  it('updates to a new commit, with each object that changed and a delta', async () => {
    const before = await contentOf('sales');
    await org.push({ [QUOTE]: command('A second quote.') });

    const update = await updateOf('sales', { contentDigest: before });

    const now = await contentOf('sales');
    expect(update).toMatchObject({
      op: 'update',
      reason: 'new_commit',
      from: { contentDigest: before },
      to: { version: '0.0.0-dev.2', contentDigest: now },
      items: {
        added: [],
        changed: [
          {
            configObjectId: 'sales.command.quote',
            fromDigest: expect.stringMatching(/^sha256:/),
            toDigest: expect.stringMatching(/^sha256:/),
            versionId: expect.stringMatching(/^[0-9a-f]{40}$/),
          },
        ],
        removed: [],
      },
    });
    expect(update!.download!.delta).toContain(`since=${before}`);
    expect(update!.download!.deltaSize).toBeLessThan(update!.download!.fullSize);
  });

  it('gives addresses that answer just that content', async () => {
    const update = await updateOf('sales', {
      contentDigest: await contentOf('sales', '?release=1.0.0'),
    });

    const { full, delta } = update!.download!;
    for (const path of [full, delta!]) {
      const { status, headers } = await org.get(`/${path}`, { token: client.token });
      expect(status).toBe(200);
      expect(headers.get('x-waymark-content-digest')).toBe(update!.to!.contentDigest);
    }
  });

  it('compares with a commit, where that is what the client has', async () => {
    const { body } = await org.get<{ items: { commit: string }[] }>('/plugins/sales/releases');
    const [{ commit } = { commit: '' }] = body.items;

    const update = await updateOf('sales', { commit });

    expect(update).toMatchObject({ op: 'update', items: { changed: [{}] } });
    expect(update!.download).toHaveProperty('delta');
  });

  it.each([{ commit: '0'.repeat(40) }, { contentDigest: `sha256:${'0'.repeat(64)}` }, {}])(
    'from %j, which nobody knows, is a full update',
    async (installed) => {
      const update = await updateOf('sales', installed);

      expect(update).toMatchObject({ op: 'update', items: { added: [{}, {}] } });
      expect(update!.download).not.toHaveProperty('delta');
    },
  );

  it('updates to a new release', async () => {
    await org.publish('sales@1.1.0');

    const update = await updateOf('sales', { version: '1.0.0' }, { channel: 'stable' });

    expect(update).toMatchObject({
      op: 'update',
      reason: 'new_release',
      from: { version: '1.0.0' },
      to: { version: '1.1.0' },
      items: { changed: [{ configObjectId: 'sales.command.quote' }] },
    });
  });

  it('rolls back from a release that was yanked', async () => {
    const contentDigest = await contentOf('sales', '?release=1.1.0');
    await org.post('/components/sales/versions/1.1.0/yank', { reason: 'wrong' });

    const update = await updateOf(
      'sales',
      { version: '1.1.0', contentDigest },
      { channel: 'stable' },
    );

    expect(update).toMatchObject({
      op: 'rollback',
      reason: 'yanked',
      from: { version: '1.1.0' },
      to: { version: '1.0.0' },
    });
  });

  it('rolls back from a release that the channel admits no more', async () => {
    await org.post('/components/sales/versions/1.1.0/unyank', {});
    await org.push({
      'channels/stable.yaml':
        'apiVersion: waymark/v1\nkind: Channel\nmetadata: {title: Stable}\nspec: {plugins: {sales: {range: <1.1.0}}}\n',
    });

    const update = await updateOf('sales', { version: '1.1.0' }, { channel: 'stable' });

    expect(update).toMatchObject({ op: 'rollback', reason: 'rollback', to: { version: '1.0.0' } });
  });

  it('repairs drift where the policy allows none', async () => {
    const item = { configObjectId: 'sales.command.quote', digest: 'sha256:0', state: 'modified' };
    const installed = async () => ({ contentDigest: await contentOf('sales'), items: [item] });
    expect(await updateOf('sales', await installed())).toBeUndefined();
    await org.push({
      'plugins/sales/plugin.yaml': plugin('Sales', ', policy: {override: deny}'),
    });

    expect(await updateOf('sales', await installed())).toMatchObject({
      op: 'update',
      reason: 'drift',
    });
  });

  it('removes what the client may no longer have', async () => {
    const contentDigest = await contentOf('lab');
    expect(await updateOf('lab', { contentDigest }, { who: lea })).toBeUndefined();
    await org.push({
      'access/plugins/lab.yaml': 'apiVersion: waymark/v1\nkind: Access\nspec: {members: []}\n',
    });

    expect(await updateOf('lab', { contentDigest }, { who: lea })).toEqual({
      pluginId: 'lab',
      op: 'remove',
      reason: 'access_revoked',
      from: { contentDigest },
      items: { added: [], changed: [], removed: [] },
    });
  });

  it('answers a guess at a hidden plugin as one at a plugin that never was', async () => {
    const guesses = [{ version: '1.0.0' }, { contentDigest: `sha256:${'0'.repeat(64)}` }];
    for (const guess of guesses) {
      const hidden = await updateOf('lab', guess);
      const unknown = await updateOf('never', guess);

      expect(hidden).toMatchObject({ op: 'remove' });
      expect(hidden).toEqual({ ...unknown, pluginId: 'lab' });
    }
  });

  it('removes a plugin that was deleted', async () => {
    const contentDigest = await contentOf('ops');
    await org.push({ 'plugins/ops/plugin.yaml': null, 'plugins/ops/contexts/rules.yaml': null });

    expect(await updateOf('ops', { contentDigest })).toMatchObject({
      op: 'remove',
      reason: 'plugin_deleted',
    });
  });

  it('offers an object that was added, and names one that was removed', async () => {
    const contentDigest = await contentOf('sales');
    await org.push({ [QUOTE]: null, 'plugins/sales/commands/offer.yaml': command('An offer.') });

    const update = await updateOf('sales', { contentDigest });

    expect(update!.items).toMatchObject({
      added: [{ configObjectId: 'sales.command.offer' }],
      changed: [],
      removed: [{ configObjectId: 'sales.command.quote' }],
    });
  });
});
