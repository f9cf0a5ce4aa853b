import { describe, expect, it } from 'vitest';
import type { BindingRef } from '../../../src/plugin-host/contract/wire.ts';
import { acting, openHost } from '../../support/callbacks.ts';

const github: BindingRef = { scope: 'integration', id: 'github' };
const here = ['https://api.example.com'];
const plugin = 'builtin:github';

async function openWithToken(origins = here) {
  const host = await openHost();
  const values = new Map([['token', 's3cret']]);
  const names = await host.secrets.put('acme', github, values, { plugin, origins }, acting);
  return { ...host, name: names.get('token')! };
}

const required = { code: 'INT_CREDENTIALS_REQUIRED', facts: { details: { field: 'token' } } };

describe('BindingSecrets', () => {
  it('put keeps values encrypted, and names them for git', async () => {
    const { secrets, stores, name } = await openWithToken();

    const [stored] = await stores.bindingSecrets.list('acme', github);
    expect(name).toMatch(/^binding\.[0-9a-f-]{36}$/);
    expect(stored).toMatchObject({ name, field: 'token', origins: here, updatedBy: 'user:ada' });
    expect(JSON.stringify(stored)).not.toContain('s3cret');
    expect(
      await secrets.read('acme', github, { field: 'token', name, plugin, origins: here }),
    ).toBe('s3cret');
  });

  it('put writes one entry to the audit log, without values', async () => {
    const { stores, secrets, name } = await openWithToken();
    await secrets.put('acme', github, new Map(), { plugin, origins: here }, acting);

    const entries = await stores.audit.list('acme', 0, 10);
    expect(entries).toMatchObject([
      {
        actor: 'user:ada',
        action: 'binding-secret.put',
        resource: 'integration/github',
        after: { names: [name] },
        requestId: 'request-1',
      },
    ]);
  });

  it('put leaves the value before in force under its own name', async () => {
    const { secrets, name } = await openWithToken();

    const newer = await secrets.put(
      'acme',
      github,
      new Map([['token', 'newer']]),
      { plugin, origins: here },
      acting,
    );

    const read = (one: string) =>
      secrets.read('acme', github, { field: 'token', name: one, plugin, origins: here });
    expect([await read(name), await read(newer.get('token')!)]).toEqual(['s3cret', 'newer']);
  });

  it('put refuses what is too long', async () => {
    const { secrets } = await openHost();
    const long = new Map([['token', 'x'.repeat(65_537)]]);

    const put = secrets.put('acme', github, long, { plugin, origins: here }, acting);

    await expect(put).rejects.toMatchObject({ code: 'VAL_FAILED' });
  });

  it('is no secret of the vault’s', async () => {
    const { vault, name } = await openWithToken();

    expect(await vault.read('acme', name)).toBeUndefined();
    expect(await vault.list('acme', { sort: [], page: 1, pageSize: 9 })).toMatchObject({
      totalItems: 0,
    });
    await expect(vault.put(name, 'x', { org: 'acme', ...acting })).rejects.toMatchObject({
      code: 'VAL_FAILED',
    });
  });

  it.each<[string, readonly string[], boolean]>([
    ['the same', here, true],
    ['none any more', [], false],
    ['another', ['https://evil.example'], false],
    ['one more', [...here, 'https://evil.example'], false],
    ['another port', ['https://api.example.com:8443'], false],
    ['plain http', ['http://api.example.com'], false],
  ])('read gives it where the configuration leads to %s: %3$s', async (_what, origins, isGiven) => {
    const { secrets, name } = await openWithToken();

    const read = secrets.read('acme', github, { field: 'token', name, plugin, origins });

    if (isGiven) expect(await read).toBe('s3cret');
    else await expect(read).rejects.toMatchObject(required);
  });

  it.each<[string, string, Partial<BindingRef>, string]>([
    ['org', 'globex', {}, 'token'],
    ['binding', 'acme', { id: 'mine' }, 'token'],
    ['scope', 'acme', { scope: 'org' }, 'token'],
    ['field', 'acme', {}, 'password'],
  ])('read gives nothing to another %s that names it', async (_what, org, other, field) => {
    const { secrets, name } = await openWithToken();

    const read = secrets.read(org, { ...github, ...other }, { field, name, plugin, origins: here });

    await expect(read).rejects.toMatchObject({ code: 'INT_CREDENTIALS_REQUIRED' });
  });

  it.each(['registry:github', 'registry:evil', ''])(
    'read gives nothing to another plugin in the place of its own: %s',
    async (other) => {
      const { secrets, name } = await openWithToken();

      const read = secrets.read('acme', github, {
        field: 'token',
        name,
        plugin: other,
        origins: here,
      });

      await expect(read).rejects.toMatchObject(required);
    },
  );

  it('read opens no row whose origins were changed', async () => {
    const { secrets, stores, name } = await openWithToken();
    const [stored] = await stores.bindingSecrets.list('acme', github);
    const evil = ['https://evil.example'];
    const entry = { at: '', tenant: 'acme', actor: 'user:eve', action: 'a', resource: 'b' };
    await stores.bindingSecrets.put([{ ...stored!, origins: evil }], entry);

    const read = secrets.read('acme', github, { field: 'token', name, plugin, origins: evil });

    await expect(read).rejects.toMatchObject({ code: 'SIGN_KEY_MISSING' });
  });

  it('read knows the vault’s by their plain names', async () => {
    const { secrets, vault } = await openHost();
    await vault.put('github-token', 'plain', { org: 'acme', ...acting });
    const use = { field: 'token', plugin, origins: here };

    const found = await secrets.read('acme', github, { ...use, name: 'github-token' });

    expect(found).toBe('plain');
    await expect(secrets.read('acme', github, { ...use, name: 'other' })).rejects.toMatchObject(
      required,
    );
    await expect(
      secrets.read('globex', github, { ...use, name: 'github-token' }),
    ).rejects.toMatchObject(required);
  });

  it('overwrite replaces what the configuration names, for its origins', async () => {
    const { secrets, name } = await openWithToken();
    const use = { field: 'token', name, plugin, origins: here };

    await secrets.overwrite('acme', github, use, 'renewed', acting);

    expect(await secrets.read('acme', github, use)).toBe('renewed');
    const elsewhere = { ...use, origins: ['https://evil.example'] };
    await expect(secrets.read('acme', github, elsewhere)).rejects.toMatchObject(required);
  });

  it('overwrite stores one that the configuration does not name', async () => {
    const { secrets } = await openHost();
    const use = { field: 'token', name: undefined, plugin, origins: here };
    expect(await secrets.read('acme', github, use)).toBeUndefined();

    await secrets.overwrite('acme', github, use, 'first', acting);
    await secrets.overwrite('acme', github, use, 'second', acting);

    expect(await secrets.read('acme', github, use)).toBe('second');
    expect(await secrets.read('acme', github, { ...use, field: 'other' })).toBeUndefined();
  });

  it('overwrite leaves the vault’s alone', async () => {
    const { secrets, vault } = await openHost();
    await vault.put('github-token', 'plain', { org: 'acme', ...acting });
    const use = { field: 'token', name: 'github-token', plugin, origins: here };

    const write = secrets.overwrite('acme', github, use, 'mine', acting);

    await expect(write).rejects.toMatchObject({ code: 'PLG_CALLBACK_REFUSED' });
    expect(await vault.read('acme', 'github-token')).toBe('plain');
  });

  it('overwrite stores nothing under a name that is another’s or made up', async () => {
    const { secrets, name } = await openWithToken();
    const use = { field: 'token', plugin, origins: ['https://evil.example'] };

    const others = [
      secrets.overwrite('acme', { ...github, id: 'mine' }, { ...use, name }, 'x', acting),
      secrets.overwrite('acme', github, { ...use, name, field: 'password' }, 'x', acting),
      secrets.overwrite('acme', github, { ...use, name: 'binding.made-up' }, 'x', acting),
      secrets.overwrite('acme', github, { ...use, name }, 'x', acting),
    ];

    for (const outcome of await Promise.allSettled(others)) {
      expect(outcome).toMatchObject({ reason: { code: 'INT_CREDENTIALS_REQUIRED' } });
    }
    expect(
      await secrets.read('acme', github, { field: 'token', name, plugin, origins: here }),
    ).toBe('s3cret');
  });

  it('remove takes all of a binding’s, or some', async () => {
    const { secrets, stores, name } = await openWithToken();
    const two = new Map([
      ['token', 'a'],
      ['password', 'b'],
    ]);
    const names = [
      ...(await secrets.put('acme', github, two, { plugin, origins: here }, acting)).values(),
    ];
    const left = async () =>
      (await stores.bindingSecrets.list('acme', github)).map((one) => one.name);

    await secrets.remove('acme', github, acting, (one) => one.name === names[0]);
    expect(new Set(await left())).toEqual(new Set([name, names[1]]));
    await secrets.remove('acme', github, acting, (one) => one.name !== name);
    expect(await left()).toEqual([name]);
    await secrets.remove('acme', { ...github, id: 'other' }, acting);
    await secrets.remove('acme', github, acting);
    expect(await left()).toEqual([]);

    const actions = (await stores.audit.list('acme', 0, 20)).map(({ action }) => action);
    expect(actions.filter((action) => action === 'binding-secret.remove')).toHaveLength(3);
  });
});
