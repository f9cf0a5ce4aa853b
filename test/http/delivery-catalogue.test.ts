import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, type Refused } from '../support/app.ts';
import { type OrgApi, openOrg } from '../support/org-api.ts';
import { openService, type TestService } from '../support/service.ts';
import { command } from '../support/small-registry.ts';

interface Page {
  items: Record<string, unknown>[];
  nextCursor: string | null;
}

const QUOTE = 'plugins/sales/commands/quote.yaml';

let service: TestService;
let org: OrgApi;
/** The commit of each version of sales. */
let first: string;
let second: string;

beforeAll(async () => {
  service = await openService();
  org = await openOrg(service);
  await org.publish('sales@1.0.0', 'ops@1.0.0');
  first = (await org.get<{ items: { commit: string }[] }>('/plugins/sales/releases')).body.items[0]!
    .commit;
  second = await org.push({ [QUOTE]: command('A second quote.') });
  await org.publish('sales@1.1.0');
  await org.post('/releases', {
    name: 'spring',
    components: [{ componentId: 'sales', version: '1.0.0' }],
  });
});

afterAll(async () => {
  expect(service.logged).toEqual([]);
  await org.close();
  await service.close();
});

const versionOf = async (query: string, token = org.admin): Promise<unknown> => {
  const { body } = await org.get<{ version: string }>(`/plugins/sales${query}`, { token });
  return body.version;
};

describe('a selector', () => {
  it.each([
    ['', '0.0.0-dev.2'],
    ['?channel=rolling', '0.0.0-dev.2'],
    ['?channel=stable', '1.1.0'],
    ['?release=1.0.0', '1.0.0'],
    ['?release=sales--v1.1.0', '1.1.0'],
    ['?release=spring', '1.0.0'],
  ])('of %s resolves to %s', async (query, version) => {
    expect(await versionOf(query)).toBe(version);
  });

  it('of a commit, or the first seven digits of it, resolves to its content', async () => {
    expect(await versionOf(`?commit=${first}`)).toBe('0.0.0-dev.1');
    expect(await versionOf(`?commit=${first.slice(0, 7)}`)).toBe('0.0.0-dev.1');
    expect(await versionOf(`?commit=${second}`)).toBe('0.0.0-dev.2');
  });

  it('is the channel that a client is enrolled in, where none is given', async () => {
    const enroller = await org.keyOf({ role: 'editor' });
    const { token } = await org.enrol(enroller, { channel: 'stable' });

    expect(await versionOf('', token)).toBe('1.1.0');
    expect(await versionOf('?channel=rolling', token)).toBe('0.0.0-dev.2');
  });

  it.each(['?channel=stable&release=1.0.0', '?channel=stable&channel=rolling'])(
    'is refused where there are two: %s',
    async (query) => {
      const { status, body } = await org.get<Refused>(`/plugins/sales${query}`);

      expect(status).toBe(400);
      expect(body.error.code).toBe('DELIVERY_SELECTOR');
    },
  );

  it.each([
    ['?channel=stabel', ['stable', 'rolling']],
    ['?release=1.1.1', expect.arrayContaining(['sales--v1.1.0'])],
  ])('that is unknown, %s, is 404 with the nearest names', async (query, nearest) => {
    const { status, body } = await org.get<Refused>(`/plugins/sales${query}`);

    expect(status).toBe(404);
    expect(body.error.details).toEqual({ nearest });
  });

  it.each(['?commit=0123456', '?environment=prod'])('of nothing, %s, is 404', async (query) => {
    expect((await org.get(`/plugins/sales${query}`)).status).toBe(404);
  });

  it.each(['?commit=123', '?commit=HEAD', '?channel=', '?release='])(
    'that is malformed, %s, is 400 with the field',
    async (query) => {
      const { status, body } = await org.get<Refused>(`/plugins/sales${query}`);

      expect(status).toBe(400);
      expect(body.error.validationErrors).toMatchObject([{ field: query.slice(1).split('=')[0] }]);
    },
  );
});

describe('GET /plugins', () => {
  const ids = async (query: string, token = org.admin) =>
    (await org.get<Page>(`/plugins${query}`, { token })).body.items.map(({ id }) => id);

  it('tells what a list needs of each plugin', async () => {
    const { body } = await org.get<Page>('/plugins?q=deals');

    expect(body).toEqual({
      items: [
        {
          id: 'sales',
          name: 'Sales',
          title: 'Sales',
          description: 'For deals.',
          version: '0.0.0-dev.2',
          contentDigest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
          policy: { mode: 'available', override: 'allow' },
          updatedAt: expect.stringMatching(/^\d{4}-.*Z$/),
        },
      ],
      nextCursor: null,
    });
  });

  it('finds by id, title and description, in any case', async () => {
    expect(await ids('?q=SALES')).toEqual(['sales']);
    expect(await ids('?q=a')).toEqual(['lab', 'sales', 'vault']);
    expect(await ids('?q=nothing')).toEqual([]);
  });

  it('has those of a channel alone', async () => {
    expect(await ids('?channel=stable')).toEqual(['ops', 'sales']);
  });

  it('narrows to what a team may have', async () => {
    expect(await ids('?teamId=red')).toEqual(['ops', 'sales', 'vault']);
    expect(await ids('?teamId=blue')).toEqual(['ops', 'sales']);
  });

  it.each(['0', '101', 'x', '1.5'])('refuses a limit of %s', async (limit) => {
    const { status, body } = await org.get<Refused>(`/plugins?limit=${limit}`);

    expect(status).toBe(400);
    expect(body.error.validationErrors).toMatchObject([{ field: 'limit' }]);
  });

  it('refuses a cursor of somebody else', async () => {
    const { status, body } = await org.get<Refused>('/plugins?cursor=abc');

    expect(status).toBe(400);
    expect(body.error.code).toBe('VAL_CURSOR');
  });

  it('stays on the commit of its first page, whatever is pushed meanwhile', async () => {
    const { body } = await org.get<Page>('/plugins?limit=3');
    const before = await org.get<{ contentDigest: string }>('/plugins/vault');
    await org.push({ 'plugins/vault/commands/open.yaml': command('Open it slowly.') });

    const next = await org.get<Page>(`/plugins?limit=3&cursor=${body.nextCursor}`);
    const again = await org.get<Page>('/plugins?q=vault');

    expect(body.items.map(({ id }) => id)).toEqual(['lab', 'ops', 'sales']);
    expect(next.body).toMatchObject({
      items: [{ id: 'vault', contentDigest: before.body.contentDigest }],
      nextCursor: null,
    });
    expect(again.body.items[0]!['contentDigest']).not.toBe(before.body.contentDigest);
  });
});

describe('GET /plugins/:plugin/releases', () => {
  it('lists newest first, with the state of each', async () => {
    await org.post('/components/sales/versions', { version: '0.9.0', notes: 'For old ones.' });
    await org.post('/components/sales/versions/0.9.0/yank', { reason: 'too old' });

    const { body } = await org.get<Page>('/plugins/sales/releases');

    expect(body.items.map(({ version }) => version)).toEqual(['0.9.0', '1.1.0', '1.0.0']);
    expect(body.items[0]).toEqual({
      plugin: 'sales',
      version: '0.9.0',
      tag: 'sales--v0.9.0',
      tagOid: expect.stringMatching(/^[0-9a-f]{40}$/),
      seq: 4,
      commit: expect.stringMatching(/^[0-9a-f]{40}$/),
      contentDigest: expect.stringMatching(/^sha256:/),
      publishedAt: expect.any(String),
      notes: 'For old ones.',
      yanked: true,
      yankReason: 'too old',
    });
  });

  it('comes in pages', async () => {
    const page = (await org.get<Page>('/plugins/sales/releases?limit=2')).body;
    const rest = (await org.get<Page>(`/plugins/sales/releases?limit=2&cursor=${page.nextCursor}`))
      .body;

    const versions = [...page.items, ...rest.items].map(({ version }) => version);
    expect(versions).toEqual(['0.9.0', '1.1.0', '1.0.0']);
    expect(rest.nextCursor).toBeNull();
  });
});

describe('access', () => {
  it.each([
    ['anyone of the org', {}, ['ops', 'sales']],
    ['a member', { user: 'lea@example.com' }, ['lab', 'ops', 'sales']],
    ['a team’s member', { user: 'ruth@example.com' }, ['ops', 'sales', 'vault']],
    ['a team’s key', { teams: ['red'] }, ['ops', 'sales', 'vault']],
    ['an admin', { role: 'admin' as const }, ['lab', 'ops', 'sales', 'vault']],
  ])('gives %s exactly what the grants say', async (_who, who, wanted) => {
    const token = await org.keyOf(who);

    const list = await org.get<Page>('/plugins', { token });
    const index = await org.get<{ plugins: object }>('/index', { token });

    expect(list.body.items.map(({ id }) => id)).toEqual(wanted);
    expect(Object.keys(index.body.plugins).sort()).toEqual(wanted);
  });

  it.each([
    '',
    '/releases',
    '/manifest',
    '/manifest.asc',
    '/download',
    '/releases/1.0.0/manifest',
    '/releases/1.0.0/download',
    '/releases/1.0.0/tag',
  ])('answers /plugins/vault%s as if there were none, where it is not granted', async (rest) => {
    await org.publish('vault@1.0.0');
    const token = await org.keyOf({});

    const hidden = await org.get<Refused>(`/plugins/vault${rest}`, { token });
    const absent = await org.get<Refused>(`/plugins/fault${rest}`, { token });

    expect(hidden.status).toBe(404);
    expect(JSON.stringify(hidden.body.error)).toBe(
      JSON.stringify(absent.body.error).replaceAll('fault', 'vault'),
    );
  });

  it('hides an object and a blob with their plugin', async () => {
    const manifest = await org.get<{ items: { files: { digest: string }[] }[] }>(
      '/plugins/vault/manifest',
    );
    const { digest } = manifest.body.items[0]!.files[0]!;
    const token = await org.keyOf({});

    for (const path of [
      `/blobs/sha256/${digest.slice('sha256:'.length)}`,
      '/config-objects/vault.command.open/download',
    ]) {
      expect((await org.get(path)).status).toBe(200);
      expect((await org.get(path, { token })).status).toBe(404);
    }
  });

  it('is nobody’s without a credential', async () => {
    const url = `${service.url}/v1/orgs/tools/delivery/plugins`;
    const answer = await ask<Refused>(url);

    expect(answer.status).toBe(401);
    expect(answer.body.error.code).toBe('AUTH_TOKEN_MISSING');
  });

  it('follows a grant that is taken away at the next request', async () => {
    const token = await org.keyOf({ user: 'lea@example.com' });
    expect((await org.get('/plugins/lab', { token })).status).toBe(200);

    await org.push({
      'access/plugins/lab.yaml': 'apiVersion: waymark/v1\nkind: Access\nspec: {members: []}\n',
    });

    expect((await org.get('/plugins/lab', { token })).status).toBe(404);
  });
});
