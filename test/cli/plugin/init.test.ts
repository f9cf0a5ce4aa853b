import { execFile } from 'node:child_process';
import { rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeClient, type TestClient } from '../../support/client.ts';

const root = join(import.meta.dirname, '../../..');
const run = promisify(execFile);

describe('waymark plugin init', () => {
  let author: TestClient;
  beforeEach(async () => {
    author = await makeClient();
  });
  afterEach(() => author.remove());

  it.each(['integration', 'routes', 'raw'])(
    'makes a plugin of style %s, which packs, and whose types hold',
    async (style) => {
      const made = await author.run('plugin', 'init', 'hello-there', '--style', style);
      const packed = await author.run('plugin', 'pack', 'hello-there', '--dir', 'packed');

      expect(made.stdout).toBe(
        'made the plugin hello-there in hello-there\nnext: cd hello-there && waymark plugin dev\n',
      );
      expect(packed.exitCode, packed.stderr).toBe(0);
      expect(JSON.parse(await author.read('packed/plugin.json'))).toMatchObject({
        id: 'hello-there',
        displayName: 'Hello there',
      });
      // As after `npm install`.
      const modules = author.path('hello-there/node_modules');
      await rm(modules, { recursive: true });
      await symlink(join(root, 'node_modules'), modules);
      const config = join(author.path('hello-there'), 'tsconfig.json');
      const paths = JSON.parse(await author.read('hello-there/tsconfig.json'));
      paths.compilerOptions.paths = {
        'waymark/plugin': [join(root, 'src/plugin-sdk/plugin.ts')],
        'waymark/plugin/testing': [join(root, 'src/plugin-sdk/testing.ts')],
      };
      await author.write('hello-there/tsconfig.json', JSON.stringify(paths));
      const tsc = run(process.execPath, [join(root, 'node_modules/.bin/tsc'), '-p', config]);
      await expect(tsc).resolves.toMatchObject({ stdout: '' });
    },
  );

  it('leaves no placeholder', async () => {
    await author.run('plugin', 'init', 'hello', '--style', 'routes');

    await rm(author.path('hello/node_modules'), { recursive: true });
    expect(JSON.stringify(await author.files('hello'))).not.toMatch(/plugin[- ]name/i);
  });

  it('takes an id that is not the folder’s name', async () => {
    await author.run('plugin', 'init', 'a', '--id', 'hello');

    expect(await author.read('a/plugin.json')).toMatch('"id": "hello"');
  });

  it.each([
    ['a folder with something in it', ['.', '--id', 'hello'], /is not empty: it has notes\.txt/],
    ['what is no id', ['Hello'], /Hello is no id: give one with --id/],
    ['a style that there is not', ['hello', '--style', 'class'], /class/],
  ])('refuses %s: exit 2', async (_, argv, message) => {
    await author.write('notes.txt', '');

    const { exitCode, stderr } = await author.run('plugin', 'init', ...argv);

    expect(exitCode).toBe(2);
    expect(stderr).toMatch(message);
  });
});
