import { describe, expect, it } from 'vitest';
import { createContext } from '../../src/plugin-sdk/context.ts';
import { call, context, standInHost } from './host.ts';

describe('PluginContext', () => {
  const { asked } = standInHost({
    'host.kv.get': { value: { seen: 1 } },
    'host.kv.list': { keys: ['a', 'b'], next: null },
    'host.secret.get': { value: 'whsec_x' },
    'host.secret.list': { names: ['token'] },
    'host.read': { items: [{ id: 'sales' }] },
    'host.http.do': {
      status: 404,
      headers: { 'Content-Type': ['text/plain'] },
      body: btoa('gone'),
    },
    'host.crypto.sha256': 'digest',
  });
  const ctx = createContext(context({ namespaceId: 'emea' }), { url: 'u' }, call);
  const named = (params: object) => ({ ...params, host_callback_id: 'call-1' });

  it('tells whose call it is', () => {
    expect(ctx).toMatchObject({ orgId: 'acme', namespaceId: 'emea', config: { url: 'u' } });
    expect(ctx.signal).toBe(call.signal);
  });

  it('names the call in all that it asks of the host', async () => {
    await ctx.kv.set('a', { seen: 1 });
    await ctx.kv.delete('a');
    await ctx.secrets.set('token', 'new');
    await ctx.call('host.model.execute', { messages: [] });
    ctx.logger.warn('slow', { ms: 7 });
    ctx.callSync('host.crypto.random', { bytes: 4 });

    expect(asked).toEqual([
      ['host.kv.set', named({ key: 'a', value: { seen: 1 } })],
      ['host.kv.delete', named({ key: 'a' })],
      ['host.secret.set', named({ name: 'token', value: 'new' })],
      ['host.model.execute', named({ messages: [] })],
      ['host.log', named({ level: 'warn', message: 'slow', fields: { ms: 7 } })],
      ['host.crypto.random', named({ bytes: 4 })],
    ]);
  });

  it('reads what the host keeps and shows', async () => {
    expect(await ctx.kv.get('a')).toEqual({ seen: 1 });
    expect(await ctx.kv.list('a')).toEqual(['a', 'b']);
    expect(await ctx.secrets.get('token')).toBe('whsec_x');
    expect(await ctx.secrets.list()).toEqual(['token']);
    expect(await ctx.db.list('releases', { page: 2 })).toEqual({ items: [{ id: 'sales' }] });
    expect(asked.at(-1)).toEqual(['host.read', named({ resource: 'releases', page: 2 })]);
  });

  it('answers an HTTP error as an answer', async () => {
    const answer = await ctx.http.get('https://a.example/x', { timeoutSec: 2 });

    expect(answer).toMatchObject({ status: 404, ok: false });
    expect(answer.text()).toBe('gone');
    expect(answer.header('content-type')).toBe('text/plain');
    expect(() => answer.json()).toThrow(SyntaxError);
  });

  it.each([
    ['text as it is', 'grüße', {}, 'grüße', {}],
    ['bytes as they are', new Uint8Array([104, 105]), {}, 'hi', {}],
    ['anything else as JSON', { a: 1 }, {}, '{"a":1}', { 'content-type': 'application/json' }],
    ['JSON of a type of its own', [1], { 'Content-Type': 'application/ld+json' }, '[1]', undefined],
  ])('sends %s', async (_, body, headers, sent, typed) => {
    await ctx.http.post('https://a.example', body, { headers });

    const [, params] = asked[0]!;
    expect(Buffer.from(String(params['body']), 'base64').toString()).toBe(sent);
    expect(params['headers']).toEqual(typed ?? headers);
  });

  it('says how to get a host where there is none', () => {
    Reflect.deleteProperty(globalThis, 'waymark');

    expect(() => ctx.callSync('host.url.parse')).toThrow('run the plugin by `waymark plugin dev`');
  });
});
