import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ask, type Refused } from '../support/app.ts';
import { type Gpg, openGpg } from '../support/gpg.ts';
import { type OrgApi, openOrg } from '../support/org-api.ts';
import { openService, type TestService } from '../support/service.ts';
import { command } from '../support/small-registry.ts';

interface Client {
  id: string;
  name: string;
  version: number;
  keyFingerprint: string | null;
}

let service: TestService;
let org: OrgApi;
let gpg: Gpg;
/** Armored public keys that gpg made. */
let keys: string[];
let enroller: string;

beforeAll(async () => {
  service = await openService();
  org = await openOrg(service);
  gpg = await openGpg();
  keys = [await gpg.makeKey('one', 'cv25519'), await gpg.makeKey('two', 'rsa2048')];
  enroller = await org.keyOf({ role: 'editor', user: 'ada@example.com' });
}, 60_000);

afterAll(async () => {
  expect(service.logged).toEqual([]);
  await gpg.close();
  await org.close();
  await service.close();
});

const enrolling = (body: unknown, token = enroller) =>
  org.get<Refused>('/clients', { token, body });

describe('POST /clients', () => {
  it('answers the id, a token and the root to pin', async () => {
    const body = { name: 'laptop', labels: { pool: 'ci' }, publicKey: keys[0] };

    const answer = await org.get<Record<string, never>>('/clients', { token: enroller, body });

    const root = await org.get('/root');
    expect(answer.status).toBe(201);
    expect(answer.headers.get('location')).toBe(
      `/v1/orgs/tools/delivery/clients/${answer.body['clientId']}`,
    );
    expect(answer.body).toMatchObject({
      clientId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      token: expect.stringMatching(/^wmc_[0-9a-f-]{36}_/),
      root: { version: 1, document: root.body },
    });
  });

  it.each([
    [{}, 'name'],
    [{ name: '' }, 'name'],
    [{ name: 'a', labels: { a: 1 } }, 'labels.a'],
    [{ name: 'a', admin: true }, 'admin'],
    [{ name: 'a', environment: 'prod' }, 'environment'],
  ])('refuses %j with the field', async (body, field) => {
    const { status, body: refused } = await enrolling(body);

    expect(status).toBe(400);
    expect(refused.error.validationErrors).toMatchObject([{ field }]);
  });

  it('refuses a channel that is not there, with the nearest', async () => {
    const { status, body } = await enrolling({ name: 'a', channel: 'stabel' });

    expect(status).toBe(404);
    expect(body.error.details).toMatchObject({ nearest: ['stable', 'rolling'] });
  });

  it.each([
    ['nonsense', 'it is no armored OpenPGP public key'],
    ['a private key', 'it is a private key, and now known to this server'],
  ])('refuses %s as a key, and says why', async (what, why) => {
    const secret = await gpg.run(['--armor', '--export-secret-keys', 'one']);
    const publicKey = what === 'nonsense' ? 'nonsense' : secret.stdout.toString();

    const { status, body } = await enrolling({ name: 'a', publicKey });

    expect(status).toBe(400);
    expect(body.error.code).toBe('DELIVERY_KEY_REFUSED');
    expect(body.error.message).toContain(why);
  });

  it.each(['viewer', 'approver', 'publisher', 'auditor'] as const)(
    'is not for a %s',
    async (role) => {
      const { status, body } = await enrolling({ name: 'a' }, await org.keyOf({ role }));

      expect(status).toBe(403);
      expect(body.error.details).toEqual({ permission: 'agents:enroll' });
    },
  );

  it.each(['owner', 'admin', 'editor'] as const)('is for an %s', async (role) => {
    expect((await enrolling({ name: 'a' }, await org.keyOf({ role }))).status).toBe(201);
  });
});

describe('a client', () => {
  let own: { clientId: string; token: string };
  const get = (path = '', asked = {}) =>
    org.get<Client & Refused>(`/clients/${own.clientId}${path}`, asked);

  beforeEach(async () => {
    own = await org.enrol(enroller, { publicKey: keys[0] });
  });

  it('is shown without its token', async () => {
    const { body, text } = await get();

    expect(body).toEqual({
      id: own.clientId,
      name: 'laptop',
      labels: {},
      keyFingerprint: expect.stringMatching(/^[0-9A-F]{40}$/),
      channel: null,
      environment: null,
      enrolledBy: expect.any(String),
      createdAt: expect.any(String),
      version: 1,
    });
    expect(text).not.toContain('oken');
  });

  it('sees itself, and no other', async () => {
    const other = await org.enrol(enroller);

    expect((await get('', { token: own.token })).status).toBe(200);
    for (const path of ['', '/state']) {
      const foreign = await org.get<Refused>(`/clients/${other.clientId}${path}`, {
        token: own.token,
      });
      expect(foreign.status).toBe(404);
    }
    expect((await org.get('/clients', { token: own.token })).status).toBe(403);
  });

  it('of another org answers as one that never was', async () => {
    const foreign = await openOrg(service, { org: `others-${own.clientId.slice(-6)}` });
    const base = `${service.url}/v1/orgs/${foreign.org}/delivery/clients`;

    const known = await ask<Refused>(`${base}/${own.clientId}`, { token: foreign.admin });
    const unknown = await ask<Refused>(`${base}/${own.clientId.replace(/./g, '0')}`, {
      token: foreign.admin,
    });
    const inside = await ask(`${service.url}/v1/orgs/${foreign.org}/delivery/index`, {
      token: own.token,
    });
    await foreign.close();

    expect([known.status, unknown.status, inside.status]).toEqual([404, 404, 404]);
    expect(known.body.error.message.replace(own.clientId, '…')).toBe(
      unknown.body.error.message.replace(own.clientId.replace(/./g, '0'), '…'),
    );
  });

  it('is in the list, which comes in pages', async () => {
    const { body } = await org.get<{ items: Client[]; nextCursor: string }>('/clients?limit=1');

    expect(body.items).toHaveLength(1);
    const next = await org.get<{ items: Client[] }>(`/clients?cursor=${body.nextCursor}`);
    expect(next.body.items.map(({ id }) => id)).toContain(own.clientId);
  });

  it('has what its enroller has, and no more than a client may', async () => {
    const lea = await org.keyOf({ role: 'editor', user: 'lea@example.com' });
    const { token } = await org.enrol(lea);

    expect((await org.get('/plugins/lab', { token })).status).toBe(200);
    expect((await org.get('/plugins/lab', { token: own.token })).status).toBe(404);
    expect((await org.get('/clients', { token, body: { name: 'another' } })).status).toBe(403);
  });

  it('may give itself another key', async () => {
    const before = (await get()).body;

    const rotated = await get('/rotate-key', { token: own.token, body: { publicKey: keys[1] } });

    expect(rotated.body).toMatchObject({ id: own.clientId, version: 2 });
    expect(rotated.body.keyFingerprint).not.toBe(before.keyFingerprint);
  });

  it('is changed by one at a time: If-Match names the version that was read', async () => {
    const body = { publicKey: keys[1] };
    const stale = { body, headers: { 'if-match': '"7"' } };

    expect((await get('/rotate-key', stale)).body.error.code).toBe('RES_VERSION_CONFLICT');
    expect((await get('/rotate-key', stale)).status).toBe(409);
    expect((await get('/rotate-key', { body, headers: { 'if-match': '"1"' } })).status).toBe(200);
    const wrong = await get('', { method: 'DELETE', headers: { 'if-match': 'x' } });
    expect(wrong.body.error.validationErrors).toMatchObject([{ field: 'If-Match' }]);
  });

  it('is refused at once when it is removed', async () => {
    expect((await org.get('/index', { token: own.token })).status).toBe(200);

    expect((await get('', { method: 'DELETE' })).status).toBe(204);

    const { status, body } = await org.get<Refused>('/index', { token: own.token });
    expect([status, body.error.code]).toEqual([401, 'AUTH_TOKEN_REVOKED']);
    expect((await get()).status).toBe(404);
    expect((await get('', { method: 'DELETE' })).status).toBe(404);
  });

  it('may remove itself', async () => {
    expect((await get('', { method: 'DELETE', token: own.token })).status).toBe(204);
  });
});

describe('client state', () => {
  let own: { clientId: string; token: string };
  const state = (body?: unknown, token = own.token) =>
    org.get<Record<string, unknown> & Refused>(`/clients/${own.clientId}/state`, {
      token,
      ...(body === undefined ? {} : { body }),
    });
  const digest = `sha256:${'ab'.repeat(32)}`;
  const report = {
    index: { channel: 'rolling', sequence: 3 },
    plugins: [{ pluginId: 'sales', version: '1.0.0', contentDigest: digest, items: [] }],
    errors: [],
    clientVersion: '1.2.3',
  };

  beforeEach(async () => {
    own = await org.enrol(enroller);
  });

  it('is 404 before the first report', async () => {
    expect((await state()).status).toBe(404);
  });

  it('is read back as reported, with its time and the drift', async () => {
    const sales = await org.get<{ contentDigest: string }>('/plugins/sales');

    const { body: saved } = await state(report);

    expect((await state()).body).toEqual({
      clientId: own.clientId,
      reportedAt: saved['reportedAt'],
      ...report,
      drift: [
        { pluginId: 'sales', reason: 'outdated', have: digest, want: sales.body.contentDigest },
      ],
    });
  });

  it('names what the client should not have, and what was changed there', async () => {
    const { contentDigest } = (await org.get<{ contentDigest: string }>('/plugins/sales')).body;
    const items = [
      { configObjectId: 'sales.command.quote', digest, state: 'modified' },
      { configObjectId: 'sales.skill.brief', digest, state: 'updated' },
    ];
    const plugins = [
      { pluginId: 'vault', contentDigest: digest },
      { pluginId: 'sales', contentDigest, items },
    ];
    await state({ ...report, plugins });

    expect((await state()).body['drift']).toEqual([
      { pluginId: 'vault', reason: 'not_available', have: digest },
      { pluginId: 'sales', reason: 'modified', items: ['sales.command.quote'] },
    ]);
  });

  it.each([
    ['no object', [], ['body']],
    ['no plugins', {}, ['plugins']],
    [
      'plugins that are none',
      { plugins: [null, { pluginId: 1 }] },
      [
        'plugins[0].pluginId',
        'plugins[0].contentDigest',
        'plugins[1].pluginId',
        'plugins[1].contentDigest',
      ],
    ],
    ['an index without a sequence', { index: { channel: 'a' }, plugins: [] }, ['index.sequence']],
    [
      'an unknown state of an item',
      {
        plugins: [
          {
            pluginId: 'a',
            contentDigest: 'b',
            items: [{ configObjectId: 'c', digest: 'd', state: 'lost' }],
          },
        ],
      },
      ['plugins[0].items[0].state'],
    ],
    [
      'a version that is a number',
      {
        plugins: [{ pluginId: 'a', contentDigest: 'b', version: 1 }],
      },
      ['plugins[0].version'],
    ],
  ])('is refused with %s, naming every field', async (_what, body, fields) => {
    const { status, body: refused } = await state(body);

    expect(status).toBe(400);
    expect(refused.error.validationErrors?.map(({ field }) => field)).toEqual(fields);
    expect((await state()).status).toBe(404);
  });

  it('is refused above 1 MiB', async () => {
    const { status } = await state({ ...report, errors: ['x'.repeat(1_048_576)] });

    expect(status).toBe(413);
  });

  it('is written by the client alone', async () => {
    const other = await org.enrol(enroller);

    for (const token of [other.token, org.admin, enroller]) {
      expect((await state(report, token)).status).toBe(404);
    }
    expect((await state()).status).toBe(404);
  });

  it('is read by whoever may read clients', async () => {
    await state(report);

    expect((await state(undefined, org.admin)).status).toBe(200);
    expect((await state(undefined, await org.keyOf({}))).status).toBe(403);
  });

  it('keeps the last report of many at the same time', async () => {
    const sequences = Array.from({ length: 50 }, (_, i) => i);
    const answers = await Promise.all(
      sequences.map((sequence) => state({ ...report, index: { channel: 'rolling', sequence } })),
    );

    expect(answers.map(({ status }) => status)).toEqual(sequences.map(() => 200));
    const index = (await state()).body['index'] as { sequence: number };
    expect(sequences).toContain(index.sequence);
  });

  it('is what check-updates compares with where the request names nothing', async () => {
    const { contentDigest } = (await org.get<{ contentDigest: string }>('/plugins/sales')).body;
    await state({ ...report, plugins: [{ pluginId: 'sales', contentDigest }] });
    const check = () =>
      org.get<{ unchanged: string[]; updates: { pluginId: string; reason: string }[] }>(
        `/clients/${own.clientId}/check-updates`,
        { token: own.token, body: {} },
      );
    expect((await check()).body.unchanged).toEqual(['sales']);

    await org.push({ 'plugins/sales/commands/quote.yaml': command('Another quote.') });

    expect((await check()).body.updates).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ pluginId: 'sales', reason: 'new_commit' }),
      ]),
    );
  });
});
