import { describe, expect, it } from 'vitest';
import type { PluginRuntime } from '../../../src/plugin-host/runtime/runtime.ts';
import { type GuestOptions, IMPATIENT, inSandbox, PATIENT } from '../../support/guests.ts';

/** Short of processor time, so that a loop ends soon; or short of memory alone. */
const HURRIED = { limits: { cpuSliceMs: 200 }, graceMs: 100 };
const ROOMY = { limits: { cpuSliceMs: 20_000, memoryMb: 32 } };

const attacked = (body: string, options: GuestOptions) =>
  inSandbox(
    `{ 'tool.call': async function () { ${body} }, 'plugin.health': () => 'alive' }`,
    options,
  );

/** What the attack answers, while another guest goes on being served. */
async function attack(guest: PluginRuntime, deadlineMs = PATIENT.deadlineMs): Promise<unknown> {
  const bystander = await inSandbox(`{ 'plugin.health': () => 'served' }`);
  let isOver = false;
  const answer = guest
    .call('tool.call', {}, { deadlineMs })
    .catch((error: unknown) => error)
    .finally(() => {
      isOver = true;
    });
  do {
    expect(await bystander.call('plugin.health', {}, PATIENT)).toBe('served');
  } while (!isOver);
  return answer;
}

describe('a guest that computes without an end', () => {
  it.each([
    ['a loop', 'for (;;);'],
    ['a loop that catches', 'for (;;) { try { for (;;); } catch {} }'],
    ['a loop in finally', 'try { for (;;); } finally { for (;;); }'],
    [
      'jobs that beget jobs',
      '(function f() { Promise.resolve().then(f); })(); await new Promise(() => {});',
    ],
    ['an endless await', 'for (;;) await null;'],
    ['a thenable that gives itself', 'const t = { then(r) { r(t); } }; return t;'],
    ['a getter in its answer', 'return { get x() { for (;;); } };'],
    ['a toJSON in its answer', 'return { toJSON() { for (;;); } };'],
    ['a proxy in its answer', 'return new Proxy({}, { ownKeys() { for (;;); } });'],
    ['a getter in its error', 'throw { get code() { for (;;); } };'],
    ['a comparison while sorting', '[2, 1].sort(() => { for (;;); });'],
    ['lines for the log', 'for (;;) console.log("x");'],
  ])('is ended by its slice of processor time: %s', async (_what, body) => {
    const guest = await attacked(body, HURRIED);

    const answer = await attack(guest);

    expect(answer).toMatchObject({ name: 'WaymarkError', code: 'PLG_TIMEOUT' });
    expect(await guest.ended).toMatchObject({ cause: 'timeout' });
  });

  it.each([
    [
      'an index in 2^53-1 places',
      'return Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1);',
    ],
    ['2^31-1 empty places joined', 'return new Array(2 ** 31 - 1).join("").length;'],
    ['a regular expression', 'return /(a*)*b/.test("a".repeat(100));'],
    ['a promise that never settles', 'return new Promise(() => {});'],
  ])('is ended after its deadline where nothing looks at the clock: %s', async (_what, body) => {
    const guest = await attacked(body, { graceMs: 100 });

    const answer = await attack(guest, IMPATIENT.deadlineMs);

    expect(answer).toMatchObject({ name: 'WaymarkError', code: 'PLG_TIMEOUT' });
    expect(await guest.ended).toMatchObject({ cause: 'timeout' });
  });

  it('answers for itself: who waited beside it may ask again', async () => {
    const guest = await attacked('await waymark.call("host.x"); for (;;);', HURRIED);

    const [guilty, other] = await Promise.allSettled([
      guest.call('tool.call', {}, PATIENT),
      guest.call('tool.call', {}, PATIENT),
    ]);

    expect(guilty).toMatchObject({ reason: { code: 'PLG_TIMEOUT' } });
    expect(other).toMatchObject({ reason: { code: 'PLG_RESTARTED' } });
  });

  it('is found even behind another that came late because of it', async () => {
    const guest = await inSandbox(
      `{
        'tool.call': () => Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1),
        'plugin.health': () => 'alive',
      }`,
      { graceMs: 50 },
    );

    const [guilty, late, other] = await Promise.allSettled([
      guest.call('tool.call', {}, PATIENT),
      guest.call('plugin.health', {}, IMPATIENT),
      guest.call('plugin.health', {}, PATIENT),
    ]);

    expect(guilty).toMatchObject({ reason: { code: 'PLG_TIMEOUT' } });
    expect(late).toMatchObject({ reason: { code: 'PLG_TIMEOUT' } });
    expect(other).toMatchObject({ reason: { code: 'PLG_RESTARTED' } });
  });
});

describe('a guest that takes all memory', () => {
  it.each([
    ['objects', 'const all = []; for (;;) all.push({ x: [1, 2, 3] });'],
    ['arrays', 'const all = []; for (;;) all.push(new Array(1e6).fill(1));'],
    ['one array', 'return new Array(1e9).fill(0).length;'],
    ['buffers', 'const all = []; for (;;) all.push(new Uint8Array(1e6).fill(1));'],
    ['one buffer', 'return new ArrayBuffer(2 ** 30).byteLength;'],
    ['a string of strings', 'let s = "ab"; for (;;) s = [s, s].join("");'],
    ['one string', 'return "x".repeat(2 ** 28).length;'],
    ['an answer of 30 MB', 'return "x".repeat(30e6);'],
    ['an error of 60 MB', 'throw new Error("x".repeat(60e6));'],
    ['a chain of prototypes', 'let o = {}; for (;;) o = Object.create(o);'],
    ['callbacks', 'for (;;) waymark.call("host.x", { x: "x".repeat(1e5) });'],
    [
      'what it caught',
      'try { const all = []; for (;;) all.push(new Uint8Array(1e6)); } catch { return "alive"; }',
    ],
  ])('is ended: %s', async (_what, body) => {
    const guest = await attacked(body, ROOMY);

    const answer = await attack(guest);

    expect(answer).toMatchObject({ name: 'WaymarkError', code: 'PLG_OUT_OF_MEMORY' });
    expect(await guest.ended).toEqual({ cause: 'memory', message: 'it needs more than 32 MiB' });
    expect(guest.memoryBytes()).toBeLessThanOrEqual(32 * 1024 * 1024);
  });
});

describe('a guest that says too much', () => {
  it.each([
    ['an answer of more than 4 MiB', 'return "x".repeat(4.2e6);'],
    ['one of fewer characters, but as many bytes', 'return "ä".repeat(2.2e6);'],
    ['one that nests 200 levels', 'let a = 1; for (let i = 0; i < 200; i++) a = [a]; return a;'],
    ['objects as deep', 'let a = 1; for (let i = 0; i < 200; i++) a = { a }; return a;'],
  ])('is refused that answer, and lives: %s', async (_what, body) => {
    const guest = await attacked(body, {});

    expect(await attack(guest)).toMatchObject({ name: 'WaymarkError', code: 'PLG_BAD_RESPONSE' });
    expect(await guest.call('plugin.health', {}, PATIENT)).toBe('alive');
  });

  it('has its error cut short', async () => {
    const guest = await attacked(
      `throw { code: 'c'.repeat(1e6), message: 'm'.repeat(1e6), details: { d: 'd'.repeat(1e6) } };`,
      {},
    );

    expect(await attack(guest)).toMatchObject({
      code: 'c'.repeat(100),
      message: 'm'.repeat(2000),
      details: undefined,
    });
    expect(await guest.call('plugin.health', {}, PATIENT)).toBe('alive');
  });

  it.each([
    ['too long', `waymark.call('host.x', { x: 'x'.repeat(2.2e6) })`],
    [
      'too deep',
      `{ let a = 1; for (let i = 0; i < 200; i++) a = [a]; return waymark.call('host.x', { a }); }`,
    ],
    ['not JSON', `waymark.call('host.x', { a: 1n })`],
  ])('is told that a callback is %s', async (_what, callback) => {
    const seen: string[] = [];
    const body = callback.startsWith('{') ? callback : `return ${callback};`;
    const guest = await attacked(body, {
      async host(name) {
        seen.push(name);
      },
    });

    expect(await attack(guest)).toMatchObject({ code: 'PLG_HANDLER_ERROR' });
    expect(seen).toEqual([]);
    expect(await guest.call('plugin.health', {}, PATIENT)).toBe('alive');
  });

  it('has no more than 16 callbacks under way', async () => {
    let atOnce = 0;
    let most = 0;
    const guest = await attacked(
      `const all = Array.from({ length: 100 }, (_, i) => waymark.call('host.x', { i }));
       return (await Promise.all(all)).length;`,
      {
        async host() {
          most = Math.max(most, ++atOnce);
          await new Promise(setImmediate);
          atOnce -= 1;
        },
      },
    );

    expect(await attack(guest)).toBe(100);
    expect(most).toBe(16);
  });

  it('has no more than 2 Mi characters of them read at once', async () => {
    let atOnce = 0;
    let most = 0;
    const guest = await attacked(
      `const x = 'x'.repeat(1.2e6);
       const all = Array.from({ length: 4 }, () => waymark.call('host.x', { x }));
       return (await Promise.all(all)).length;`,
      {
        async host() {
          most = Math.max(most, ++atOnce);
          await new Promise(setImmediate);
          atOnce -= 1;
        },
      },
    );

    expect(await attack(guest)).toBe(4);
    expect(most).toBe(1);
  });

  it('asks no more than 32 Mi characters in one call', async () => {
    const guest = await attacked(
      `const x = 'x'.repeat(2e6);
       for (let i = 0; i < 17; i++) await waymark.call('host.x', { x });`,
      { ...ROOMY, host: async () => null },
    );

    const message = 'RangeError: more than 33554432 characters in one call';
    expect(await attack(guest)).toMatchObject({ message });
    expect(await guest.call('plugin.health', {}, PATIENT)).toBe('alive');
  });

  it('has no more of them where it breaks the queue that holds the others', async () => {
    let seen = 0;
    const guest = await attacked(
      `const text = JSON.stringify({ id: 1, method: 'host.x', params: {} });
       let left = 1000;
       Array.prototype.shift = () => (left-- > 0 ? { id: 1, text, reject() {} } : undefined);
       waymark.call('host.x');
       await new Promise(() => {});`,
      {
        async host() {
          seen += 1;
        },
        graceMs: 50,
      },
    );

    await attack(guest, IMPATIENT.deadlineMs);

    expect(seen).toBeLessThanOrEqual(16);
  });

  it('sets no more than 1,000 timers', async () => {
    const guest = await attacked('for (;;) setTimeout(() => {}, 1e6);', {});

    expect(await attack(guest)).toMatchObject({ message: 'RangeError: more than 1000 timers' });
    expect(await guest.call('plugin.health', {}, PATIENT)).toBe('alive');
  });
});

describe('a guest that digs deep', () => {
  it.each([
    ['calls', 'const f = () => f() + 1; return f();'],
    ['calls out of native code', 'const f = () => [2, 1].sort(f); return f();'],
    ['calls in conversions', 'const o = { toString: () => `${o}` }; return `${o}`;'],
    ['JSON', 'return JSON.parse("[".repeat(1e6));'],
    ['brackets in a script', 'return eval("[".repeat(1e5));'],
    ['parentheses in a script', 'return eval("(".repeat(1e5));'],
    ['groups in a pattern', 'return new RegExp("(".repeat(1e5) + ")".repeat(1e5)).source.length;'],
    ['arrays joined', 'let a = []; for (let i = 0; i < 1e5; i++) a = [a]; return `${a}`.length;'],
    ['proxies', 'let p = {}; for (let i = 0; i < 5e4; i++) p = new Proxy(p, {}); return p.x;'],
  ])('only throws: %s', async (_what, body) => {
    const guest = await attacked(body, { limits: { cpuSliceMs: 20_000 } });

    expect(await attack(guest)).toMatchObject({ name: 'PluginFault', code: 'PLG_HANDLER_ERROR' });
    expect(await guest.call('plugin.health', {}, PATIENT)).toBe('alive');
  });
});

describe('a guest that wants out', () => {
  it.each([
    ['process', 'return typeof process;', 'undefined'],
    ['require', 'return typeof require;', 'undefined'],
    ['WebAssembly', 'return typeof WebAssembly;', 'undefined'],
    ['Atomics, and with them waiting', 'return typeof Atomics;', 'undefined'],
    [
      'the makers of its functions',
      'return (() => {}).constructor("return typeof process")();',
      'undefined',
    ],
    [
      'those of the host’s',
      'return waymark.call.constructor("return typeof process")();',
      'undefined',
    ],
    [
      'those of the console’s',
      'return console.log.constructor("return typeof process")();',
      'undefined',
    ],
    [
      'another waymark',
      '"use strict"; try { waymark.call = 1; } catch ({ name }) { return name; }',
      'TypeError',
    ],
  ])('finds nothing by %s', async (_what, body, found) => {
    const guest = await attacked(body, {});

    expect(await attack(guest)).toBe(found);
  });

  it.each([
    'node:fs',
    'fs',
    './index.js',
    '/etc/passwd',
    'waymark:start.js',
    'index.js',
    'file:///etc/passwd',
  ])('cannot import %s', async (name) => {
    const guest = await attacked(`await import('${name}');`, {});

    expect(await attack(guest)).toMatchObject({ message: `Error: there is no module ${name}` });
  });

  it('pollutes its own prototypes alone', async () => {
    const guest = await attacked(
      `Object.prototype.polluted = true;
       return JSON.parse('{"__proto__": {"polluted": true}, "constructor": {"prototype": {"polluted": true}}}');`,
      {},
    );

    await attack(guest);

    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    expect(await guest.call('plugin.health', {}, PATIENT)).toBe('alive');
  });

  it('harms itself alone where it breaks what its side of the wire is made of', async () => {
    const guest = await attacked(
      `Map.prototype.get = Map.prototype.set = () => { throw 1; };
       Promise.prototype.then = () => {};
       JSON.parse = JSON.stringify = () => '}';
       return 5;`,
      { graceMs: 50 },
    );

    await attack(guest, IMPATIENT.deadlineMs);
    await Promise.allSettled([guest.call('plugin.health', {}, IMPATIENT)]);

    const next = await attacked('return 6;', {});
    expect(await attack(next)).toBe(6);
  });

  it('leaves no rejection and no throw behind that would end the thread', async () => {
    const guest = await attacked(
      `Promise.reject(new Error('nobody waits'));
       queueMicrotask(() => { throw new Error('nor here'); });
       setTimeout(() => { throw new Error('nor here'); }, 1);
       await new Promise((resolve) => setTimeout(resolve, 5));
       return 'done';`,
      {},
    );

    expect(await attack(guest)).toBe('done');
    expect(await guest.call('plugin.health', {}, PATIENT)).toBe('alive');
  });
});
