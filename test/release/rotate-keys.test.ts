import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { OrgRuntime } from '../../src/delivery/runtime.ts';
import { writeObject } from '../../src/git/write-object.ts';
import type { KeyCustody } from '../../src/release/key-custody.ts';
import { publishVersion } from '../../src/release/publish.ts';
import { rotateKeys } from '../../src/release/rotate-keys.ts';
import type { Keyring } from '../../src/signing/org-keys.ts';
import { parseRoot, verifyRootChain } from '../../src/signing/root.ts';
import { composeTagMessage, composeTagPayload, parseTag } from '../../src/signing/tag.ts';
import { makeTestOrg, NOW_MS, type TestOrg } from '../support/org.ts';
import { testMaster } from '../support/org-keys.ts';

let org: TestOrg;
beforeEach(async () => {
  org = await makeTestOrg();
});
afterEach(() => org.remove());

const custodyOf = (runtime: OrgRuntime): KeyCustody => ({
  runtime,
  keys: org.stores.keys,
  master: testMaster,
  clock: () => org.nowMs,
  actor: 'user:ada',
  requestId: 'r-1',
});

const rotate = (
  roles: Parameters<typeof rotateKeys>[1]['roles'],
  { runtime = org.runtime, compromised = false } = {},
) => rotateKeys(custodyOf(runtime), { roles, compromised });

/** A release of `sales` that someone signs who has this keyring, in a repository that they reach. */
async function plantTag(version: string, keyring: Keyring): Promise<void> {
  const name = `sales--v${version}`;
  const oid = await org.repository.git('rev-parse', 'refs/tags/sales--v1.0.0');
  const { block, object } = parseTag(await org.runtime.pool.readTag(oid));
  const plugins = block.plugins.map((plugin) => ({ ...plugin, version }));
  const message = composeTagMessage('', { ...block, release: name, seq: 9, plugins });
  const tagger = { name: 'x', email: 'x@x.invalid', at: new Date(NOW_MS).toISOString() };
  const payload = composeTagPayload({ name, object, tagger, message });
  const tag = Buffer.from(payload + (await keyring.signTagPayload(payload)));
  const planted = await writeObject(org.repository.path, 'tag', tag);
  await org.repository.git('update-ref', `refs/tags/${name}`, planted);
  await org.runtime.refresh();
}

const releases = () => org.runtime.view.releases.get('sales')?.map(({ version }) => version);

describe('rotateKeys', () => {
  it('keeps the tags of a replaced release key, and takes those it signed before', async () => {
    await publishVersion(org.publishing, { plugin: 'sales', version: '1.0.0' });
    const { keyring: old } = org.runtime;
    await old.privateKey('release');

    await rotate(['release']);
    await plantTag('1.0.1', old);

    expect(releases()).toEqual(['1.0.1', '1.0.0']);
  });

  it('a compromised release key makes no release any more, in whatever repository it signs', async () => {
    await publishVersion(org.publishing, { plugin: 'sales', version: '1.0.0' });
    const { keyring: stolen } = org.runtime;
    await stolen.privateKey('release');

    await rotate(['release'], { compromised: true });
    await plantTag('1.0.1', stolen);
    await publishVersion(org.publishing, { plugin: 'sales', version: '1.1.0' });

    expect(releases()).toEqual(['1.1.0', '1.0.0']);
    expect(org.logged).toContain('tag ignored');
  });

  it('forgets the private part of what it replaces', async () => {
    await rotate(['release', 'index']);

    const keys = await org.stores.keys.keys('acme');

    const [retired, inUse] = [true, false].map((isRetired) =>
      keys.filter(({ retiredAt }) => (retiredAt !== null) === isRetired),
    );
    expect(retired?.map(({ wrappedPrivate }) => wrappedPrivate)).toEqual([null, null]);
    expect(inUse?.map(({ wrappedPrivate }) => typeof wrappedPrivate)).toEqual(
      Array(3).fill('string'),
    );
  });

  it('swaps what is served, so that who waits for a change hears of it', async () => {
    const versions: number[] = [];
    org.runtime.onChange(({ rootVersion }) => versions.push(rootVersion));

    await rotate(['root']);

    expect(versions).toEqual([2]);
  });

  it('builds on what another node rotated, whether or not this one has heard of it', async () => {
    const other = await org.open();

    await rotate(['release']);
    await rotate(['release'], { runtime: other });

    const roots = await org.stores.keys.roots('acme');
    const [first, ...chain] = roots.map(({ body, signature }) => ({
      body: Buffer.from(body),
      signature: Buffer.from(signature, 'base64'),
    }));
    const last = await verifyRootChain(parseRoot(first!.body), chain, org.nowMs);
    expect(last.roles.release.keyids).toHaveLength(3);
    expect(other.rootVersion).toBe(3);
    expect(org.runtime.rootVersion).toBe(2);

    await org.runtime.reloadKeys();

    expect(org.runtime.rootVersion).toBe(3);
    expect(org.runtime.keyring.fingerprint('release')).toBe(last.roles.release.keyids.at(-1));
  });

  it('answers a conflict when another root was stored meanwhile, and changes nothing', async () => {
    const overtaken = { ...org.stores.keys, rotate: async () => false };
    const before = await org.stores.keys.keys('acme');

    const rotation = rotateKeys(
      { ...custodyOf(org.runtime), keys: overtaken },
      { roles: ['index'], compromised: false },
    );

    await expect(rotation).rejects.toMatchObject({ code: 'RES_VERSION_CONFLICT' });
    expect(org.runtime.rootVersion).toBe(1);
    expect(await org.stores.keys.keys('acme')).toEqual(before);
  });
});
