import { beforeEach, describe, expect, it } from 'vitest';
import { makeCheckpoint, makeCheckpoints } from '../../src/audit/checkpoints.ts';
import type { Stores } from '../../src/database/stores.ts';
import { verifyCheckpoint } from '../../src/signing/checkpoint.ts';
import { generateOrgKeys, type Keyring, openKeyring } from '../../src/signing/org-keys.ts';
import { createMemoryStores } from '../support/fakes/memory-stores.ts';
import { testMaster } from '../support/org-keys.ts';
import { makeApiKey, makeEntry, makeOrg } from '../support/records.ts';

const NOW_MS = Date.UTC(2026, 2, 1, 12);
const clock = () => NOW_MS;

let stores: Stores;
let keyring: Keyring;
let logged: object[];

beforeEach(async () => {
  stores = createMemoryStores();
  logged = [];
  const keys = await generateOrgKeys({ org: 'acme', at: '2026-01-01T00:00:00.000Z' }, testMaster);
  keyring = openKeyring(keys, testMaster);
  await stores.orgs.insert(makeOrg('acme'), makeEntry());
});

const log = { info() {}, warn() {}, error: (facts: object) => void logged.push(facts) };

const deps = () => ({ ...stores, clock, log });
const acme = () => ({ org: { slug: 'acme' }, keyring });

/** The log grows by one. */
const act = () => stores.apiKeys.insert(makeApiKey(crypto.randomUUID()), makeEntry());

const make = () => makeCheckpoints({ ...deps(), runtimes: { all: () => [acme()] } });

const stored = async () => {
  const sort = [{ field: 'sequence', isDescending: false }];
  return (await stores.checkpoints.list('acme', { sort, page: 1, pageSize: 100 })).items;
};

describe('makeCheckpoints', () => {
  it("signs the last entry with the org's index key", async () => {
    await act();
    const head = await stores.audit.head('acme');

    await make();

    const [checkpoint] = await stored();
    expect(checkpoint).toMatchObject({
      tenant: 'acme',
      ...head,
      at: '2026-03-01T12:00:00.000Z',
      keyId: keyring.fingerprint('index'),
    });
    await verifyCheckpoint(checkpoint!, [keyring.publicKey('index')]);
  });

  it('makes none where nothing was added since the last', async () => {
    await make();
    await make();
    expect(await stored()).toHaveLength(1);

    await act();
    await make();
    expect((await stored()).map(({ sequence }) => sequence)).toEqual([1, 2]);
  });

  it('adds nothing to the log by itself: an idle org stays idle', async () => {
    const before = await stores.audit.head('acme');

    await make();

    expect(await stores.audit.head('acme')).toEqual(before);
  });

  it('makes none for a log without an entry', async () => {
    const runtimes = { all: () => [{ org: { slug: 'nobody' }, keyring }] };

    await makeCheckpoints({ ...deps(), runtimes });

    expect(await stores.checkpoints.latest('nobody')).toBeUndefined();
    expect(logged).toEqual([]);
  });

  it('goes on with the next org where one cannot sign', async () => {
    await stores.orgs.insert(makeOrg('globex'), makeEntry({ tenant: 'globex' }));
    const keyless = { org: { slug: 'globex' }, keyring: openKeyring([], testMaster) };

    await makeCheckpoints({ ...deps(), runtimes: { all: () => [keyless, acme()] } });

    expect(await stored()).toHaveLength(1);
    expect(logged).toMatchObject([{ org: 'globex', error: { code: 'SIGN_KEY_MISSING' } }]);
  });
});

describe('makeCheckpoint', () => {
  it('tells the log who asked for it', async () => {
    const made = await makeCheckpoint(deps(), acme(), { actor: 'user:ada', requestId: 'r-1' });

    expect(await stores.audit.list('acme', 1, 10)).toMatchObject([
      {
        actor: 'user:ada',
        requestId: 'r-1',
        action: 'audit.checkpoint',
        resource: '1',
        after: { hash: made!.hash },
      },
    ]);
  });

  it('answers with the one that another node made first', async () => {
    const first = await makeCheckpoint(deps(), acme());
    const slow = { ...stores.checkpoints, insert: async () => false };
    await act();
    const overtaken = await makeCheckpoint({ ...deps(), checkpoints: slow }, acme());

    expect(overtaken).toEqual(first);
  });
});

describe('verifyCheckpoint', () => {
  it('refuses one that a key of another role signed', async () => {
    const made = (await makeCheckpoint(deps(), acme()))!;
    const release = keyring.publicKey('release');

    await expect(verifyCheckpoint(made, [release])).rejects.toMatchObject({ code: 'SIGN_INVALID' });
  });

  it('refuses one that names another key than signed it', async () => {
    const made = (await makeCheckpoint(deps(), acme()))!;
    const keyId = keyring.fingerprint('release');

    const verifying = verifyCheckpoint({ ...made, keyId }, [keyring.publicKey('index')]);

    await expect(verifying).rejects.toMatchObject({ code: 'SIGN_INVALID' });
  });

  it('refuses what the same key signed elsewhere', async () => {
    const made = (await makeCheckpoint(deps(), acme()))!;
    const { signature: _, ...stated } = made;
    const signature = await keyring.sign('index', Buffer.from(JSON.stringify(stated)));
    const forged = { ...made, signature: Buffer.from(signature).toString('base64') };

    const verifying = verifyCheckpoint(forged, [keyring.publicKey('index')]);

    await expect(verifying).rejects.toMatchObject({ code: 'SIGN_INVALID' });
  });
});
