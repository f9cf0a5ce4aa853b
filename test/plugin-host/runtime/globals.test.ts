import { beforeAll, describe, expect, it } from 'vitest';
import type { PluginRuntime } from '../../../src/plugin-host/runtime/runtime.ts';
import { createSandboxes } from '../../../src/plugin-host/runtime/sandbox.ts';
import { LIMITS } from '../../../src/registry/server-manifest/limits.ts';
import { inSandbox, PATIENT } from '../../support/guests.ts';

const EVALUATES = `{ 'tool.call': async ({ text }) => [await globalThis.eval(text)] }`;

/** What Node itself makes of it. */
const here = async (text: string): Promise<unknown> =>
  // biome-ignore lint/security/noGlobalEval: the same text is run in two engines
  JSON.parse(JSON.stringify([await globalThis.eval(text)])); // oxlint-disable-line no-eval -- the same

const caught = (text: string) => `(() => { try { ${text} } catch (e) { return e.name; } })()`;
const block = (text: string) => `(() => { ${text} })()`;
const waiting = (text: string) => `(async () => { ${text} })()`;

/** What must mean the same in the sandbox as in Node. */
const alike: Record<string, readonly string[]> = {
  URL: [
    `new URL('/a b?x=1&y=ä#h', 'https://user:pw@example.com:8443/z').href`,
    `new URL('HTTP://EXAMPLE.com:80/../x').href`,
    `new URL('https://0x7f.1/').hostname`,
    `new URL('https://bücher.example/').host`,
    `Object.keys(new URL('https://a.example/').searchParams)`,
    `JSON.stringify({ u: new URL('https://a.example') })`,
    `[URL.canParse('nope'), URL.canParse('/x', 'https://a.example'), URL.parse('nope')]`,
    caught(`new URL('nope')`),
    block(`const u = new URL('https://a.example/x?q=1'); u.searchParams.append('r', 'a b&c');
      u.pathname = '/ü'; u.hash = 'h'; u.port = '444'; return [u.href, u.search, u.origin];`),
    block(`const u = new URL('https://a.example/x?q=1'); u.search = '?z=2';
      return [...u.searchParams];`),
    block(
      `const u = new URL('https://a.example/'); u.href = 'http://b.example/?c'; return u.host;`,
    ),
  ],
  URLSearchParams: [
    `String(new URLSearchParams({ a: '1 2', b: 'ä&=' }))`,
    `[...new URLSearchParams('?a=1&a=2&b=%20&c')]`,
    `new URLSearchParams([['a', '1'], ['a', '2']]).getAll('a')`,
    `new URLSearchParams('a=1').get('b')`,
    `[new URLSearchParams('a=1').has('a'), new URLSearchParams('a=1').has('a', '2')]`,
    block(`const p = new URLSearchParams('b=1&a=2&b=3'); p.set('b', '4'); p.set('c', '5');
      p.sort(); p.delete('c'); return [p.toString(), p.size, [...p.keys()], [...p.values()]];`),
    block(`const seen = []; new URLSearchParams('a=1').forEach((v, k) => seen.push(k, v));
      return seen;`),
  ],
  'text and bytes': [
    `[...new TextEncoder().encode('aä€😀\\ud800')]`,
    `new TextEncoder().encodeInto('aä€', new Uint8Array(4))`,
    `new TextDecoder().decode(new Uint8Array([0xef, 0xbb, 0xbf, 97, 0xc3, 0xa4, 0xff]))`,
    `new TextDecoder('utf8', { ignoreBOM: true }).decode(new Uint8Array([0xef, 0xbb, 0xbf])).length`,
    `new TextDecoder().decode(new Uint8Array([1, 98, 99, 2]).subarray(1, 3))`,
    `new TextDecoder().decode()`,
    caught(`new TextDecoder('utf-8', { fatal: true }).decode(new Uint8Array([0xff]))`),
    caught(`new TextDecoder('nonsense')`),
    block(`const d = new TextDecoder(); let out = '';
      for (const byte of new TextEncoder().encode('aä€😀z')) {
        out += d.decode(new Uint8Array([byte]), { stream: true });
      }
      return out + d.decode();`),
    `[btoa('hallo\\xff'), atob('aGFsbG8='), atob(' aGFs bG8 '), btoa(''), atob('')]`,
    block(`try { atob('a'); } catch { return 'refused'; }`),
    block(`try { btoa('€'); } catch { return 'refused'; }`),
  ],
  Headers: [
    `[...new Headers([['B', '2'], ['a', ' 1 '], ['A', '3'], ['set-cookie', 'x'], ['set-cookie', 'y']])]`,
    `new Headers({ A: '1' }).get('a')`,
    `[new Headers({ A: '1' }).has('b'), new Headers().get('b')]`,
    `new Headers([['set-cookie', 'x'], ['set-cookie', 'y']]).getSetCookie()`,
    block(`const h = new Headers(new Headers({ a: '1', b: '2' })); h.delete('A'); h.append('B', '3');
      h.set('c', '4'); return [[...h.keys()], [...h.values()]];`),
    caught(`new Headers({ 'a b': '1' })`),
    caught(`new Headers({ a: '1\\r\\nx: y' })`),
  ],
  'Request and Response': [
    waiting(`const r = new Response('hällo', { status: 201, headers: { 'x-a': 'b' } });
      const c = r.clone(); return [r.status, r.ok, await r.text(), r.bodyUsed, await c.text(),
        r.headers.get('content-type'), r.headers.get('X-A')];`),
    waiting(`const r = Response.json({ a: 1 });
      return [r.headers.get('content-type'), await r.json()];`),
    waiting(
      `return [...new Uint8Array(await new Response(new Uint8Array([1, 2])).arrayBuffer())];`,
    ),
    waiting(`return [(await new Response().text()), new Response(null, { status: 204 }).body];`),
    waiting(`const r = new Response('x'); await r.text();
      try { await r.text(); } catch ({ name }) { return name; }`),
    block(`const r = Response.redirect('https://a.example/x', 303);
      return [r.status, r.headers.get('location')];`),
    waiting(`const r = new Request('https://a.example/x',
        { method: 'post', body: new URLSearchParams({ a: 'b c' }) });
      return [r.method, r.url, await r.text(), r.headers.get('content-type')];`),
    waiting(`const r = new Request(new Request('https://a.example/', { method: 'PUT', body: 'x' }),
        { headers: { a: '1' } });
      return [r.method, r.headers.get('a'), await r.text()];`),
    caught(`new Request('https://a.example', { body: 'x' })`),
    caught(`new Request('nope')`),
    caught(`new Response('', { status: 99 })`),
    caught(`new Response('x', { status: 204 })`),
  ],
  'events and signals': [
    block(`const c = new AbortController(); const seen = [];
      c.signal.addEventListener('abort', () => seen.push('listener'), { once: true });
      c.signal.onabort = () => seen.push('handler');
      c.abort(); c.abort(); return [c.signal.aborted, seen.toSorted(), c.signal.reason.name];`),
    block(`const c = new AbortController(); const seen = []; const f = () => seen.push(1);
      c.signal.addEventListener('abort', f); c.signal.removeEventListener('abort', f);
      c.abort('why'); return [seen, c.signal.reason];`),
    caught(`AbortSignal.abort().throwIfAborted()`),
    waiting(`const s = AbortSignal.timeout(1); const keep = setTimeout(() => {}, 60_000);
      await new Promise((resolve) => s.addEventListener('abort', resolve));
      clearTimeout(keep); return s.reason.name;`),
    block(`const c = new AbortController();
      const any = AbortSignal.any([new AbortController().signal, c.signal]); c.abort('x');
      return [any.aborted, any.reason, AbortSignal.any([c.signal]).aborted];`),
    block(`const t = new EventTarget(); let seen; t.addEventListener('x', { handleEvent: (e) => {
      seen = [e.type, e.target === t]; } }); t.dispatchEvent(new Event('x')); return seen;`),
  ],
  structuredClone: [
    block(`const c = structuredClone({ d: new Date(5), m: new Map([[1, { a: 2 }]]), s: new Set([1]),
        b: new Uint8Array([1, 2, 3]).subarray(1), r: /a/gi, n: null, u: undefined, l: [1, , 3] });
      return [c.d.getTime(), [...c.m], [...c.s], [...c.b], String(c.r), c.n, 'u' in c, c.l.length];`),
    block(
      `const a = {}; a.self = a; const b = structuredClone(a); return b.self === b && b !== a;`,
    ),
    block(
      `const e = structuredClone(new RangeError('x')); return [e instanceof RangeError, e.message];`,
    ),
    caught(`structuredClone(() => 1)`),
    caught(`structuredClone({ s: Symbol('x') })`),
  ],
  timers: [
    waiting(`const seen = []; queueMicrotask(() => seen.push('job'));
      setTimeout((...args) => seen.push(...args), 1, 'a', 'b');
      clearTimeout(setTimeout(() => seen.push('never'), 1));
      await new Promise((resolve) => setTimeout(resolve, 20)); return seen;`),
    waiting(`let n = 0; await new Promise((resolve) => {
        const i = setInterval(() => { if (++n === 3) { clearInterval(i); resolve(); } }, 1); });
      return n;`),
  ],
  'ES2023 and later': [
    `[3, 1].toSorted()`,
    `[1, 2].findLast((n) => n < 2)`,
    `Object.groupBy([1, 2], (n) => (n > 1 ? 'a' : 'b'))`,
    `/(?<=a)(?<x>b)/.exec('ab').groups.x`,
    `String(2n ** 64n)`,
    block(
      `class A { #x = 1; static { this.y = 2; } get x() { return this.#x; } } return [new A().x, A.y];`,
    ),
  ],
};

describe.each(Object.entries(alike))('%s', (_what, expressions) => {
  let guest: PluginRuntime;

  beforeAll(async () => {
    const script = Buffer.from(`export default ${EVALUATES};`);
    const code = { id: 'example', version: '1.0.0', digest: '', script };
    const host = { callback: async () => ({}) };
    guest = await createSandboxes().start(code, { limits: LIMITS, host });
    return () => guest.close();
  });

  it.each(expressions)('means the same as in Node: %s', async (text) => {
    const [expected, found] = await Promise.all([
      here(text),
      guest.call('tool.call', { text }, PATIENT),
    ]);

    expect(found).toEqual(expected);
  });
});

/** One evaluation, and the callbacks that it made. */
async function evaluate(text: string, answer: (params: object) => unknown = () => ({})) {
  const asked: unknown[] = [];
  const guest = await inSandbox(EVALUATES, {
    async host(name, params) {
      asked.push({ name, ...params });
      return answer(params);
    },
  });
  const called = guest.call('tool.call', { text, host_callback_id: 'call' }, PATIENT);
  const [result] = (await called) as unknown[];
  return { result, asked };
}

describe('console', () => {
  it('writes to the log, for the call it is used in', async () => {
    const text = `(console.log('a', { b: 1 }, 2), console.warn('c'), console.error(new TypeError('d')))`;
    const { asked } = await evaluate(text);

    expect(asked).toEqual([
      { name: 'host.log', level: 'info', message: 'a {"b":1} 2', host_callback_id: 'call' },
      { name: 'host.log', level: 'warn', message: 'c', host_callback_id: 'call' },
      {
        name: 'host.log',
        level: 'error',
        host_callback_id: 'call',
        message: expect.stringMatching(/^TypeError: d\n/),
      },
    ]);
  });

  it('does not mind that a line is refused', async () => {
    const { result } = await evaluate(`console.log('a') ?? 'went on'`, () => {
      throw new Error('too many');
    });

    expect(result).toBe('went on');
  });
});

describe('fetch', () => {
  it('asks the host, with bodies as bytes', async () => {
    const request = `fetch('https://a.example/x', { method: 'POST', headers: { 'X-A': '1' }, body: 'hü' })`;
    const body = Buffer.from('{"ok":true}').toString('base64');
    const { result, asked } = await evaluate(
      `${request}.then(async (r) => [r.status, r.ok, r.url, r.headers.get('x-b'), await r.json()])`,
      () => ({ status: 201, headers: { 'X-B': ['1', '2'] }, body }),
    );

    expect(asked).toEqual([
      {
        name: 'host.http.do',
        method: 'POST',
        url: 'https://a.example/x',
        headers: { 'x-a': '1', 'content-type': 'text/plain;charset=UTF-8' },
        body: Buffer.from('hü').toString('base64'),
        host_callback_id: 'call',
      },
    ]);
    expect(result).toEqual([201, true, 'https://a.example/x', '1, 2', { ok: true }]);
  });

  it('gives an answer without a body', async () => {
    const { result } = await evaluate(
      `fetch('https://a.example').then(async (r) => [r.status, await r.text()])`,
      () => ({ status: 204, headers: {}, body: '' }),
    );

    expect(result).toEqual([204, '']);
  });

  it('ends with the reason of its signal', async () => {
    const { result } = await evaluate(
      block(`const c = new AbortController();
        const asked = fetch('https://a.example', { signal: c.signal }).catch((e) => e.name);
        c.abort(); return asked;`),
      () => new Promise(() => {}),
    );

    expect(result).toBe('AbortError');
  });

  it('asks nothing of a signal that is aborted already', async () => {
    const { result, asked } = await evaluate(
      `fetch('https://a.example', { signal: AbortSignal.abort() }).catch((e) => e.name)`,
    );

    expect(result).toBe('AbortError');
    expect(asked).toEqual([]);
  });
});

describe('crypto', () => {
  it('gives randomness of the host', async () => {
    const { result } = await evaluate(`[crypto.randomUUID(), crypto.randomUUID(),
      [...crypto.getRandomValues(new Uint8Array(64))].some((byte) => byte !== 0)]`);
    const [one, other, isFilled] = result as [string, string, boolean];

    expect(one).toMatch(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
    expect(other).not.toBe(one);
    expect(isFilled).toBe(true);
  });

  it('fills a part of a buffer alone', async () => {
    const { result } = await evaluate(
      block(`const all = new Uint8Array(48); crypto.getRandomValues(all.subarray(16, 32));
        return [...all].map((byte, i) => i < 16 || i >= 32 ? byte : 0).some(Boolean);`),
    );

    expect(result).toBe(false);
  });

  it('refuses more than 65,536 bytes', async () => {
    const { result } = await evaluate(caught('crypto.getRandomValues(new Uint8Array(65537))'));

    expect(result).toBe('RangeError');
  });
});
