import { beforeEach, describe, expect, it } from 'vitest';
import type { Stores } from '../../src/database/stores.ts';
import { createAuthenticator } from '../../src/identity/authenticate.ts';
import { mintApiKey } from '../../src/identity/keys.ts';
import { type AdminKeyFile, ensureSiteAdmin } from '../../src/identity/site-admin.ts';
import { createMemoryStores } from '../support/fakes/memory-stores.ts';
import { loggingIn } from '../support/passwords.ts';
import { makeApiKey, makeEntry } from '../support/records.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const clock = () => NOW;

let stores: Stores;
let text: string | undefined;

const file: AdminKeyFile = {
  async keep(token) {
    text ??= token;
    return text;
  },
  async replace(token) {
    text = token;
  },
};

beforeEach(() => {
  stores = createMemoryStores();
  text = undefined;
});

const ensure = (chosen: string | null = null) =>
  ensureSiteAdmin({ apiKeys: stores.apiKeys, file, chosen, clock });

const callerOf = (token = '') => createAuthenticator(loggingIn(stores, clock)).authenticate(token);

describe('ensureSiteAdmin', () => {
  it('leaves a generated key in the file, and answers it', async () => {
    expect(await ensure()).toBe(text);

    expect(text).toMatch(/^wmk_/);
    expect((await callerOf(text)).isSiteAdmin).toBe(true);
  });

  it('writes it into the audit log of the site', async () => {
    await ensure();

    expect(await stores.audit.list('*', 0, 10)).toMatchObject([
      { actor: 'system:start', action: 'api-key.create' },
    ]);
  });

  it('does nothing where there is an administrator', async () => {
    await ensure();
    const before = text;

    expect(await ensure()).toBeNull();
    expect(await ensure('another-token-chosen-later')).toBeNull();

    expect(text).toBe(before);
    expect(await stores.apiKeys.listOfSite()).toHaveLength(1);
  });

  it.each(['an-operators-own-long-text', mintApiKey().token])(
    'takes %s as the operator chose it, and writes no file',
    async (chosen) => {
      expect(await ensure(chosen)).toBeNull();

      expect(text).toBeUndefined();
      expect((await callerOf(chosen)).isSiteAdmin).toBe(true);
    },
  );

  it('completes a start that was killed behind the file', async () => {
    const { token } = mintApiKey();
    text = token;

    await ensure();

    expect(text).toBe(token);
    expect((await callerOf(token)).isSiteAdmin).toBe(true);
  });

  it('makes a new key where all were revoked or have expired', async () => {
    await ensure();
    const old = text;
    const [key] = await stores.apiKeys.listOfSite();
    await stores.apiKeys.revoke(null, key!.id, '2026-01-01T00:00:00.000Z', makeEntry());
    const expired = { org: null, expiresAt: '2026-01-01T00:00:00.000Z' };
    await stores.apiKeys.insert(makeApiKey('1'.repeat(16), expired), makeEntry());

    expect(await ensure()).toBe(text);

    expect(text).not.toBe(old);
    expect((await callerOf(text)).isSiteAdmin).toBe(true);
  });

  it('refuses a chosen key that was revoked', async () => {
    const chosen = 'an-operators-own-long-text';
    await ensure(chosen);
    const [key] = await stores.apiKeys.listOfSite();
    await stores.apiKeys.revoke(null, key!.id, '2026-01-01T00:00:00.000Z', makeEntry());

    await expect(ensure(chosen)).rejects.toMatchObject({ code: 'RES_DUPLICATE' });
  });
});
