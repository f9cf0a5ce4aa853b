import { appendFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { quantile } from '../../../bench/sample.ts';
import { type AskOptions, makeSite, type Site } from '../../faults/site.ts';
import { gitOutput, runGit, temporaryFolder } from '../../support/git.ts';
import { packPlugin } from '../../support/plugins.ts';

/** What a route does, and what whoever calls it is answered. */
interface Attack {
  id: string;
  does: string;
  status: number;
  code: string;
  message: RegExp;
}

const attack =
  (status: number, code: string, message: (id: string) => RegExp) =>
  (id: string, does: string): Attack => ({ id, does, status, code, message: message(id) });

/** On the busiest machine a second of processor time takes longer than the deadline. */
const computes = attack(
  504,
  'PLG_TIMEOUT',
  () => /^(it computed for more than 1000 ms at once|api.handle took longer than 10000 ms)$/,
);
const isLate = attack(504, 'PLG_TIMEOUT', () => /^api.handle took longer than 10000 ms$/);
const takesAll = attack(502, 'PLG_OUT_OF_MEMORY', () => /^it needs more than 64 MiB$/);
const saysTooMuch = attack(
  502,
  'PLG_BAD_RESPONSE',
  () => /^the plugin's answer is larger than 4194304 bytes$/,
);
const saysTooDeep = attack(
  502,
  'PLG_BAD_RESPONSE',
  () => /^the plugin's answer nests deeper than 100 levels$/,
);
const fails = attack(500, 'PLG_HANDLER_ERROR', (id) => new RegExp(`^the plugin ${id} failed$`));

const QUICK: Attack[] = [
  computes('loop', 'for (;;);'),
  computes('loop-that-catches', 'for (;;) { try { for (;;); } catch {} }'),
  computes(
    'jobs',
    '(function f() { Promise.resolve().then(f); })(); return new Promise(() => {});',
  ),
  computes('endless-await', 'for (;;) await null;'),
  computes('getter-in-answer', 'return { get Body() { for (;;); } };'),
  computes('to-json-in-answer', 'return { toJSON() { for (;;); } };'),
  computes('getter-in-error', 'throw { get code() { for (;;); } };'),
  computes('pattern', 'return /(a*)*b/.test("a".repeat(100));'),
  takesAll('heap', 'const all = []; for (;;) all.push({ x: [1, 2, 3] });'),
  takesAll('array', 'return new Array(1e9).fill(0).length;'),
  takesAll('buffers', 'const all = []; for (;;) all.push(new Uint8Array(1e6).fill(1));'),
  takesAll('one-buffer', 'return new ArrayBuffer(2 ** 30).byteLength;'),
  takesAll('caught-bomb', 'try { return "x".repeat(2 ** 28); } catch { return {}; }'),
  saysTooMuch('large-answer', 'return { Body: "QUFB".repeat(2 ** 21) };'),
  takesAll('answer-of-30-mb', 'return { Body: "QUFB".repeat(7.5e6) };'),
  saysTooDeep(
    'deep-answer',
    'let a = 1; for (let i = 0; i < 200; i++) a = [a]; return { Body: a };',
  ),
  fails('stack', 'const f = () => f() + 1; return f();'),
  fails('deep-text', 'return JSON.parse("[".repeat(1e6));'),
  fails('huge-error', 'throw new Error("x".repeat(2 ** 24));'),
  fails('null-error', 'throw null;'),
  fails('exit', 'process.exit(1);'),
  fails('kill', 'process.kill(process.ppid, "SIGKILL");'),
  fails('require', 'require("node:child_process").execSync("kill -9 $PPID");'),
  fails('import', 'await import("node:process");'),
  fails('import-of-the-host', 'await import("waymark:start.js");'),
  fails('constructor', 'waymark.call.constructor("return process")().exit(1);'),
  fails('wait', 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);'),
];

/** What no interrupt reaches: these live until their deadline. */
const SLOW: Attack[] = [
  isLate('native-loop', 'return Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1);'),
  isLate('never-settles', 'return new Promise(() => {});'),
];

const FINE_MANIFEST = {
  id: 'fine',
  capabilities: { api_routes: true },
  apiRoutes: [
    { method: 'GET', path: 'do' },
    { method: 'GET', path: 'isPolluted' },
    { method: 'GET', path: 'pollute' },
    { method: 'GET', path: 'proto' },
    { method: 'GET', path: 'words' },
    {
      method: 'POST',
      path: 'checked',
      input: { type: 'object', properties: { name: { type: 'string', pattern: '^(a+)+$' } } },
    },
  ],
};

const FINE = `
  const json = (value) => ({ Body: btoa(JSON.stringify(value)) });
  const endpoints = {
    do: () => ({ Body: btoa('fine') }),
    isPolluted: () => json({ isPolluted: 'isPolluted' in {} }),
    checked: () => json({ isChecked: true }),
    pollute() {
      Object.prototype.isPolluted = true;
      Array.prototype.toJSON = () => 'polluted';
      return { Body: btoa('polluted'), Headers: { 'X-Plugin-Own': 'yes' } };
    },
    proto: () => JSON.parse(
      '{"Body": "e30=", "__proto__": {"StatusCode": 418}, "constructor": {"prototype": {"StatusCode": 418}}}',
    ),
    words() {
      throw { code: 'c'.repeat(1e6), message: 'm'.repeat(1e6), http_status: 422, details: { d: 'd'.repeat(1e6) } };
    },
  };
  export default { 'api.handle': (request) => endpoints[request.Endpoint](request) };
`;

let dir: string;
let site: Site;
let pid: number;

const attacks = [...QUICK, ...SLOW];

beforeAll(async () => {
  dir = await temporaryFolder('waymark-attacks-');
  await packPlugin(dir, { manifest: FINE_MANIFEST, script: FINE });
  await packPlugin(dir, { manifest: { ...FINE_MANIFEST, id: 'other' }, script: FINE });
  for (const { id, does } of attacks) {
    const apiRoutes = [{ method: 'GET', path: 'do' }];
    const manifest = { id, capabilities: { api_routes: true }, apiRoutes };
    await packPlugin(dir, { manifest, methods: `{ 'api.handle': async () => { ${does} } }` });
  }
  // One whose schema has a pattern that only a backtracking engine could run.
  const configSchema = { type: 'object', properties: { name: { pattern: '^(?=a)(a+)+$' } } };
  await packPlugin(dir, {
    manifest: { ...FINE_MANIFEST, id: 'look-ahead', configSchema },
    script: FINE,
  });
  site = await makeSite();
  const env = { WAYMARK_PLUGINS_DIR: dir, WAYMARK_PLUGINS_ALLOW_UNSIGNED: '1' };
  ({ pid } = await site.serve('', env));
  const tree = await site.clone();
  const ids = ['fine', 'other', 'look-ahead', ...attacks.map(({ id }) => id)];
  await appendFile(join(tree, 'registry.yaml'), ids.map((id) => `    ${id}: {}\n`).join(''));
  await runGit(tree, ['commit', '-qam', 'Enable them']);
  await gitOutput(tree, ['push', site.gitUrl(), 'HEAD:main']);
});

afterAll(async () => {
  await site?.remove();
  await rm(dir, { recursive: true, force: true });
});

const call = (path: string, options?: AskOptions) => site.ask(`/api/v1/plugin/${path}`, options);

async function outcomeOf(answer: Response) {
  const { meta: _, ...body } = (await answer.json()) as Record<string, unknown>;
  return { status: answer.status, by: answer.headers.get('x-waymark-error'), body };
}

interface Beside<T> {
  answer: T;
  /** How many others were answered before it was. */
  others: number;
}

/** Meanwhile another plugin's route and what no plugin has a part in are asked for, again and again. */
async function beside<T>(asking: Promise<T>, { annotate }: TestContext): Promise<Beside<T>> {
  let isOver = false;
  const asked = asking.finally(() => {
    isOver = true;
  });
  const latencies: number[] = [];
  let others = 0;
  const askOthers = async () => {
    while (!isOver) {
      for (const path of ['/api/v1/plugin/fine/do', '/api/v1/change-requests']) {
        const askedAtMs = performance.now();
        const { status } = await site.ask(path);
        expect(status).toBe(200);
        latencies.push(performance.now() - askedAtMs);
        if (!isOver) others += 1;
      }
    }
  };
  const [answer] = await Promise.all([asked, askOthers()]);
  const ms = ([0.5, 0.99] as const).map((q) => quantile(latencies, q).toFixed(1));
  await annotate(`${latencies.length} others meanwhile: p50 ${ms[0]} ms, p99 ${ms[1]} ms`);
  return { answer, others };
}

/** Signal 0 only asks whether there is such a process. */
const isAlive = () => process.kill(pid, 0);

const refusal = ({ status, code, message }: Attack) => ({
  status,
  by: code,
  body: { success: false, error: expect.stringMatching(message), code },
});

describe('an attack by a route', () => {
  it.for(QUICK)('$id is answered $status, $code', async (one, context) => {
    const { answer } = await beside(call(`${one.id}/do`), context);

    expect(await outcomeOf(answer)).toEqual(refusal(one));
    expect(isAlive()).toBe(true);
  });

  describe('that looks at no clock', { concurrent: true }, () => {
    it.for(SLOW)('$id is answered $status, $code', async (one, context) => {
      const { answer, others } = await beside(call(`${one.id}/do`), context);

      context.expect(await outcomeOf(answer)).toEqual(refusal(one));
      context.expect(others).toBeGreaterThan(10);
      context.expect(isAlive()).toBe(true);
    });
  });
});

describe('an attack that is answered as any route is', () => {
  it('pollutes the prototypes of nobody else', async (context) => {
    const { answer } = await beside(call('fine/pollute'), context);
    const after = await call('other/isPolluted');

    expect(await answer.text()).toBe('polluted');
    expect(answer.headers.get('x-plugin-own')).toBe('yes');
    expect(await after.json()).toEqual({ isPolluted: false });
  });

  it('sets no field by the name of a prototype', async (context) => {
    const { answer } = await beside(call('other/proto'), context);

    expect([answer.status, await answer.text()]).toEqual([200, '{}']);
  });

  it('has its own words cut short', async (context) => {
    const { answer } = await beside(call('fine/words'), context);

    expect(answer.status).toBe(422);
    expect(await answer.json()).toEqual({ error: 'm'.repeat(2000) });
  });
});

describe('an attack by what is sent to a plugin', () => {
  const send = (body: string) =>
    fetch(`${site.server.url}/api/v1/plugin/fine/checked`, {
      method: 'POST',
      headers: { authorization: `Bearer ${site.adminKey}`, 'x-waymark-org': 'acme' },
      body,
    });

  it.for([
    ['an input that a backtracking engine would ponder', { name: `${'a'.repeat(50_000)}!` }],
    ['one that suits', { name: 'a'.repeat(50_000) }],
  ] as const)('by a pattern of its schema: %s', async ([what, input], context) => {
    const { answer } = await beside(send(JSON.stringify(input)), context);

    const suits = what === 'one that suits';
    expect(answer.status).toBe(suits ? 200 : 400);
    expect(await answer.json()).toMatchObject(
      suits
        ? { isChecked: true }
        : { code: 'VAL_FAILED', details: { errors: [{ field: '/name' }] } },
    );
  });

  it.for([
    ['that never closes', '['.repeat(500_000), 'VAL_JSON'],
    ['that does', `${'['.repeat(500_000)}${']'.repeat(500_000)}`, 'VAL_FAILED'],
  ] as const)('by deep JSON %s', async ([_what, body, code], context) => {
    const { answer } = await beside(send(body), context);

    expect(await outcomeOf(answer)).toMatchObject({ status: 400, by: code });
  });
});

describe('a schema whose pattern only backtracking can match', () => {
  it('is refused, and why is said', async (context) => {
    const { answer } = await beside(call('look-ahead/do'), context);

    expect(await outcomeOf(answer)).toMatchObject({
      status: 422,
      by: 'PLG_MANIFEST',
      body: { error: expect.stringMatching(/^the plugin's schema cannot be used: .*`\(\?=`/) },
    });
  });
});
