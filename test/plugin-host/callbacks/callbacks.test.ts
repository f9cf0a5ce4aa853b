import { describe, expect, it } from 'vitest';
import { makeGuest, openCall } from '../../support/callbacks.ts';

const waiting = () => new Promise<never>(() => {});

describe('createCallbacks', () => {
  it.each(['host.fs.read', 'host.kv', 'constructor', '__proto__', 'toString', ''])(
    'knows no callback %j',
    async (name) => {
      const { call } = await openCall();

      await expect(call(name)).rejects.toMatchObject({ code: 'PLG_METHOD_UNSUPPORTED' });
    },
  );

  it('refuses a callback after its call, or with another’s id', async () => {
    const { call, callbacks, guest, id, records } = await openCall({
      manifest: { permissions: { kv: true } },
    });
    const params = { host_callback_id: id, key: 'a' };
    const stranger = makeGuest({ permissions: { kv: true } }, { org: 'globex' });

    await expect(callbacks(guest, 'host.kv.get', params)).resolves.toEqual({ value: null });
    const refusal = { code: 'PLG_CALLBACK_REFUSED' };
    await expect(callbacks(stranger, 'host.kv.get', params)).rejects.toMatchObject(refusal);
    await expect(call('host.kv.get', { host_callback_id: '' })).rejects.toMatchObject(refusal);
    records.end(id);
    await expect(callbacks(guest, 'host.kv.get', params)).rejects.toMatchObject(refusal);
  });

  it('acts by the call’s record, whatever the arguments say', async () => {
    const { call, stores } = await openCall({ manifest: { permissions: { kv: true } } });
    const claims = { org: 'globex', source: 'builtin', binding: { id: 'b' }, grants: ['http'] };

    await call('host.kv.set', { key: 'a', value: 1, ...claims });

    const place = { org: 'acme', source: 'host', pluginId: 'example' } as const;
    const own = { ...place, scope: 'org', binding: 'example' } as const;
    expect(await stores.pluginValues.find(own, 'a')).toBe('1');
  });

  it('gives up what a call still waits for when it ends', async () => {
    const read = Promise.withResolvers<unknown>();
    const asked = Promise.withResolvers<void>();
    const { call, records, id } = await openCall({
      manifest: { permissions: { read: ['releases'] } },
      deps: {
        read: () => {
          asked.resolve();
          return read.promise;
        },
      },
    });

    const answer = call('host.read', { resource: 'releases' });
    const outcome = expect(answer).rejects.toMatchObject({ code: 'PLG_CALLBACK_REFUSED' });
    await asked.promise;
    records.end(id);
    await outcome;
    // Later on nobody listens any more.
    read.reject(new Error('too late'));
  });

  it('works on 64 of a guest’s callbacks at a time', async () => {
    const { call, records, id } = await openCall({
      manifest: { permissions: { read: ['releases'] } },
      deps: { read: waiting },
    });
    const open = Array.from({ length: 64 }, () => call('host.read', { resource: 'releases' }));
    const outcome = Promise.allSettled(open);

    await expect(call('host.secret.list')).rejects.toMatchObject({ code: 'PLG_BUSY' });
    records.end(id);
    await outcome;
  });
});

describe('host.kv', () => {
  const permissions = { kv: true };

  it('keeps any JSON', async () => {
    const { call } = await openCall({ manifest: { permissions } });

    await call('host.kv.set', { key: 'a', value: { list: [1, 'é', null] } });
    await call('host.kv.set', { key: 'b', value: null });

    expect(await call('host.kv.get', { key: 'a' })).toEqual({ value: { list: [1, 'é', null] } });
    expect(await call('host.kv.get', { key: 'b' })).toEqual({ value: null });
    expect(await call('host.kv.get', { key: 'c' })).toEqual({ value: null });
    expect(await call('host.kv.delete', { key: 'a' })).toEqual({ isDeleted: true });
    expect(await call('host.kv.delete', { key: 'a' })).toEqual({ isDeleted: false });
  });

  it('lists keys, page by page', async () => {
    const { call } = await openCall({ manifest: { permissions } });
    for (const key of ['a1', 'a2', 'a3', 'b']) await call('host.kv.set', { key, value: 1 });

    const first = await call('host.kv.list', { prefix: 'a', limit: 2 });
    const rest = await call('host.kv.list', { prefix: 'a', limit: 2, after: 'a2' });

    expect([first, rest]).toEqual([
      { keys: ['a1', 'a2'], next: 'a2' },
      { keys: ['a3'], next: null },
    ]);
  });

  it('keeps 1 MiB and no more', async () => {
    const { call } = await openCall({ manifest: { permissions } });
    const MiB = 1024 * 1024;

    // The key's byte and two quotes count.
    await call('host.kv.set', { key: 'a', value: 'x'.repeat(MiB - 3) });
    const more = call('host.kv.set', { key: 'b', value: 1 });

    await expect(more).rejects.toMatchObject({ code: 'VAL_TOO_LARGE' });
    await call('host.kv.set', { key: 'a', value: 1 });
    expect(await call('host.kv.set', { key: 'b', value: 1 })).toEqual({});
  });

  it.each([[''], ['a\0'], ['a\n'], ['\ud800'], ['k'.repeat(513)], [7], [null]])(
    'takes no key %j',
    async (key) => {
      const { call } = await openCall({ manifest: { permissions } });

      await expect(call('host.kv.get', { key })).rejects.toMatchObject({ code: 'VAL_FAILED' });
    },
  );

  it.each(['get', 'set', 'delete', 'list'])('needs the permission for %s', async (verb) => {
    const { call } = await openCall();

    await expect(call(`host.kv.${verb}`, { key: 'a', value: 1 })).rejects.toMatchObject({
      code: 'PLG_CALLBACK_REFUSED',
    });
  });
});

describe('host.log', () => {
  it('writes a line under the plugin’s name', async () => {
    const { call, lines } = await openCall();

    await call('host.log', { level: 'warn', message: 'odd', fields: { org: 'globex', n: 1 } });
    await call('host.log', { level: 'debug', message: 'fine' });

    const plugin = { id: 'example', version: '1.0.0', fields: { org: 'globex', n: 1 } };
    const facts = { org: 'acme', binding: 'example', requestId: 'request-1' };
    expect(lines).toEqual([
      ['warn', { ...facts, plugin }, 'odd'],
      ['info', { ...facts, plugin: { ...plugin, fields: {} } }, 'fine'],
    ]);
  });

  it('clips what is long, and ends a flood', async () => {
    const { call, lines } = await openCall();

    await call('host.log', { message: 'm'.repeat(9000), fields: { a: 'f'.repeat(20_000) } });
    for (let i = 1; i < 100; i++) await call('host.log', { message: 'again' });
    const flood = call('host.log', { message: 'again' });

    await expect(flood).rejects.toMatchObject({ code: 'PLG_BUSY' });
    expect(lines).toHaveLength(100);
    expect(lines[0]).toMatchObject(['info', { plugin: { fields: { isTooLong: true } } }, {}]);
    expect(lines[0]?.[2]).toHaveLength(8192);
  });

  it.each([
    { level: 'constructor', message: 'a' },
    { level: 'fatal', message: 'a' },
    { level: 'info', message: 7 },
    { level: 'info', message: 'a', fields: [] },
  ])('refuses %j', async (params) => {
    const { call } = await openCall();

    await expect(call('host.log', params)).rejects.toMatchObject({ code: 'VAL_FAILED' });
  });
});

describe('host.read', () => {
  const manifest = { permissions: { read: ['releases'] } };

  it('asks for a page or for one, of the binding’s org', async () => {
    const asked: unknown[] = [];
    const read = async (...all: unknown[]) => {
      asked.push(all);
      return { items: [] };
    };
    const { call, record } = await openCall({ manifest, deps: { read } });
    const page = { filter: { plugin: 'sales' }, sort: '-publishedAt', page: 2, pageSize: 5 };

    const answer = await call('host.read', { resource: 'releases', org: 'globex', ...page });
    await call('host.read', { resource: 'releases', id: 7 });

    const scope = { org: 'acme', binding: record.binding, requestId: 'request-1' };
    expect(answer).toEqual({ items: [] });
    expect(asked).toEqual([
      [scope, { resource: 'releases', ...page }],
      [scope, { resource: 'releases', id: '7' }],
    ]);
  });

  it('reads what was granted', async () => {
    const { call } = await openCall({ manifest });

    await expect(call('host.read', { resource: 'namespaces' })).rejects.toMatchObject({
      code: 'PLG_CALLBACK_REFUSED',
    });
  });

  it.each([
    { resource: 7 },
    { resource: 'releases', id: {} },
    { resource: 'releases', filter: 'a' },
    { resource: 'releases', page: 0 },
    { resource: 'releases', pageSize: 101 },
  ])('refuses %j', async (params) => {
    const { call } = await openCall({ manifest });

    await expect(call('host.read', params)).rejects.toMatchObject({ code: 'VAL_FAILED' });
  });
});

describe('host.url and host.crypto', () => {
  it.each<[string, object, object]>([
    [
      'host.url.parse',
      { url: '../b?q=1#h', base: 'https://u:p@a.example:8443/c/d' },
      { href: 'https://u:p@a.example:8443/b?q=1#h', host: 'a.example:8443', search: '?q=1' },
    ],
    [
      'host.crypto.sha256',
      { data: 'abc' },
      { digest: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad' },
    ],
    [
      'host.crypto.sha256',
      { data: 'YWJj', encoding: 'base64' },
      { digest: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad' },
    ],
    // RFC 4231, test case 2; RFC 2202's for SHA-1.
    [
      'host.crypto.hmac',
      { key: 'Jefe', data: 'what do ya want for nothing?' },
      { digest: '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843' },
    ],
    [
      'host.crypto.hmac',
      {
        key: '4a656665',
        keyEncoding: 'hex',
        data: 'what do ya want for nothing?',
        algorithm: 'sha1',
      },
      { digest: 'effcdf6ae5eb2fa2d27416d5f184df9c259a7c79' },
    ],
  ])('%s %j', async (name, params, answer) => {
    const { call } = await openCall();

    expect(await call(name, params)).toMatchObject(answer);
  });

  it('random gives as many bytes as it is asked for', async () => {
    const { call } = await openCall();

    const { base64 } = (await call('host.crypto.random', { bytes: 16 })) as { base64: string };

    expect(Buffer.from(base64, 'base64')).toHaveLength(16);
  });

  it.each([
    ['host.url.parse', { url: 'nonsense' }],
    ['host.crypto.random', { bytes: 65_537 }],
    ['host.crypto.hmac', { key: 'k', data: 'd', algorithm: 'md5' }],
    ['host.crypto.sha256', { data: 7 }],
  ])('%s refuses %j', async (name, params) => {
    const { call } = await openCall();

    await expect(call(name, params)).rejects.toMatchObject({ code: 'VAL_FAILED' });
  });
});
