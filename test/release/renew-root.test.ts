import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { exportRootKey } from '../../src/release/export-root-key.ts';
import { type KeyCustody, ROOT_LIFETIME_MS } from '../../src/release/key-custody.ts';
import { renewRoot } from '../../src/release/renew-root.ts';
import { parseRoot, verifyRootChain } from '../../src/signing/root.ts';
import { makeTestOrg, type TestOrg } from '../support/org.ts';
import { testMaster } from '../support/org-keys.ts';

let org: TestOrg;
let custody: KeyCustody;
beforeEach(async () => {
  org = await makeTestOrg();
  custody = {
    runtime: org.runtime,
    keys: org.stores.keys,
    master: testMaster,
    clock: () => org.nowMs,
    actor: 'system:reconciler',
    requestId: 'r-1',
  };
});
afterEach(() => org.remove());

const versions = () => org.runtime.roots.map(({ version }) => version);

describe('renewRoot', () => {
  it('leaves a root alone that is good for long', async () => {
    expect(await renewRoot(custody)).toBe(false);

    expect(versions()).toEqual([1]);
  });

  it('issues a root anew in the second half of its life, for clients that know the first', async () => {
    org.nowMs += ROOT_LIFETIME_MS / 2 + 1;

    expect(await renewRoot(custody)).toBe(true);

    const [first, ...chain] = org.runtime.roots.map(({ body, signature }) => ({
      body: Buffer.from(body),
      signature: Buffer.from(signature, 'base64'),
    }));
    const trusted = parseRoot(first!.body);
    const newest = await verifyRootChain(trusted, chain, org.nowMs + ROOT_LIFETIME_MS - 1000);
    expect(newest.version).toBe(2);
    expect(newest.roles).toEqual(trusted.roles);
    expect(await renewRoot(custody)).toBe(false);
  });

  it('leaves a root to its owner whose key is kept offline', async () => {
    await exportRootKey(custody, { remove: true });
    org.nowMs += ROOT_LIFETIME_MS;

    expect(await renewRoot(custody)).toBe(false);
  });
});
