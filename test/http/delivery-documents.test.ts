import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Answered, Refused } from '../support/app.ts';
import { type Gpg, openGpg } from '../support/gpg.ts';
import { type OrgApi, openOrg } from '../support/org-api.ts';
import { openService, type TestService } from '../support/service.ts';
import { command } from '../support/small-registry.ts';

interface Manifest {
  plugin: { version: string; contentDigest: string };
  resolved: Record<string, unknown>;
  layout: string;
  items: { configObjectId: string; files: { path: string }[]; targets: Record<string, string> }[];
  files: { path: string }[];
  bundle: { url: string };
}

interface Index {
  sequence: number;
  commit: string;
  expiresAt: string;
  rootVersion: number;
  plugins: Record<string, Record<string, unknown>>;
  diagnostics?: unknown[];
}

interface Root {
  version: number;
  roles: Record<string, { keyids: string[]; threshold: number }>;
  keys: Record<string, { armored: string }>;
}

const QUOTE = 'plugins/sales/commands/quote.yaml';
const HOUR_MS = 3_600_000;

let service: TestService;
let org: OrgApi;
let gpg: Gpg;

beforeAll(async () => {
  service = await openService();
  org = await openOrg(service);
  gpg = await openGpg();
  // The service's clock will be ahead of gpg's.
  await writeFile(join(gpg.home, 'gpg.conf'), 'ignore-time-conflict\n');
  await org.publish('sales@1.0.0');
});

afterAll(async () => {
  expect(service.logged).toEqual([]);
  await gpg.close();
  await org.close();
  await service.close();
});

const ifNoneMatch = (etag: string) => ({ headers: { 'if-none-match': etag } });

async function importKeys(): Promise<Root> {
  const { body } = await org.get<Root>('/root');
  for (const { armored } of Object.values(body.keys)) await gpg.importKey(armored);
  return body;
}

/** The fingerprints that gpg finds good signatures of. */
async function signers(signature: string | Buffer, body: string): Promise<string[]> {
  const [one, other] = [join(gpg.home, 'signature'), join(gpg.home, 'body')];
  await writeFile(one, signature);
  await writeFile(other, body);
  const { stderr } = await gpg.run(['--status-fd', '2', '--verify', one, other]);
  return [...stderr.matchAll(/VALIDSIG ([0-9A-F]{40}) /g)].map(([, key]) => key!);
}

const signatureIn = ({ headers }: Answered): Buffer =>
  Buffer.from(headers.get('x-waymark-signature')!, 'base64');

describe('GET /plugins/:plugin/manifest', () => {
  it('lists the registry’s own files in the layout raw', async () => {
    const { body } = await org.get<Manifest>('/plugins/sales/manifest');

    expect(body.layout).toBe('raw');
    expect(body.items.map(({ configObjectId }) => configObjectId)).toEqual([
      'sales.command.quote',
      'sales.skill.brief',
    ]);
    const paths = [...body.files, ...body.items.flatMap(({ files }) => files)];
    expect(paths.map(({ path }) => path).sort()).toEqual([
      'README.md',
      'commands/quote.yaml',
      'plugin.yaml',
      'skills/brief/SKILL.md',
      'skills/brief/skill.yaml',
      'skills/brief/terms.txt',
    ]);
  });

  it('says what it was resolved to', async () => {
    const { body, headers } = await org.get<Manifest>('/plugins/sales/manifest');

    expect(body.resolved).toEqual({
      org: 'tools',
      orgUid: expect.any(String),
      channel: 'rolling',
      seq: 1,
      commit: headers.get('x-waymark-commit'),
      tree: expect.stringMatching(/^[0-9a-f]{40}$/),
    });
    expect(body.bundle.url).toBe(`download?contentDigest=${body.plugin.contentDigest}`);
  });

  it('renders another layout of the same content', async () => {
    const raw = (await org.get<Manifest>('/plugins/sales/manifest')).body;

    const { body } = await org.get<Manifest>('/plugins/sales/manifest?layout=claude');

    expect(body.plugin.contentDigest).toBe(raw.plugin.contentDigest);
    expect(body.items.map(({ files }) => files.map(({ path }) => path))).toEqual([
      ['commands/quote.md'],
      expect.arrayContaining(['skills/brief/SKILL.md', 'skills/brief/terms.txt']),
    ]);
    expect(body.items.map(({ targets }) => targets['claude'])).toEqual(['native', 'native']);
  });

  it('refuses a layout that nobody reads', async () => {
    const { status, body } = await org.get<Refused>('/plugins/sales/manifest?layout=word');

    expect(status).toBe(400);
    expect(body.error.validationErrors).toMatchObject([{ field: 'layout' }]);
  });

  it('keeps its bytes, signature and ETag over a commit elsewhere', async () => {
    const before = await org.get('/plugins/sales/manifest');
    const commit = await org.push({ 'plugins/ops/contexts/rules.yaml': rules('Be quick.') });

    const after = await org.get('/plugins/sales/manifest');

    expect(after.text).toBe(before.text);
    expect(after.headers.get('etag')).toBe(before.headers.get('etag'));
    expect(signatureIn(after)).toEqual(signatureIn(before));
    expect(after.headers.get('x-waymark-commit')).toBe(commit);
  });

  it('is signed with the release key, in the header and beside it', async () => {
    const { roles } = await importKeys();

    const manifest = await org.get('/plugins/sales/manifest');
    const { text: armored } = await org.get('/plugins/sales/manifest.asc');

    expect(await signers(signatureIn(manifest), manifest.text)).toEqual(roles['release']!.keyids);
    expect(await signers(armored, manifest.text)).toEqual(roles['release']!.keyids);
    expect(await signers(armored, `${manifest.text} `)).toEqual([]);
  });

  it('of a release never changes, and may be kept for good', async () => {
    const before = await org.get('/plugins/sales/releases/1.0.0/manifest');
    await org.push({ [QUOTE]: command('A newer quote.') });

    const after = await org.get<Manifest>('/plugins/sales/releases/1.0.0/manifest');

    expect(after.text).toBe(before.text);
    expect(after.body.resolved).toMatchObject({ release: 'sales--v1.0.0', seq: 1 });
    expect(after.headers.get('cache-control')).toContain('immutable');
    expect((await org.get('/plugins/sales/manifest')).headers.get('cache-control')).toBe(
      'private, no-cache',
    );
  });

  it('of a yanked release still answers a pin, with a warning, and does not say so itself', async () => {
    const before = await org.get('/plugins/sales/manifest?release=1.0.0');
    await org.post('/components/sales/versions/1.0.0/yank', { reason: 'wrong' });

    const after = await org.get('/plugins/sales/manifest?release=1.0.0');

    expect(after.text).toBe(before.text);
    expect(after.headers.get('warning')).toBe('299 - "sales--v1.0.0 was yanked"');
    expect(before.headers.get('warning')).toBeNull();
    await org.post('/components/sales/versions/1.0.0/unyank', {});
  });

  it('answers what an index pinned for a day after a push replaced it', async () => {
    const { plugin } = (await org.get<Manifest>('/plugins/sales/manifest')).body;
    await org.push({ [QUOTE]: command('The newest quote.') });
    const pinned = () =>
      org.get<Manifest>(`/plugins/sales/manifest?contentDigest=${plugin.contentDigest}`);

    expect((await pinned()).body.plugin).toMatchObject(plugin);
    service.advance(23 * HOUR_MS);
    await org.push({ 'plugins/ops/contexts/rules.yaml': rules('Be slow.') });
    expect((await pinned()).status).toBe(200);
  });

  it.each([
    ['sha256:0', 400],
    [`sha256:${'0'.repeat(64)}`, 404],
  ])('refuses contentDigest=%s', async (digest, status) => {
    const answer = await org.get(`/plugins/sales/manifest?contentDigest=${digest}`);

    expect(answer.status).toBe(status);
  });
});

describe('ETag', () => {
  it.each(['/plugins', '/plugins/sales', '/plugins/sales/manifest', '/index', '/root', '/root/1'])(
    'of %s matches in its strong, weak and bare form, alone or in a list',
    async (path) => {
      const { headers } = await org.get(path);
      const etag = headers.get('etag')!;
      expect(etag).toMatch(/^"[^"]+"$/);

      for (const form of [etag, `W/${etag}`, etag.slice(1, -1), `"other", ${etag}`, '*']) {
        expect((await org.get(path, ifNoneMatch(form))).status, form).toBe(304);
      }
      expect((await org.get(path, ifNoneMatch('"other"'))).status).toBe(200);
    },
  );

  it.each(['/plugins/sales/manifest', '/index', '/root'])(
    'leaves the signature on a 304 of %s',
    async (path) => {
      const whole = await org.get(path);

      const { status, text, headers } = await org.get(
        path,
        ifNoneMatch(whole.headers.get('etag')!),
      );

      expect([status, text]).toEqual([304, '']);
      expect(headers.get('x-waymark-signature')).toBe(whole.headers.get('x-waymark-signature'));
    },
  );

  it('is of the content: nobody else’s copy is told from one’s own', async () => {
    for (const path of ['/plugins', '/plugins/sales/manifest', '/index']) {
      expect((await org.get(path)).headers.get('vary')).toBe('Authorization');
    }
  });
});

describe('GET /index', () => {
  it('pins a digest, a version and a sequence for every plugin', async () => {
    const manifest = (await org.get<Manifest>('/plugins/sales/manifest')).body;

    const { body, headers } = await org.get<Index>('/index');

    expect(body).toMatchObject({
      _type: 'index',
      org: 'tools',
      channel: 'rolling',
      commit: headers.get('x-waymark-commit'),
      rootVersion: 1,
    });
    expect(body.plugins['sales']).toEqual({
      version: manifest.plugin.version,
      seq: manifest.resolved['seq'],
      contentDigest: manifest.plugin.contentDigest,
      size: expect.any(Number),
    });
  });

  it('is signed with the index key', async () => {
    const { roles } = await importKeys();
    const index = await org.get('/index');
    const { text: armored } = await org.get('/index.asc');

    expect(await signers(signatureIn(index), index.text)).toEqual(roles['index']!.keyids);
    expect(await signers(armored, index.text)).toEqual(roles['index']!.keyids);
  });

  it('is signed anew after eight hours, and expires within a day', async () => {
    const before = (await org.get<Index>('/index')).body;
    service.advance(9 * HOUR_MS);

    const after = (await org.get<Index>('/index')).body;

    const leftMs = Date.parse(before.expiresAt) - Date.parse((before as never)['issuedAt']);
    expect(leftMs).toBeLessThanOrEqual(24 * HOUR_MS);
    expect(Date.parse(after.expiresAt)).toBeGreaterThan(Date.parse(before.expiresAt));
    expect(after.sequence).toBeGreaterThanOrEqual(before.sequence);
  });

  it('never goes back in its sequence', async () => {
    const before = (await org.get<Index>('/index')).body;
    await org.push({ [QUOTE]: command('Quote, again.') });

    const after = (await org.get<Index>('/index')).body;

    expect(after.sequence).toBeGreaterThan(before.sequence);
  });

  it('narrowed to some plugins is not signed, since it proves nothing of the rest', async () => {
    const { body, headers } = await org.get<Index>('/index?plugins=sales,none');
    const signature = await org.get<Refused>('/index.asc?plugins=sales');

    expect(Object.keys(body.plugins)).toEqual(['sales']);
    expect(headers.get('x-waymark-signature')).toBeNull();
    expect(signature.status).toBe(400);
  });

  it('is of a channel, never of a release or a commit', async () => {
    const { status, body } = await org.get<Refused>('/index?release=1.0.0');

    expect(status).toBe(400);
    expect(body.error.code).toBe('DELIVERY_SELECTOR');
  });

  it('carries a signed downgrade where a yank took a channel back', async () => {
    await org.publish('sales@1.1.0');
    await org.post('/components/sales/versions/1.1.0/yank', { reason: 'wrong' });

    const { body } = await org.get<Index>('/index?channel=stable');

    const { downgrade } = body.plugins['sales'] as {
      downgrade: { statement: string; signature: string };
    };
    expect(JSON.parse(downgrade.statement)).toMatchObject({
      _type: 'downgrade',
      channel: 'stable',
      pluginId: 'sales',
      fromSeq: 2,
      toSeq: 1,
      cause: { kind: 'yank', id: 'sales--v1.1.0' },
    });
    const { roles } = await importKeys();
    const signature = Buffer.from(downgrade.signature, 'base64');
    expect(await signers(signature, downgrade.statement)).toEqual(roles['release']!.keyids);
  });
});

describe('Prefer: wait', () => {
  const waiting = (path: string, etag: string, seconds: number) =>
    org.get(path, { headers: { 'if-none-match': etag, prefer: `wait=${seconds}` } });

  it.each(['/index', '/plugins/sales/manifest', '/plugins'])(
    'on %s answers when a push changes it',
    async (path) => {
      const { headers } = await org.get(path);
      const answer = waiting(path, headers.get('etag')!, 60);

      const commit = await org.push({ [QUOTE]: command(`Quote for ${path}.`) });

      const { status, headers: after } = await answer;
      expect(status).toBe(200);
      expect(after.get('x-waymark-commit')).toBe(commit);
    },
  );

  it('sleeps on over a push that changes something else', async () => {
    const { headers } = await org.get('/plugins/sales/manifest');
    const etag = headers.get('etag')!;
    const answer = waiting('/plugins/sales/manifest', etag, 60);
    await org.push({ 'plugins/ops/contexts/rules.yaml': rules('Be calm.') });
    const index = await org.get('/index');

    await org.push({ [QUOTE]: command('At last a quote.') });

    expect((await answer).status).toBe(200);
    expect((await answer).headers.get('x-waymark-commit')).not.toBe(
      index.headers.get('x-waymark-commit'),
    );
  });

  it('answers 304 in the end, at most a fifth early', async () => {
    const { headers } = await org.get('/index');
    const beganMs = performance.now();

    const { status } = await waiting('/index', headers.get('etag')!, 1);

    expect(status).toBe(304);
    expect(performance.now() - beganMs).toBeGreaterThan(790);
  });

  it('does not wait where the client has something else', async () => {
    expect((await waiting('/index', '"other"', 60)).status).toBe(200);
  });
});

describe('roots and keys', () => {
  it('gives each role its key and where the root key is kept', async () => {
    const { body } = await org.get<Root & { custody: string }>('/root');

    expect(body.custody).toBe('server');
    expect(Object.keys(body.roles).sort()).toEqual(['index', 'release', 'root']);
    for (const { keyids, threshold } of Object.values(body.roles)) {
      expect(threshold).toBe(1);
      expect(keyids.every((id) => body.keys[id]?.armored)).toBe(true);
    }
  });

  it('gives the release key alone to a keyring', async () => {
    const { text, headers } = await org.get('/keys');
    const { roles, keys } = (await org.get<Root>('/root')).body;

    expect(headers.get('content-type')).toMatch('application/pgp-keys');
    expect(text.trim()).toBe(keys[roles['release']!.keyids[0]!]!.armored.trim());
  });

  it.each(['/root/2', '/root/0', '/root/x'])('has no %s', async (path) => {
    expect((await org.get(path)).status).toBe(404);
  });

  it('gives the raw tag that git has', async () => {
    const { text, headers } = await org.get('/plugins/sales/releases/1.0.0/tag');

    expect(headers.get('content-type')).toMatch('application/x-git-tag');
    expect(text).toMatch(/^object [0-9a-f]{40}\ntype commit\ntag sales--v1\.0\.0\n/);
    expect(text).toContain('-----BEGIN PGP SIGNATURE-----');
  });

  it('tells the commit and the sequence on every answer', async () => {
    const tag = '/plugins/sales/releases/1.0.0/tag';
    for (const path of ['/plugins', '/index', '/root', '/root/1', '/keys', tag, '/index.asc']) {
      const { headers } = await org.get(path);

      expect(headers.get('x-waymark-commit'), path).toMatch(/^[0-9a-f]{40}$/);
      expect(headers.get('x-waymark-seq'), path).toMatch(/^\d+$/);
    }
  });
});

describe('a rotation of every key', () => {
  it('makes a root that the old and the new key sign, and signs what is served anew', async () => {
    const old = await importKeys();
    const before = await org.get('/plugins/sales/manifest');
    const tag = await org.get('/plugins/sales/releases/1.0.0/tag');
    await org.post('/keys/rotate', { roles: ['root', 'release', 'index'] });

    const now = await importKeys();

    expect(now.version).toBe(2);
    const second = await org.get('/root/2');
    expect((await signers(signatureIn(second), second.text)).sort()).toEqual(
      [...old.roles['root']!.keyids, ...now.roles['root']!.keyids].sort(),
    );
    expect((await org.get<Root>('/root/1')).body).toEqual(old);

    const manifest = await org.get('/plugins/sales/manifest');
    expect(manifest.text).toBe(before.text);
    expect(manifest.headers.get('etag')).not.toBe(before.headers.get('etag'));
    // The release role keeps its earlier keys: tags that they signed stay valid.
    const added = now.roles['release']!.keyids.filter((id) => !old.keys[id]);
    expect(added).toHaveLength(1);
    expect(await signers(signatureIn(manifest), manifest.text)).toEqual(added);
    const index = await org.get<Index>('/index');
    expect(await signers(signatureIn(index), index.text)).toEqual(now.roles['index']!.keyids);
    expect(index.body.rootVersion).toBe(2);

    const signedAt = tag.text.indexOf('-----BEGIN PGP SIGNATURE-----');
    const [payload, signature] = [tag.text.slice(0, signedAt), tag.text.slice(signedAt)];
    expect(await signers(signature, payload)).toEqual(old.roles['release']!.keyids);
    expect(now.roles['release']!.keyids).toEqual(
      expect.arrayContaining(old.roles['release']!.keyids),
    );
    expect((await org.get('/plugins/sales/manifest?release=1.0.0')).status).toBe(200);
  });

  it('is for owners alone', async () => {
    const url = `${service.url}/api/v1/keys/rotate`;
    const body = JSON.stringify({ roles: ['index'] });
    const headers = { authorization: `Bearer ${org.admin}`, 'content-type': 'application/json' };

    expect((await fetch(url, { method: 'POST', headers, body })).status).toBe(403);
  });
});

function rules(body: string): string {
  return `apiVersion: waymark/v1\nkind: Context\nmetadata: {title: Rules}\nspec: {body: ${body}}\n`;
}
