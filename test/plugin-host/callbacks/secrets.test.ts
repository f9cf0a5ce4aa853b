import { describe, expect, it } from 'vitest';
import { holderIn } from '../../../src/plugin-host/callbacks/secret-of.ts';
import type { JsonSchema } from '../../../src/registry/server-manifest/manifest.ts';
import { acting, type OpenedCall, openCall } from '../../support/callbacks.ts';

const url = 'https://api.example.com';

const configSchema: JsonSchema = {
  type: 'object',
  properties: {
    url: { type: 'string' },
    token: { type: 'string', writeOnly: true, 'x-writable': true, minLength: 3 },
    password: { type: 'string', writeOnly: true },
  },
};
const manifest = { configSchema, permissions: { secrets: ['token', 'password'] } };

/** A plugin with a configuration whose `token` is `s3cret`. */
async function openWithToken(options: OpenedCall = {}) {
  const opened = await openCall({ manifest, ...options });
  const values = new Map([['token', 's3cret']]);
  const { secrets, record } = opened;
  const terms = { plugin: holderIn(opened.guest), origins: [url] };
  const names = await secrets.put('acme', record.binding, values, terms, acting);
  const config = { url, token: { secretRef: names.get('token') } };
  Object.assign(record.binding, { config });
  return { ...opened, name: names.get('token')! };
}

describe('host.secret', () => {
  it('gives those that were granted', async () => {
    const { call } = await openWithToken();

    expect(await call('host.secret.get', { name: 'token' })).toEqual({ value: 's3cret' });
    expect(await call('host.auth.get', { name: 'token' })).toEqual({ value: 's3cret' });
    expect(await call('host.secret.get', { name: 'password' })).toEqual({ value: null });
    expect(await call('host.secret.list')).toEqual({ names: ['password', 'token'] });
  });

  it.each(['get', 'set'])('has no other for %s', async (verb) => {
    const { call } = await openWithToken({ manifest: { configSchema } });

    const answer = call(`host.secret.${verb}`, { name: 'token', value: 'mine' });

    await expect(answer).rejects.toMatchObject({ code: 'PLG_CALLBACK_REFUSED' });
    expect(await call('host.secret.list')).toEqual({ names: [] });
  });

  it('stores what a plugin may write, after the schema’s look at it', async () => {
    const checked: unknown[] = [];
    const checkValue = async (...all: unknown[]) => {
      checked.push(all);
      return [];
    };
    const { call, stores } = await openWithToken({ deps: { checkValue } });

    await call('host.auth.save', { name: 'token', value: 'renewed' });

    expect(await call('host.secret.get', { name: 'token' })).toEqual({ value: 'renewed' });
    expect(checked).toEqual([[(configSchema['properties'] as JsonSchema)['token'], 'renewed']]);
    const [, entry] = await stores.audit.list('acme', 0, 10);
    expect(entry).toMatchObject({ actor: 'plugin:example', action: 'binding-secret.write' });
  });

  it('knows a granted field within a list', async () => {
    const item = { properties: { token: { type: 'string', writeOnly: true } } };
    const schema = { properties: { hooks: { type: 'array', items: item } } };
    const permissions = { secrets: ['hooks/*/token'] };
    const { call, secrets, record, guest } = await openCall({
      manifest: { configSchema: schema, permissions },
    });
    const values = new Map([['hooks/0/token', 's3cret']]);
    const terms = { plugin: holderIn(guest), origins: [] };
    const names = await secrets.put('acme', record.binding, values, terms, acting);
    const config = { hooks: [{ token: { secretRef: names.get('hooks/0/token') } }] };
    Object.assign(record.binding, { config });

    const answer = await call('host.secret.get', { name: 'hooks/0/token' });

    expect(answer).toEqual({ value: 's3cret' });
    await expect(call('host.secret.get', { name: 'hooks/0/other' })).rejects.toMatchObject({
      code: 'PLG_CALLBACK_REFUSED',
    });
  });

  it('stores nothing that the schema refuses', async () => {
    const checkValue = async () => [{ message: 'must have 3 characters' }];
    const { call } = await openWithToken({ deps: { checkValue } });

    const answer = call('host.secret.set', { name: 'token', value: 'no' });

    await expect(answer).rejects.toMatchObject({
      code: 'VAL_FAILED',
      message: 'token: must have 3 characters',
    });
    expect(await call('host.secret.get', { name: 'token' })).toEqual({ value: 's3cret' });
  });

  it('stores nothing where the schema lets no plugin write', async () => {
    const { call } = await openWithToken();

    const answer = call('host.secret.set', { name: 'password', value: 'mine' });

    await expect(answer).rejects.toMatchObject({ code: 'PLG_CALLBACK_REFUSED' });
  });

  it('knows an integration’s credentials, by the schema of its type', async () => {
    const secretsSchema = { properties: { token: { type: 'string', 'x-writable': true } } };
    const type = { name: 'crm', category: 'scm', displayName: 'CRM', secretsSchema };
    const permissions = { secrets: ['token'] };
    const { call, record, secrets, guest } = await openCall({
      manifest: { id: 'acme', permissions, integrationTypes: [type] },
      binding: { scope: 'integration', id: 'crm-1', type: 'acme.crm', config: { url } },
    });
    const values = new Map([['token', 's3cret']]);
    const terms = { plugin: holderIn(guest), origins: [url] };
    const names = await secrets.put('acme', record.binding, values, terms, acting);
    Object.assign(record.binding, { credentials: { token: { secretRef: names.get('token') } } });

    expect(await call('host.secret.get', { name: 'token' })).toEqual({ value: 's3cret' });
    await call('host.secret.set', { name: 'token', value: 'renewed' });
    expect(await call('host.secret.get', { name: 'token' })).toEqual({ value: 'renewed' });
  });

  it('is signed with, where a key is a placeholder', async () => {
    const { call } = await openWithToken({ manifest: { configSchema } });

    const answers = [
      await call('host.crypto.hmac', { key: 'secret:token', data: 'text' }),
      await call('host.crypto.hmac', { key: 's3cret', data: 'text' }),
      await call('host.crypto.hmac', { key: 'no secret:token', data: 'text' }),
    ];

    expect(answers[0]).toEqual(answers[1]);
    expect(answers[2]).not.toEqual(answers[1]);
  });
});

describe('a configuration that is only tried', () => {
  const overlay = { config: { url: 'https://new.example' }, credentials: {} };

  it('brings its own secrets', async () => {
    const given = { ...overlay, credentials: { token: 'given' } };
    const { call } = await openWithToken({ overlay: given });

    expect(await call('host.secret.get', { name: 'token' })).toEqual({ value: 'given' });
  });

  it('gets no stored one for a new origin', async () => {
    const { call } = await openWithToken({ overlay });

    await expect(call('host.secret.get', { name: 'token' })).rejects.toMatchObject({
      code: 'INT_CREDENTIALS_REQUIRED',
    });
  });

  it('gets the stored one for the same origin', async () => {
    const same = { config: { url: `${url}/v4` }, credentials: {} };
    const { call } = await openWithToken({ overlay: same });

    expect(await call('host.secret.get', { name: 'token' })).toEqual({ value: 's3cret' });
  });

  it('stores nothing', async () => {
    const { call } = await openWithToken({ overlay });

    await expect(call('host.secret.set', { name: 'token', value: 'mine' })).rejects.toMatchObject({
      code: 'PLG_CALLBACK_REFUSED',
    });
  });
});
