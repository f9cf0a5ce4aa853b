import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ask } from '../../support/app.ts';
import { makeClient, type TestClient } from '../../support/client.ts';

const launcher = join(import.meta.dirname, '../../../cli/waymark.mjs');
const examples = join(import.meta.dirname, '../../../examples');

let author: TestClient;
let child: ChildProcess | undefined;

beforeEach(async () => {
  author = await makeClient();
});
afterEach(async () => {
  if (child && child.exitCode === null && child.signalCode === null) {
    child.kill('SIGTERM');
    await once(child, 'close');
  }
  child = undefined;
  await author.remove();
});

/** `waymark plugin …` as a process of its own, and what it says. */
function start(...argv: string[]) {
  const running = spawn(process.execPath, [launcher, 'plugin', ...argv], {
    cwd: author.dir,
    env: {
      ...author.env,
      PATH: process.env['PATH'],
      TMPDIR: author.dir,
      // Of another server, which a plugin that is tried must never meet.
      DATABASE_URL: 'postgres://localhost:1/production',
      WAYMARK_DATA_DIR: '/nowhere',
    },
  });
  child = running;
  let said = '';
  const waiting = new Set<() => void>();
  const hear = (chunk: Buffer) => {
    said += chunk.toString();
    for (const look of waiting) look();
  };
  running.stdout.on('data', hear);
  running.stderr.on('data', hear);
  const ended = once(running, 'close').then(([code]) => code as number | null);

  /** The first match in what it says from here on. */
  function says(pattern: RegExp): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = pattern.exec(said);
        if (!found) return;
        waiting.delete(look);
        said = said.slice(found.index + found[0].length);
        resolve(found);
      };
      waiting.add(look);
      void ended.then(() => reject(new Error(`it ended without ${pattern}:\n${said}`)));
      look();
    });
  }
  return { says, ended, said: () => said, stop: () => running.kill('SIGINT') };
}

describe('waymark plugin dev', () => {
  it('runs the plugin, and again after each save; a version that fails leaves the old one', async () => {
    await author.run('plugin', 'init', 'hello', '--style', 'routes');
    const route = 'hello/api/notes/route.ts';
    const running = start('dev', 'hello');
    const [, url = '', token = ''] = await running.says(
      /hello runs on (\S+)\n.*Bearer (\S+)\n[\s\S]*Ctrl-C stops/,
    );
    const asked = { token, headers: { 'x-waymark-org': 'acme' } };
    const notes = async () => (await ask(`${url}/api/v1/plugin/hello/notes`, asked)).body;
    expect(await notes()).toEqual({ notes: [] });

    await author.write(route, `export const GET = () => Response.json('saved');`);
    await running.says(/reloaded hello 0\.1\.0\n/);
    expect(await notes()).toBe('saved');

    await author.write(route, `import 'node:fs';\nexport const GET = () => 0;`);
    await running.says(/api\/notes\/route\.ts:1:8: the sandbox has no node:fs/);
    expect(await notes()).toBe('saved');

    await author.write(route, `export const GET = () => Response.json('again');`);
    await running.says(/reloaded hello 0\.1\.0\n/);
    expect(await notes()).toBe('again');

    running.stop();
    expect(await running.ended).toBe(0);
    expect((await readdir(author.dir)).filter((name) => name.startsWith('waymark-'))).toEqual([]);
  });

  it('gives hooks an event, and shows what the plugin logs', async () => {
    await author.run('plugin', 'init', 'hello');
    await author.write(
      'approval.json',
      '{"type": "approval.created", "data": {"approvalId": "a-1", "requestedBy": "ada"}}',
    );
    const running = start('dev', 'hello', '--event', 'approval.json');

    await running.says(/info hello: an approval is asked for \{"approvalId":"a-1"\}/);
    await running.says(/approval\.created → org hello: done in \d+ ms/);

    await author.write(
      'approval.json',
      '{"type": "approval.created", "data": {"approvalId": "a-2", "requestedBy": "ada"}}',
    );
    await author.write('hello/README.md', 'Saved.');
    await running.says(/info hello: an approval is asked for \{"approvalId":"a-2"\}/);

    running.stop();
    expect(await running.ended).toBe(0);
  });

  it('takes over another configuration as dev.json is saved, and says why it cannot', async () => {
    await author.run('plugin', 'init', 'hello');
    await author.write(
      'hello/src/plugin.ts',
      `import { definePlugin, reply } from 'waymark/plugin';
       export default definePlugin({
         register: () => ({ Routes: [{ Path: '/plugins/hello/config' }] }),
         handle: (_request, ctx) => reply(ctx.config),
       });`,
    );
    await author.write('hello/dev.json', '{"config": {"color": "red"}}');
    const running = start('dev', 'hello');
    const [, url = '', key = ''] = await running.says(
      /hello runs on (\S+)\n[\s\S]*X-Management-Key: (\S+)\n[\s\S]*Ctrl-C stops/,
    );
    const headers = { 'x-waymark-org': 'acme', 'x-management-key': key };
    const config = async () =>
      (await ask(`${url}/v0/management/plugins/hello/config`, { headers })).body;
    expect(await config()).toEqual({ color: 'red' });

    await author.write('hello/dev.json', '{"config": {"color": "blue"}}');
    await running.says(/reloaded hello/);
    expect(await config()).toEqual({ color: 'blue' });

    // Of which neither goes with what was there before.
    await author.write('hello/dev.json', '{"config": {"size": 7}}');
    const strict = `configSchema: { properties: { size: { type: 'integer' } }, required: ['size'] }, register:`;
    const code = await author.read('hello/src/plugin.ts');
    await author.write('hello/src/plugin.ts', code.replace('register:', strict));
    await expect.poll(config).toEqual({ size: 7 });

    await author.write('hello/dev.json', '{"integrations": {"No Name": {"type": "hello.none"}}}');
    await running.says(/warning: dev\.json: .*\n.*integrations\/No Name\.yaml/);
  });

  it.each([
    ['an event without a type', '{"data": {}}', /has no type, such as "approval\.created"/],
    ['an event that is no JSON', '{', /event\.json: .*JSON/],
  ])('refuses %s: exit 2', async (_, event, message) => {
    await author.run('plugin', 'init', 'hello');
    await author.write('event.json', event);
    const running = start('dev', 'hello', '--event', 'event.json');

    expect(await running.ended).toBe(2);
    expect(running.said()).toMatch(message);
  });
});

describe('waymark plugin test', () => {
  it.each(['integration', 'routes', 'raw'])(
    'runs the tests of a new plugin of style %s: exit 0',
    async (style) => {
      await author.run('plugin', 'init', 'hello', '--style', style);
      const running = start('test', 'hello');

      expect(await running.ended, running.said()).toBe(0);
      expect(running.said()).toMatch(/ℹ fail 0/);
    },
  );

  it.each([
    ['release-notes', 5],
    ['status-page', 3],
  ])('runs the tests of examples/%s: exit 0', async (example, count) => {
    const running = start('test', join(examples, example));

    expect(await running.ended, running.said()).toBe(0);
    expect(running.said()).toMatch(`ℹ pass ${count}\n`);
  });

  it('fails as a test does, with the place in its source', async () => {
    await author.run('plugin', 'init', 'hello', '--style', 'raw');
    await author.write(
      'hello/test/plugin.test.ts',
      `import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plugin } from 'waymark/plugin/testing';
test('is there', async () => {
  assert.equal((await plugin.page('nowhere')).status, 200);
});`,
    );
    const running = start('test', 'hello');

    expect(await running.ended).toBe(1);
    expect(running.said()).toMatch(/404 !== 200/);
    expect(running.said()).toMatch(/hello\/test\/plugin\.test\.ts:5:10/);
  });

  it('finds the types of waymark/plugin again, which npm install removes', async () => {
    await author.run('plugin', 'init', 'hello');
    const link = author.path('hello/node_modules/waymark');
    await rm(link);
    await author.write('hello/test/plugin.test.ts', '');
    const running = start('test', 'hello');

    expect(await running.ended, running.said()).toBe(0);
    expect(await realpath(link)).toBe(await realpath(join(examples, '..')));
  });

  it('refuses a plugin without tests: exit 2', async () => {
    await author.run('plugin', 'init', 'hello');
    await rm(author.path('hello/test'), { recursive: true });

    const { exitCode, stderr } = await author.run('plugin', 'test', 'hello');

    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/has no test\/\*\*\/\*\.test\.ts/);
  });
});
