import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createProcesses } from '../../../src/plugin-host/runtime/process.ts';
import type { PluginRuntime } from '../../../src/plugin-host/runtime/runtime.ts';
import { type GuestOptions, IMPATIENT, PATIENT, startScript } from '../../support/guests.ts';

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'waymark-process-'));
});
afterEach(() => rm(dir, { recursive: true }));

const { start } = createProcesses({ graceMs: 100, limitMb: 256, pollMs: 10 });

const running = (body: string, options: GuestOptions = {}): Promise<PluginRuntime> =>
  startScript(
    start,
    `import fs from 'node:fs';
     export default { 'tool.call': async () => { ${body} }, 'plugin.health': () => 'alive' };`,
    options,
    dir,
  );

const run = async (body: string, options: GuestOptions = {}) =>
  (await running(body, options)).call('tool.call', {}, PATIENT);

describe('a plugin’s process', () => {
  it('reads its own folder', async () => {
    await writeFile(join(dir, 'table.txt'), 'of its own');

    expect(await run(`return fs.readFileSync('table.txt', 'utf8');`)).toBe('of its own');
  });

  it('runs what was checked, not what lies there', async () => {
    await writeFile(join(dir, 'index.js'), `export default { 'tool.call': () => 'changed' };`);

    expect(await run(`return 'checked';`)).toBe('checked');
  });

  it('imports the files beside its script', async () => {
    await writeFile(join(dir, 'other.mjs'), `export const found = 'beside';`);

    expect(await run(`return (await import('./other.mjs')).found;`)).toBe('beside');
  });

  it.each([
    ['another file', `fs.readFileSync('/etc/passwd');`],
    ['the folder above', `fs.readdirSync('..');`],
    ['a place to write', `fs.writeFileSync('x', 'y');`],
    ['a child', `(await import('node:child_process')).execSync('id');`],
    ['a thread', `new (await import('node:worker_threads')).Worker('1', { eval: true });`],
    ['a debugger', `(await import('node:inspector')).open(0);`],
  ])('is refused %s', async (_what, body) => {
    const guest = await running(body);

    await expect(guest.call('tool.call', {}, PATIENT)).rejects.toMatchObject({
      name: 'PluginFault',
      code: 'ERR_ACCESS_DENIED',
    });
    expect(await guest.call('plugin.health', {}, PATIENT)).toBe('alive');
    expect(await readdir(dir)).toEqual([]);
  });

  it('has no environment, and nothing that reaches other processes', async () => {
    const names = `['kill', '_kill', 'binding', '_linkedBinding', 'dlopen', '_debugProcess', 'setuid']`;

    expect(await run('return process.env;')).toEqual({});
    expect(await run(`return ${names}.filter((name) => process[name] !== undefined);`)).toEqual([]);
    expect(await run(`delete process.kill; process.kill = 1; return 1;`).catch(codeOf)).toBe(
      'PLG_HANDLER_ERROR',
    );
    expect(await run(`return (await import('node:os')).setPriority;`)).toBeNull();
    const load = `(await import('node:module')).createRequire(import.meta.url)('./x.node');`;
    await writeFile(join(dir, 'x.node'), '');
    expect(await run(load).catch((error: Error) => error.message)).toMatch(/dlopen is not/);
  });

  it('asks the host by fetch, and writes its log by the console', async () => {
    const asked: string[] = [];
    const host = async (name: string, { message }: { message?: string }) => {
      asked.push(message === undefined ? name : `${name} ${message}`);
      return { status: 200, headers: {}, body: Buffer.from('hi').toString('base64') };
    };

    const text = await run(
      `console.log('line'); return (await fetch('https://a.example')).text();`,
      { host },
    );

    expect(text).toBe('hi');
    expect(asked).toEqual(['host.log line', 'host.http.do']);
  });

  it('outlives what is thrown where nobody waits', async () => {
    expect(
      await run(
        `setTimeout(() => { throw new Error('late'); }, 1); Promise.reject(new Error('lost'));
         await new Promise((resolve) => setTimeout(resolve, 20)); return 'alive';`,
      ),
    ).toBe('alive');
  });
});

describe('a process that goes', () => {
  it.each([
    ['by exit', 'process.exit(0);'],
    ['by abort', 'process.abort();'],
  ])('%s answers its only call, which is at fault', async (_what, body) => {
    const guest = await running(body);

    await expect(guest.call('tool.call', {}, PATIENT)).rejects.toMatchObject({
      code: 'PLG_HANDLER_ERROR',
      message: 'the plugin crashed',
    });
    expect(await guest.ended).toMatchObject({ cause: 'crash' });
  });

  it('blames none of several calls', async () => {
    const guest = await running(`await waymark.call('host.x'); process.exit(1);`);

    const calls = await Promise.allSettled([1, 2].map(() => guest.call('tool.call', {}, PATIENT)));

    expect(calls).toMatchObject([
      { reason: { code: 'PLG_RESTARTED' } },
      { reason: { code: 'PLG_RESTARTED' } },
    ]);
  });

  it('is killed where it loops', async () => {
    const guest = await running('for (;;);');

    await expect(guest.call('tool.call', {}, IMPATIENT)).rejects.toMatchObject({
      code: 'PLG_TIMEOUT',
    });
    expect(await guest.ended).toMatchObject({ cause: 'timeout' });
  });

  it('is killed where it takes too much memory', async () => {
    const guest = await running(
      `const all = []; for (;;) {
         all.push(new Uint8Array(1e7).fill(1)); await new Promise((resolve) => setTimeout(resolve, 1));
       }`,
    );

    await expect(guest.call('tool.call', {}, PATIENT)).rejects.toMatchObject({
      code: 'PLG_OUT_OF_MEMORY',
    });
    expect(await guest.ended).toEqual({ cause: 'memory', message: 'it needs more than 256 MiB' });
    expect(guest.memoryBytes()).toBeGreaterThan(256 * 1024 * 1024);
  });

  it('is killed where it does so between calls', async () => {
    const guest = await running(
      `const all = [];
       const take = () => { all.push(new Uint8Array(1e7).fill(1)); setTimeout(take, 1); };
       take();
       return 'done';`,
    );

    expect(await guest.call('tool.call', {}, PATIENT)).toBe('done');

    expect(await guest.ended).toMatchObject({ cause: 'memory' });
  });
});

describe('a process that says what it should not', () => {
  it.each([
    ['too long an answer', `return 'x'.repeat(4.2e6);`],
    ['too deep an answer', 'let a = 1; for (let i = 0; i < 200; i++) a = [a]; return a;'],
  ])('%s: only that is refused', async (_what, body) => {
    const guest = await running(body);

    await expect(guest.call('tool.call', {}, PATIENT)).rejects.toMatchObject({
      name: 'WaymarkError',
      code: 'PLG_BAD_RESPONSE',
    });
    expect(await guest.call('plugin.health', {}, PATIENT)).toBe('alive');
  });

  it.each([
    ['a length without end', '[255, 255, 255, 255]'],
    ['what is no JSON', '[0, 0, 0, 1, 0x78]'],
    ['what is no message', '[0, 0, 0, 2, 0x5b, 0x5d]'],
    ['null', '[0, 0, 0, 4, 0x6e, 0x75, 0x6c, 0x6c]'],
    ['brackets', `[0, 0, 4, 0, ...Array(1024).fill(0x5b)]`],
  ])('behind its side’s back, it is ended: %s', async (_what, bytes) => {
    const guest = await running(
      `fs.writeSync(4, Buffer.from(${bytes})); return new Promise(() => {});`,
    );

    await expect(guest.call('tool.call', {}, PATIENT)).rejects.toMatchObject({
      code: 'PLG_BAD_RESPONSE',
    });
    expect(await guest.ended).toMatchObject({ cause: 'bad-answer' });
  });

  it('is ended where it asks for more than its side would let it', async () => {
    let seen = 0;
    const guest = await running(
      `const text = JSON.stringify({ id: 1, method: 'host.x', params: {} });
       const frame = Buffer.concat([Buffer.from([0, 0, 0, text.length]), Buffer.from(text)]);
       for (let i = 0; i < 100; i++) fs.writeSync(4, frame);
       return new Promise(() => {});`,
      {
        host: () => {
          seen += 1;
          return new Promise(() => {});
        },
      },
    );

    await expect(guest.call('tool.call', {}, PATIENT)).rejects.toMatchObject({
      code: 'PLG_BAD_RESPONSE',
    });
    expect(await guest.ended).toMatchObject({ message: 'it has more than 16 callbacks at once' });
    expect(seen).toBe(16);
  });

  it('while it loads, it is not loaded', async () => {
    const script = `import fs from 'node:fs';
      fs.writeSync(4, Buffer.from([0, 0, 0, 1, 0x78])); export default {};`;

    await expect(startScript(start, script, {}, dir)).rejects.toMatchObject({ code: 'PLG_FAILED' });
  });
});

describe('loading', () => {
  it.each([
    ['is none', 'export default (', /SyntaxError/],
    ['throws', 'throw new Error("no config");', /no config/],
    ['has no table', 'export default 5;', /no table of methods/],
    ['exits', 'process.exit(3);', /exited with 3/],
  ])('fails for a script that %s', async (_what, script, message) => {
    await expect(startScript(start, script, {}, dir)).rejects.toMatchObject({
      code: 'PLG_FAILED',
      message: expect.stringMatching(message),
    });
  });

  it('ends a script that takes too much memory', async () => {
    const script = `const all = []; for (;;) all.push(new Uint8Array(1e7).fill(1));`;

    await expect(startScript(start, script, {}, dir)).rejects.toMatchObject({
      code: 'PLG_FAILED',
      message: expect.stringMatching(/needs more than 256 MiB/),
    });
  });

  it('ends a script that never does', async () => {
    const started = startScript(start, 'for (;;);', { limits: { loadMs: 100 } }, dir);

    await expect(started).rejects.toMatchObject({ code: 'PLG_FAILED' });
  });
});

const codeOf = ({ code }: { code: string }) => code;
