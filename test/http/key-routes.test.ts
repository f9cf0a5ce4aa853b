import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ChainedEntry } from '../../src/audit/entry.ts';
import { openDatabase } from '../../src/database/open.ts';
import { createStores } from '../../src/database/stores.ts';
import type { ExportedRootKey } from '../../src/release/export-root-key.ts';
import type { RootSummary } from '../../src/release/key-custody.ts';
import type { Draft, DraftedKey } from '../../src/release/offline-rotation.ts';
import type { KeyRole, OrgKey } from '../../src/signing/keys.ts';
import { generateKeyPair, type KeyPair } from '../../src/signing/org-keys.ts';
import { parseRoot, type RootDocument, verifyRoot } from '../../src/signing/root.ts';
import { readOfflineRootKey, signRootBody } from '../../src/signing/root-key.ts';
import { type Answered, ask, type Refused } from '../support/app.ts';
import { temporaryFolder } from '../support/git.ts';
import { type Gpg, openGpg } from '../support/gpg.ts';
import { type OrgApi, openOrg } from '../support/org-api.ts';
import { openService, type TestService } from '../support/service.ts';

type Enveloped<T> = { data: T };

let service: TestService;
let gpg: Gpg;
let tools: OrgApi;
let owner: string;
let orgs = 0;

beforeAll(async () => {
  service = await openService();
  gpg = await openGpg();
});

// Keys are the org's for good, so each test has an org of its own.
beforeEach(async () => {
  orgs += 1;
  tools = await openOrg(service, { org: `tools-${orgs}` });
  owner = await tools.keyOf({ role: 'owner' });
  return () => tools.close();
});

afterAll(async () => {
  expect(service.logged).toEqual([]);
  await gpg.close();
  await service.close();
});

const call = <T = Refused>(path: string, body: unknown, token = owner): Promise<Answered<T>> =>
  ask<T>(`${service.url}/api/v1/keys${path}`, { token, body });

async function succeed<T>(path: string, body: unknown): Promise<T> {
  const answer = await call<Enveloped<T>>(path, body);
  expect(answer.status, answer.text).toBeLessThan(300);
  return answer.body.data;
}

const refusal = ({ status, body }: Answered<Refused>) => [status, body.error.code];

async function audited(action: string): Promise<ChainedEntry[]> {
  const database = await openDatabase({ file: join(service.dataDir, 'waymark.db') });
  const entries = await createStores(database).audit.list(tools.org, 0, 100);
  await database.close();
  return entries.filter((entry) => entry.action === action);
}

interface ServedRoot {
  body: Buffer;
  signature: Buffer;
  document: RootDocument;
}

async function rootAt(version: number | 'newest'): Promise<ServedRoot> {
  const { text, headers } = await tools.get(version === 'newest' ? '/root' : `/root/${version}`);
  const body = Buffer.from(text);
  const signature = Buffer.from(headers.get('x-waymark-signature')!, 'base64');
  return { body, signature, document: parseRoot(body) };
}

/** Version `n` as a client meets it that trusts the one before. */
async function followTo(version: number): Promise<RootDocument> {
  const [before, next] = await Promise.all([rootAt(version - 1), rootAt(version)]);
  return verifyRoot(next.body, next.signature, before.document);
}

const indexRootVersion = async (): Promise<number> =>
  (await tools.get<{ rootVersion: number }>('/index')).body.rootVersion;

describe('POST /keys/rotate', () => {
  it.each([[['root']], [['release']], [['index']], [['root', 'release', 'index']], [[]]])(
    'makes a root with new keys for %j alone, under which the index is at once',
    async (roles) => {
      const before = (await rootAt(1)).document;
      expect(await indexRootVersion()).toBe(1);

      const summary = await succeed<RootSummary>('/rotate', { roles });

      const after = await followTo(2);
      const changed = (['root', 'release', 'index'] as KeyRole[]).filter(
        (role) => after.roles[role].keyids.join() !== before.roles[role].keyids.join(),
      );
      expect(changed).toEqual(roles);
      expect(summary).toMatchObject({ version: 2, custody: 'server' });
      expect(summary.release).toEqual(after.roles.release.keyids);
      expect(await indexRootVersion()).toBe(2);
    },
  );

  it('keeps listing a replaced release key, and leaves out a compromised one for good', async () => {
    const [stolen] = (await rootAt(1)).document.roles.release.keyids;
    const kept = await succeed<RootSummary>('/rotate', { roles: ['release'] });
    expect(kept.release).toEqual([stolen, expect.any(String)]);

    const without = await succeed<RootSummary>('/rotate', {
      roles: ['release'],
      compromised: true,
    });
    const later = await succeed<RootSummary>('/rotate', { roles: ['release'] });

    expect(without.release).toHaveLength(1);
    expect(later.release).toEqual([without.release[0], expect.any(String)]);
    expect(kept.release).not.toContain(without.release[0]);
  });

  it('a compromised index key leaves the release keys alone', async () => {
    await succeed('/rotate', { roles: ['release'] });

    const { release } = await succeed<RootSummary>('/rotate', {
      roles: ['index'],
      compromised: true,
    });

    expect(release).toHaveLength(2);
  });

  it('is in the audit log, with the fingerprints and the request', async () => {
    const answer = await call<Enveloped<RootSummary> & Refused>('/rotate', { roles: ['index'] });

    const { version, custody, expiresAt, ...keyids } = answer.body.data;
    expect(await audited('keys.rotate')).toEqual([
      expect.objectContaining({
        actor: expect.stringMatching(/^key:/),
        resource: 'root/2',
        after: { version, custody, expiresAt, ...keyids },
        requestId: answer.body.meta.requestId,
      }),
    ]);
  });

  it('lets one of several at the same time through', async () => {
    const rotations = Array.from({ length: 4 }, () => call('/rotate', { roles: ['index'] }));

    const statuses = (await Promise.all(rotations)).map(({ status }) => status);

    expect(statuses).toContain(201);
    const made = statuses.filter((status) => status === 201).length;
    expect(statuses.filter((status) => status === 409)).toHaveLength(4 - made);
    expect((await rootAt('newest')).document.version).toBe(1 + made);
    expect(await audited('keys.rotate')).toHaveLength(made);
  });

  it.each([
    [{}, 'roles'],
    [{ roles: ['roots'] }, 'roles.0'],
    [{ roles: ['index', 'index'] }, 'roles'],
    [{ roles: [], compromised: 'yes' }, 'compromised'],
  ])('refuses %j', async (body, field) => {
    const answer = await call('/rotate', body);

    expect(refusal(answer)).toEqual([400, 'VAL_FAILED']);
    expect(answer.body.error.validationErrors?.[0]).toMatchObject({ field });
  });
});

describe('every route of the keys', () => {
  it.each([
    ['/rotate', { roles: ['index'] }],
    ['/rotate/draft', { roles: ['index'] }],
    ['/rotate/signed', { body: '{}', signature: 'AA==', keys: [] }],
    ['/root/export', {}],
  ])('%s is for owners, and not for admins', async (path, body) => {
    const answer = await call(path, body, tools.admin);

    expect(refusal(answer)).toEqual([403, 'PERM_DENIED']);
    expect(answer.body.error.details).toEqual({ permission: 'keys:rotate' });
  });
});

describe('POST /keys/root/export', () => {
  it('gives the key that signs roots, and says in the audit log who has it', async () => {
    const answer = await call<Enveloped<ExportedRootKey>>('/root/export', {});

    const { armored, fingerprint, ...rest } = answer.body.data;
    expect((await rootAt(1)).document.roles.root.keyids).toEqual([fingerprint]);
    expect((await readOfflineRootKey(armored)).fingerprint).toBe(fingerprint);
    expect(rest).toEqual({ rootVersion: 1, custody: 'server' });
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(await audited('keys.export-root')).toEqual([
      expect.objectContaining({ resource: fingerprint }),
    ]);
  });

  it('is possible for the site administrator', async () => {
    const { armored } = await tools.post<ExportedRootKey>('/keys/root/export', {});

    expect(armored).toContain('PRIVATE KEY');
  });

  it('with remove signs a last root here that says offline, and forgets every root key', async () => {
    await succeed('/rotate', { roles: ['root'] });

    const exported = await succeed<ExportedRootKey>('/root/export', { remove: true });

    expect(exported).toMatchObject({ rootVersion: 3, custody: 'offline' });
    const root = await followTo(3);
    expect(root.custody).toBe('offline');
    expect(root.roles.root.keyids).toEqual([exported.fingerprint]);
    expect(await indexRootVersion()).toBe(3);
    expect(await audited('keys.remove-root')).toHaveLength(1);
    const database = await openDatabase({ file: join(service.dataDir, 'waymark.db') });
    const stored = await createStores(database).keys.keys(tools.org);
    await database.close();
    const held = stored.filter(({ wrappedPrivate }) => wrappedPrivate !== null);
    expect(held.map(({ role }) => role).sort()).toEqual(['index', 'release']);
  });

  it('once removed, there is nothing to export or to rotate with', async () => {
    await succeed('/root/export', { remove: true });

    expect(refusal(await call('/root/export', {}))).toEqual([409, 'SIGN_KEY_MISSING']);
    expect(refusal(await call('/rotate', { roles: ['index'] }))).toEqual([409, 'SIGN_KEY_MISSING']);
    expect(await audited('keys.export-root')).toHaveLength(1);
    expect((await rootAt('newest')).document.version).toBe(2);
  });
});

/** The org with its root key taken away. */
async function takeRootKey(): Promise<ExportedRootKey> {
  return succeed<ExportedRootKey>('/root/export', { remove: true });
}

const draftOf = (roles: KeyRole[], more: object = {}): Promise<Draft> =>
  succeed<Draft>('/rotate/draft', { roles, ...more });

async function signWith(body: string, ...armored: string[]): Promise<string> {
  const keys = await Promise.all(armored.map(readOfflineRootKey));
  return Buffer.from(await signRootBody(body, keys)).toString('base64');
}

const makeRootKey = (): Promise<KeyPair> =>
  generateKeyPair({ org: tools.org, role: 'root', at: new Date().toISOString() });

describe('POST /keys/rotate/draft', () => {
  it('answers the next root as text, and stores nothing', async () => {
    await takeRootKey();

    const { body, keys } = await draftOf(['release', 'index']);

    const draft = parseRoot(Buffer.from(body));
    const { document: latest } = await rootAt('newest');
    expect(draft).toMatchObject({ version: 3, custody: 'offline', orgUid: latest.orgUid });
    expect(draft.roles.root).toEqual(latest.roles.root);
    expect(keys.map(({ role }) => role)).toEqual(['release', 'index']);
    expect(draft.roles.index.keyids).toEqual([keys[1]?.fingerprint]);
    expect(JSON.stringify(keys)).not.toContain('PRIVATE');
    expect(latest.version).toBe(2);
  });

  it('is refused where the root key is on the server', async () => {
    expect(refusal(await call('/rotate/draft', { roles: ['index'] }))).toEqual([
      409,
      'RES_STATE_CONFLICT',
    ]);
  });

  it('takes the public part of a new root key, and only where it is asked for', async () => {
    await takeRootKey();
    const { publicArmored, privateArmored, fingerprint } = await makeRootKey();

    const { body } = await draftOf(['root'], { rootKey: publicArmored });

    expect(parseRoot(Buffer.from(body)).roles.root.keyids).toEqual([fingerprint]);
    const refused = async (part: object) => refusal(await call('/rotate/draft', part));
    expect(await refused({ roles: ['root'] })).toEqual([400, 'VAL_FAILED']);
    expect(await refused({ roles: ['index'], rootKey: publicArmored })).toEqual([
      400,
      'VAL_FAILED',
    ]);
    for (const rootKey of [privateArmored, 'no key']) {
      expect(await refused({ roles: ['root'], rootKey })).toEqual([422, 'SIGN_INVALID']);
    }
  });
});

describe('POST /keys/rotate/signed', () => {
  it('stores what gpg signed, byte for byte, and signs with the drafted keys', async () => {
    const { armored, fingerprint } = await takeRootKey();
    await gpg.importKey(armored);
    const { body, keys } = await draftOf(['release', 'index']);
    const file = join(gpg.home, 'root.json');
    await writeFile(file, body);
    const signed = await gpg.run(['-u', fingerprint, '--output', '-', '--detach-sign', file]);
    const signature = signed.stdout.toString('base64');

    const summary = await succeed<RootSummary>('/rotate/signed', { body, signature, keys });

    const root = await followTo(3);
    expect((await rootAt(3)).body.toString()).toBe(body);
    expect(summary).toMatchObject({
      version: 3,
      custody: 'offline',
      index: [keys[1]?.fingerprint],
    });
    expect(await signerOfIndex(root)).toBe(keys[1]?.fingerprint);
    expect(await audited('keys.rotate')).toHaveLength(1);
  });

  it('takes a root key that gpg made, signed for by the old one and by itself', async () => {
    const { armored, fingerprint } = await takeRootKey();
    await gpg.importKey(armored);
    const rootKey = await gpg.makeKey(`next-${orgs}`, 'cv25519');
    const { body } = await draftOf(['root'], { rootKey });
    const [next] = parseRoot(Buffer.from(body)).roles.root.keyids;
    const both = ['-u', fingerprint, '-u', next!, '--output', '-', '--detach-sign'];

    const signature = (await gpg.run(both, body)).stdout.toString('base64');
    await succeed('/rotate/signed', { body, signature, keys: [] });

    expect((await followTo(3)).roles.root.keyids).toEqual([next]);
    expect(refusal(await call('/root/export', {}))).toEqual([409, 'SIGN_KEY_MISSING']);
  });

  it('leaves a compromised key out where the draft did', async () => {
    const { armored } = await takeRootKey();
    const { body, keys } = await draftOf(['release'], { compromised: true });

    const { release } = await succeed<RootSummary>('/rotate/signed', {
      body,
      keys,
      signature: await signWith(body, armored),
    });

    expect(release).toEqual([keys[0]?.fingerprint]);
  });

  it('refuses a second upload, and a draft that was overtaken', async () => {
    const { armored } = await takeRootKey();
    const first = await draftOf(['index']);
    const second = await draftOf(['release']);
    const signedFirst = { ...first, signature: await signWith(first.body, armored) };
    const signedSecond = { ...second, signature: await signWith(second.body, armored) };
    await succeed('/rotate/signed', signedFirst);

    for (const late of [signedFirst, signedSecond]) {
      expect(refusal(await call('/rotate/signed', late))).toEqual([409, 'RES_VERSION_CONFLICT']);
    }
    expect((await rootAt('newest')).document.version).toBe(3);
  });

  it('is refused where the root key is on the server', async () => {
    const answer = await call('/rotate/signed', { body: '{}', signature: 'AA==', keys: [] });

    expect(refusal(answer)).toEqual([409, 'RES_STATE_CONFLICT']);
  });

  it('refuses a new root key that the old one did not sign for, or that did not sign itself', async () => {
    const { armored } = await takeRootKey();
    const { publicArmored, privateArmored } = await makeRootKey();
    const { body } = await draftOf(['root'], { rootKey: publicArmored });

    for (const signer of [armored, privateArmored]) {
      const signature = await signWith(body, signer);
      const answer = await call('/rotate/signed', { body, signature, keys: [] });
      expect(refusal(answer)).toEqual([422, 'SIGN_INVALID']);
    }
  });
});

/** Whose signature an index has. */
async function signerOfIndex(root: RootDocument): Promise<string | undefined> {
  const { text, headers } = await tools.get('/index');
  const signature = join(gpg.home, 'index.sig');
  await writeFile(signature, Buffer.from(headers.get('x-waymark-signature')!, 'base64'));
  await gpg.importKey(root.keys[root.roles.index.keyids[0]!]!.armored);
  const { stdout } = await gpg.run(['--status-fd', '1', '--verify', signature, '-'], text);
  return /VALIDSIG (\w+)/.exec(stdout.toString())?.[1];
}

/** What the holder of the root key could still try: all of these are validly signed by it. */
describe('POST /keys/rotate/signed, signed by the root key', () => {
  type Change = (root: Record<string, unknown> & RootDocument) => object;
  const [soon, past] = ['2020-01-01T00:00:00.000Z', 'never'];

  async function upload(body: string, keys: readonly DraftedKey[], armored: string) {
    return call('/rotate/signed', { body, keys, signature: await signWith(body, armored) });
  }

  it.each<[what: string, code: string, change: Change]>([
    ['of another org', 'SIGN_INVALID', () => ({ orgUid: 'other' })],
    ["of another org's name", 'SIGN_INVALID', () => ({ org: 'other' })],
    ['that skips a version', 'RES_VERSION_CONFLICT', ({ version }) => ({ version: version + 1 })],
    ['of this version again', 'RES_VERSION_CONFLICT', ({ version }) => ({ version: version - 1 })],
    ['that brings the root key back', 'SIGN_INVALID', () => ({ custody: 'server' })],
    ['that has expired', 'SIGN_INVALID', () => ({ expiresAt: soon })],
    ['that never expires', 'SIGN_INVALID', () => ({ expiresAt: past })],
    ['with a field more', 'SIGN_INVALID', () => ({ more: true })],
    [
      'that drops the release keys in use',
      'SIGN_INVALID',
      ({ roles }) => ({ roles: { ...roles, release: roles.index } }),
    ],
    [
      'with a key in two roles',
      'SIGN_INVALID',
      ({ roles }) => ({ roles: { ...roles, index: roles.root } }),
    ],
  ])('refuses a root %s', async (_what, code, change) => {
    const { armored } = await takeRootKey();
    const { body, keys } = await draftOf(['index']);
    const draft = JSON.parse(body) as Parameters<Change>[0];
    const changed = `${JSON.stringify({ ...draft, ...change(draft) }, null, 2)}\n`;

    const answer = await upload(changed, keys, armored);

    expect(refusal(answer)).toEqual([code === 'SIGN_INVALID' ? 422 : 409, code]);
    expect((await rootAt('newest')).document.version).toBe(2);
  });

  it('refuses the same root in other bytes', async () => {
    const { armored } = await takeRootKey();
    const { body, keys } = await draftOf(['index']);

    const answer = await upload(JSON.stringify(JSON.parse(body)), keys, armored);

    expect(answer.body.error.message).toContain('not as this server drafted it');
  });

  it('refuses a key of which the server has no private part', async () => {
    const { armored } = await takeRootKey();
    const { body, keys } = await draftOf(['index']);
    const stranger = await generateKeyPair({ org: tools.org, role: 'index', at: '2026-01-01' });
    const [drafted] = keys;
    const listed = JSON.parse(body) as RootDocument;
    const { [drafted!.fingerprint]: _gone, ...others } = listed.keys;
    const forged = {
      ...listed,
      roles: { ...listed.roles, index: { keyids: [stranger.fingerprint], threshold: 1 } },
      keys: { ...others, [stranger.fingerprint]: { armored: stranger.publicArmored } },
    };
    const text = `${JSON.stringify(forged, null, 2)}\n`;

    const wrapped = { ...drafted!, fingerprint: stranger.fingerprint };

    expect(refusal(await upload(text, [], armored))).toEqual([422, 'SIGN_INVALID']);
    expect(refusal(await upload(text, keys, armored))).toEqual([422, 'SIGN_INVALID']);
    expect(refusal(await upload(text, [wrapped], armored))).toEqual([400, 'VAL_FAILED']);
  });

  it('refuses keys that were left out, are of another draft, role or org, or come back', async () => {
    const { armored } = await takeRootKey();
    const { body, keys } = await draftOf(['index']);
    const { keys: others } = await draftOf(['index']);
    const [own] = keys;
    const asRelease = { ...own!, role: 'release' as const };
    const altered = { ...own!, wrappedPrivate: others[0]!.wrappedPrivate };

    expect(refusal(await upload(body, [], armored))).toEqual([422, 'SIGN_INVALID']);
    expect(refusal(await upload(body, others, armored))).toEqual([422, 'SIGN_INVALID']);
    for (const wrong of [[asRelease], [altered], [own!, ...others]]) {
      expect(refusal(await upload(body, wrong, armored))).toEqual([400, 'VAL_FAILED']);
    }

    await upload(body, keys, armored);
    const later = await draftOf(['index']);
    const back = await upload(later.body, keys, armored);
    expect(refusal(back)).toEqual([400, 'VAL_FAILED']);
    expect(back.body.error.message).toContain('is not a key that this server drafted');
  });

  it('refuses a key that another org of this server was given', async () => {
    const other = await openOrg(service, { org: `other-${orgs}` });
    const path = '/keys/root/export';
    await other.post(path, { remove: true });
    const foreign = await other.post<Draft>('/keys/rotate/draft', { roles: ['index'] });
    const { armored } = await takeRootKey();
    const { body } = await draftOf(['index']);

    const answer = await upload(body, foreign.keys, armored);

    expect(refusal(answer)).toEqual([400, 'VAL_FAILED']);
    await other.close();
  });
});

describe('a root key that was taken off the server', () => {
  it('is in no file of the database, and after a restart rotations go on without it', async () => {
    const dir = await temporaryFolder('waymark-custody-');
    const first = await openService(dir);
    tools = await openOrg(first, { org: 'kept' });
    const wrapped = (await storedKeys(dir)).map(({ wrappedPrivate }) => wrappedPrivate!);
    const path = '/keys/root/export';
    const { armored } = await tools.post<ExportedRootKey>(path, { remove: true });
    await first.close();

    const held = await storedIn(dir, wrapped);
    const second = await openService(dir);
    await tools.follow(second);
    const draft = await tools.post<Draft>('/keys/rotate/draft', { roles: ['index'] });
    const signature = await signWith(draft.body, armored);
    await tools.post('/keys/rotate/signed', { ...draft, signature });

    expect(wrapped).toHaveLength(3);
    expect(held).toHaveLength(2);
    expect((await followTo(3)).roles.index.keyids).toEqual([draft.keys[0]?.fingerprint]);
    expect(await indexRootVersion()).toBe(3);
    await second.close();
    await rm(dir, { recursive: true });
  });

  async function storedKeys(dir: string): Promise<OrgKey[]> {
    const database = await openDatabase({ file: join(dir, 'waymark.db') });
    const keys = await createStores(database).keys.keys('kept');
    await database.close();
    return keys;
  }

  /** Those of the texts that are in some file of the folder, whatever the database makes of it. */
  async function storedIn(dir: string, texts: readonly string[]): Promise<string[]> {
    const names = (await readdir(dir)).filter((name) => name.startsWith('waymark.db'));
    const files = await Promise.all(names.map((name) => readFile(join(dir, name), 'latin1')));
    return texts.filter((text) => files.some((file) => file.includes(text)));
  }
});
