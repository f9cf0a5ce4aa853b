import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { generateKeyPair, type KeyPair } from '../../src/signing/org-keys.ts';
import { parseRoot, type RootDocument } from '../../src/signing/root.ts';
import { readOfflineRootKey, signRootBody } from '../../src/signing/root-key.ts';
import { makeClient, type TestClient } from '../support/client.ts';
import { type FakeApi, startFakeApi, success } from '../support/fake-api.ts';
import { type OrgApi, openOrg } from '../support/org-api.ts';
import { MADE_AT } from '../support/org-keys.ts';
import { openService, type TestService } from '../support/service.ts';
import { startTamperingProxy, type TamperingProxy } from '../support/tampering-proxy.ts';

const makePair = () => generateKeyPair({ org: 'acme', role: 'root', at: MADE_AT });

describe('waymark keys root export', () => {
  let api: FakeApi;
  let client: TestClient;
  let pair: KeyPair;

  beforeAll(async () => {
    pair = await makePair();
  });
  beforeEach(async () => {
    api = await startFakeApi();
    client = await makeClient({ WAYMARK_URL: api.url, WAYMARK_ORG: 'acme', WAYMARK_TOKEN: 'k' });
    api.routes['POST /keys/root/export'] = [200, success(exported())];
  });
  afterEach(async () => {
    await client.remove();
    await api.close();
  });

  const exported = (part: object = {}) => ({
    fingerprint: pair.fingerprint,
    armored: pair.privateArmored,
    rootVersion: 1,
    custody: 'server',
    ...part,
  });
  const asked = () => api.requests.map(({ body }) => body);

  it('prints the key alone', async () => {
    const { exitCode, stdout, stderr } = await client.run('keys', 'root', 'export');

    expect(exitCode).toBe(0);
    expect(stdout).toBe(`${pair.privateArmored.trim()}\n`);
    expect(stderr).toBe('');
    expect(asked()).toEqual([{ remove: false }]);
  });

  it('--out writes a file for its owner alone, and keeps the key out of what is printed', async () => {
    const { stdout } = await client.run('keys', 'root', 'export', '--out', 'root.asc', '--json');

    expect(JSON.parse(stdout)).toEqual({
      fingerprint: pair.fingerprint,
      rootVersion: 1,
      custody: 'server',
      file: 'root.asc',
    });
    expect(await client.read('root.asc')).toBe(pair.privateArmored);
    expect((await stat(client.path('root.asc'))).mode & 0o777).toBe(0o600);
  });

  it('--remove asks for the removal only once the file is there', async () => {
    const wasWritten: boolean[] = [];
    api.routes['POST /keys/root/export'] = () => {
      wasWritten.push(existsSync(client.path('r.asc')));
      return success(exported());
    };

    const { exitCode } = await client.run('keys', 'root', 'export', '--remove', '--out', 'r.asc');

    expect(exitCode).toBe(0);
    expect(asked()).toEqual([{ remove: false }, { remove: true }]);
    expect(wasWritten).toEqual([false, true]);
  });

  it.each([
    ['a file that is there', 'there.asc', 2, 'is there already', []],
    ['a folder that is not', 'nowhere/root.asc', 1, 'nothing was removed', [{ remove: false }]],
  ])('--remove removes nothing with %s', async (_what, out, code, message, requests) => {
    await client.write('there.asc', 'mine');

    const run = await client.run('keys', 'root', 'export', '--remove', '--out', out);

    expect(run.exitCode).toBe(code);
    expect(run.stderr).toContain(message);
    expect(asked()).toEqual(requests);
    expect(await client.read('there.asc')).toBe('mine');
  });

  it('--remove without a file asks for nothing: it would be the only copy', async () => {
    const { exitCode, stderr } = await client.run('keys', 'root', 'export', '--remove');

    expect(exitCode).toBe(2);
    expect(stderr).toContain('--remove needs --out');
    expect(asked()).toEqual([]);
  });

  it('--remove removes nothing when the server gives another key than it names', async () => {
    const other = { fingerprint: 'A'.repeat(40) };
    api.routes['POST /keys/root/export'] = [200, success(exported(other))];

    const run = await client.run('keys', 'root', 'export', '--remove', '--out', 'root.asc');

    expect(run.exitCode).toBe(1);
    expect(asked()).toEqual([{ remove: false }]);
    expect(await client.files()).toEqual({});
  });
});

describe('waymark keys rotate', () => {
  let service: TestService;
  let org: OrgApi;
  let proxy: TamperingProxy;
  let owner: TestClient;

  beforeAll(async () => {
    service = await openService();
    proxy = await startTamperingProxy(service.url);
  });
  let orgs = 0;
  beforeEach(async () => {
    orgs += 1;
    org = await openOrg(service, { org: `tools-${orgs}` });
    const token = await org.keyOf({ role: 'owner' });
    owner = await makeClient({
      WAYMARK_URL: proxy.url,
      WAYMARK_ORG: org.org,
      WAYMARK_TOKEN: token,
    });
    Object.defineProperty(owner, 'nowMs', { get: Date.now });
  });
  afterEach(async () => {
    proxy.tamper = undefined;
    proxy.tampered.length = 0;
    await owner.remove();
    await org.close();
  });
  afterAll(async () => {
    await proxy.close();
    await service.close();
  });

  const takeRootKey = () => owner.run('keys', 'root', 'export', '--remove', '--out', 'root.asc');
  const rotate = (...flags: string[]) => owner.run('keys', 'rotate', ...flags);
  const newest = async () => (await org.get<RootDocument>('/root')).body;

  it.each([
    ['say which keys to replace', []],
    ['say which keys to replace', ['--renew', '--role', 'index']],
    ['--new-root-key goes with', ['--role', 'root', '--root-key', 'root.asc']],
    ['--new-root-key goes with', ['--role', 'root', '--new-root-key', 'next.asc']],
    ['--new-root-key goes with', ['--renew', '--root-key', 'a', '--new-root-key', 'b']],
  ])('%s: %j is wrong usage', async (message, flags) => {
    const { exitCode, stderr } = await rotate(...flags);

    expect(exitCode).toBe(2);
    expect(stderr).toContain(message);
    expect((await newest()).version).toBe(1);
  });

  it('--json gives the new root, with all keys of each role', async () => {
    const run = await rotate('--role', 'release', '--json');

    const { version, roles, expiresAt } = await newest();
    expect(run.json()).toEqual({
      version,
      custody: 'server',
      expiresAt,
      root: roles.root.keyids,
      release: roles.release.keyids,
      index: roles.index.keyids,
    });
  });

  it('--root-key never sends the key', async () => {
    await takeRootKey();
    const fetched = vi.spyOn(globalThis, 'fetch');

    const { exitCode } = await rotate('--role', 'index', '--root-key', 'root.asc');

    const bodies = fetched.mock.calls.map(
      ([, init]) => (init?.body as string | Buffer | undefined)?.toString() ?? '',
    );
    fetched.mockRestore();
    const [, secret = ''] = /\n\n(.{60})/.exec(await owner.read('root.asc')) ?? [];
    expect(exitCode).toBe(0);
    expect(secret).toHaveLength(60);
    expect(bodies.filter((body) => body.includes('"signature"'))).not.toEqual([]);
    expect(bodies.filter((body) => body.includes(secret))).toEqual([]);
  });

  it('a rotation that broke off is repeated with the same new root key', async () => {
    await takeRootKey();
    const flags = ['--role', 'root', '--root-key', 'root.asc', '--new-root-key', 'next.asc'];
    proxy.tamper = (path, answer) =>
      path.endsWith('/draft') ? { ...answer, status: 503 } : undefined;
    const broken = await rotate(...flags);
    proxy.tamper = undefined;
    const kept = await readOfflineRootKey(await owner.read('next.asc'));

    const { exitCode } = await rotate(...flags);

    expect([broken.exitCode, exitCode]).toEqual([1, 0]);
    expect((await newest()).roles.root.keyids).toEqual([kept.fingerprint]);
  });

  it('a draft with more than was asked for is not signed', async () => {
    await takeRootKey();
    const stranger = await makePair();
    proxy.tamper = (path, answer) => {
      if (!path.endsWith('/draft')) return undefined;
      const { data, ...rest } = JSON.parse(answer.body.toString()) as { data: { body: string } };
      const root = parseRoot(Buffer.from(data.body));
      const release = { keyids: [stranger.fingerprint], threshold: 1 };
      const keys = { ...root.keys, [stranger.fingerprint]: { armored: stranger.publicArmored } };
      const body = JSON.stringify({ ...root, roles: { ...root.roles, release }, keys });
      return { ...answer, body: Buffer.from(JSON.stringify({ ...rest, data: { ...data, body } })) };
    };

    const { exitCode, stderr } = await rotate('--role', 'index', '--root-key', 'root.asc');

    expect(exitCode).toBe(4);
    expect(stderr).toContain('draft: it changes the release keys unasked. It was not signed');
    expect(proxy.tampered).toHaveLength(1);
    expect((await newest()).version).toBe(2);
  });

  it('a root that only lists this key, and another one signed, is no ground to build on', async () => {
    await takeRootKey();
    const stranger = await makePair();
    const forger = await readOfflineRootKey(stranger.privateArmored);
    const honest = await newest();
    const [own] = honest.roles.root.keyids;
    const forged = Buffer.from(
      JSON.stringify({
        ...honest,
        roles: { ...honest.roles, root: { keyids: [own, stranger.fingerprint], threshold: 1 } },
        keys: { ...honest.keys, [stranger.fingerprint]: { armored: stranger.publicArmored } },
      }),
    );
    const signature = Buffer.from(await signRootBody(forged.toString(), [forger]));
    const headers = { 'x-waymark-signature': signature.toString('base64') };
    proxy.tamper = (path, answer) =>
      path.endsWith('/root')
        ? { ...answer, headers: { ...answer.headers, ...headers }, body: forged }
        : undefined;

    const { exitCode, stderr } = await rotate('--role', 'index', '--root-key', 'root.asc');

    expect(exitCode).toBe(4);
    expect(stderr).toContain('root: none of the 1 trusted keys signed these bytes');
  });
});
