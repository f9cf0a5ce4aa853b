import { createHmac } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { getPriority } from 'node:os';
import { describe, expect, it } from 'vitest';
import type { PluginRuntime } from '../../../src/plugin-host/runtime/runtime.ts';
import { createSandboxes } from '../../../src/plugin-host/runtime/sandbox.ts';
import { inSandbox, PATIENT, startScript } from '../../support/guests.ts';

const { start } = createSandboxes({ graceMs: 100 });

describe('loading a script', () => {
  it.each([
    ['that is none', 'export default (', /SyntaxError/],
    ['that throws', 'throw new RangeError("no config");', /RangeError: no config/],
    ['that throws null', 'throw null;', /null/],
    ['that exports nothing', 'const a = 1;', /no table of methods/],
    ['that exports null', 'export default null;', /no table of methods/],
    ['that imports', 'import "node:fs"; export default {};', /there is no module node:fs/],
    ['that says much', 'throw new Error("x".repeat(1e6));', /^.{100,2000}$/],
  ])('fails for one %s', async (_what, script, message) => {
    const started = startScript(start, script);

    await expect(started).rejects.toMatchObject({
      name: 'WaymarkError',
      code: 'PLG_FAILED',
      message: expect.stringMatching(message),
    });
  });

  it.each([
    ['loops', 'for (;;);', { loadMs: 200 }],
    ['does so in native code', '[].indexOf.call({ length: 2 ** 53 - 1 }, 1);', { loadMs: 200 }],
    ['waits for what never comes', 'await new Promise(() => {});', { loadMs: 200 }],
    ['takes all memory', 'const a = []; for (;;) a.push(new Uint8Array(1e6));', { memoryMb: 32 }],
  ])('ends one that %s', async (_what, body, limits) => {
    const started = startScript(start, `${body}; export default {};`, { limits });

    await expect(started).rejects.toMatchObject({ name: 'WaymarkError', code: 'PLG_FAILED' });
  });

  it('has its own limit, which is not the slice of a call', async () => {
    const until = Date.now() + 100;
    const script = `while (Date.now() < ${until}); export default { 'plugin.health': () => 'up' };`;

    const guest = await startScript(start, script, { limits: { cpuSliceMs: 50 } });

    expect(await guest.call('plugin.health', {}, PATIENT)).toBe('up');
  });

  it('waits for what the script awaits', async () => {
    const guest = await startScript(
      start,
      `const { promise, resolve } = Promise.withResolvers(); setTimeout(resolve, 5, 'ready');
       const state = await promise; export default { 'plugin.health': () => state };`,
    );

    expect(await guest.call('plugin.health', {}, PATIENT)).toBe('ready');
  });

  it('takes no script above the limit', async () => {
    const started = startScript(start, `/*${'x'.repeat(200)}*/`, { limits: { scriptBytes: 100 } });

    await expect(started).rejects.toMatchObject({
      code: 'PLG_FAILED',
      message: 'the script is larger than 100 bytes',
    });
  });

  it('gives the modules that it was made with, and their importers no more', async () => {
    const { start: startWith } = createSandboxes({
      imports: { 'waymark/plugin': 'export const define = (table) => table;' },
    });
    const script = `import { define } from 'waymark/plugin';
      export default define({ 'plugin.health': () => import('waymark/other') });`;

    const guest = await startScript(startWith, script);

    await expect(guest.call('plugin.health', {}, PATIENT)).rejects.toMatchObject({
      message: 'Error: there is no module waymark/other',
    });
  });
});

describe('between calls', () => {
  it('no timer runs, and with the next call those that are due do', async () => {
    const log: string[] = [];
    let told: () => void;
    const guest = await inSandbox(
      `{
        'hook.handle': () => { setTimeout(() => console.log('timer'), 1); },
        'plugin.health': () => waymark.call('host.wait'),
      }`,
      {
        async host(name) {
          log.push(name);
          if (name === 'host.log') told();
          else await new Promise<void>((resolve) => (told = resolve));
        },
      },
    );
    const bystander = await inSandbox(
      `{ 'tool.call': () => new Promise((resolve) => setTimeout(resolve, 50)) }`,
    );

    await guest.call('hook.handle', {}, PATIENT);
    await bystander.call('tool.call', {}, PATIENT);
    const before = [...log];
    await guest.call('plugin.health', {}, PATIENT);

    expect(before).toEqual([]);
    expect(log).toContain('host.log');
  });

  it('state stays, until the guest goes', async () => {
    const methods = `(() => { let n = 0; return { 'tool.call': () => ++n }; })()`;
    const guest = await inSandbox(methods);
    const other = await inSandbox(methods);

    const counted = [];
    for (const one of [guest, guest, other]) counted.push(await one.call('tool.call', {}, PATIENT));

    expect(counted).toEqual([1, 2, 1]);
  });
});

describe('host.crypto.hmac with a secret', () => {
  const signs = `{
    'tool.call': ({ key }) => {
      try { return waymark.callSync('host.crypto.hmac', { key, data: 'body' }); }
      catch ({ code }) { return code; }
    },
  }`;

  it('is answered by the host, which alone knows the secret', async () => {
    const guest = await inSandbox(signs, {
      async host(_name, { key, data, host_callback_id: call }) {
        const secret = String(key).replace('secret:token', 'hush');
        return { digest: createHmac('sha256', secret).update(String(data)).digest('hex'), call };
      },
    });

    const params = { key: 'secret:token', host_callback_id: 'one' };
    const answer = await guest.call('tool.call', params, PATIENT);

    const digest = createHmac('sha256', 'hush').update('body').digest('hex');
    expect(answer).toEqual({ digest, call: 'one' });
  });

  it('tells the guest that it was refused', async () => {
    const { WaymarkError } = await import('../../../src/model/errors.ts');
    const guest = await inSandbox(signs, {
      async host() {
        throw new WaymarkError('PLG_CALLBACK_REFUSED', 'no such call');
      },
    });

    expect(await guest.call('tool.call', { key: 'secret:token' }, PATIENT)).toBe(
      'PLG_CALLBACK_REFUSED',
    );
  });

  it('asks nobody for any other key', async () => {
    const asked: string[] = [];
    const guest = await inSandbox(signs, {
      async host(name) {
        asked.push(name);
      },
    });

    await guest.call('tool.call', { key: 'plain' }, PATIENT);

    expect(asked).toEqual([]);
  });
});

describe('memoryBytes', () => {
  it('grows with the guest, and is its own', async () => {
    const methods = `(() => { const kept = []; return {
      'tool.call': ({ bytes }) => { kept.push(new Uint8Array(bytes).fill(1)); } }; })()`;
    const guest: PluginRuntime = await inSandbox(methods);
    const other: PluginRuntime = await inSandbox(methods);
    const megabyte = 1024 * 1024;

    await guest.call('tool.call', { bytes: 30 * megabyte }, PATIENT);

    expect(guest.memoryBytes()).toBeGreaterThan(30 * megabyte);
    expect(guest.memoryBytes()).toBeLessThanOrEqual(64 * megabyte);
    expect(other.memoryBytes()).toBeLessThan(30 * megabyte);
  });
});

describe.runIf(process.platform === 'linux')('a guest that computes at length', () => {
  /** Threads of this process that let others go first. */
  async function politeThreads(): Promise<number> {
    const threads = await readdir('/proc/self/task');
    const stats = threads.map((id) => readFile(`/proc/self/task/${id}/stat`, 'utf8'));
    const settled = await Promise.allSettled(stats);
    const texts = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    const nice = String(Math.min(getPriority() + 10, 19));
    // The 19th field; the second may hold spaces.
    return texts.filter((text) => text.split(') ')[1]?.split(' ')[16] === nice).length;
  }

  // Where all have the least priority already, nobody can be told apart.
  const isTold = getPriority() < 19;

  it.runIf(isTold)('lets others go first from then on, with its own thread alone', async () => {
    const guest = await inSandbox(
      `{
        'plugin.health': () => 'short',
        'tool.call': () => { let i = 0; while (i < 2e7) i += 1; return 'long'; },
      }`,
      { limits: { cpuSliceMs: 30_000 } },
    );

    expect(await guest.call('plugin.health', {}, PATIENT)).toBe('short');
    const before = await politeThreads();
    expect(await guest.call('tool.call', {}, PATIENT)).toBe('long');

    expect(await politeThreads()).toBe(before + 1);
  });
});
