import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeClient, type TestClient } from '../support/client.ts';

const run = promisify(execFile);
const launcher = new URL('../../cli/waymark.mjs', import.meta.url).pathname;

let client: TestClient;
beforeAll(async () => {
  client = await makeClient();
});
afterAll(() => client.remove());

const commandsIn = (help: string): string[] => {
  const [, section = ''] = /^COMMANDS\n([\s\S]*?)\n\n/m.exec(`${help}\n\n`) ?? [];
  const names = [...section.matchAll(/^ {4}([a-z]+)/gm)].map(([, name]) => name ?? '');
  return names.filter((name) => name !== 'help');
};

/** Every command line that has a help page. */
async function helpPages(path: string[] = []): Promise<[path: string, page: string][]> {
  const { stdout } = await client.run(...path, '--help');
  const below = await Promise.all(commandsIn(stdout).map((name) => helpPages([...path, name])));
  return [[path.join(' '), stdout], ...below.flat()];
}

describe('waymark --help', () => {
  it('lists the commands', async () => {
    const { exitCode, stdout } = await client.run('--help');

    expect(exitCode).toBe(0);
    expect(commandsIn(stdout)).toEqual(
      expect.arrayContaining([
        'serve',
        'init',
        'validate',
        'enrol',
        'add',
        'sync',
        'import',
        'keys',
      ]),
    );
  });

  it('does not name a server to what needs none', async () => {
    const { stdout } = await client.run('plugin', 'pack', '--help');

    expect(stdout).toMatch(/--json/);
    expect(stdout).not.toMatch(/--url|--token|WAYMARK_URL/);
  });

  it('is a whole manual page for every command', async () => {
    const pages = await helpPages();

    expect(pages.length).toBeGreaterThan(25);
    for (const [path, page] of pages) {
      for (const section of [
        'NAME',
        'SYNOPSIS',
        'DESCRIPTION',
        'OPTIONS',
        'EXAMPLES',
        'EXIT STATUS',
        'ENVIRONMENT',
      ]) {
        expect(page, `waymark ${path} --help`).toMatch(new RegExp(`^${section}\\n {4}\\S`, 'm'));
      }
    }
  });

  it('fits a terminal', async () => {
    const pages = await helpPages();

    const isCommand = (line: string): boolean => /^ {4}(waymark|WAYMARK|git|#)/.test(line);
    const long = pages.flatMap(([, page]) => page.split('\n').filter((line) => line.length > 80));
    expect(long.filter((line) => !isCommand(line))).toEqual([]);
  });
});

describe('waymark', () => {
  it.each([['nonsense'], ['sync', '--nonsense'], ['add'], ['sync', '--target', 'emacs']])(
    'answers %s %s with what is wrong: exit 2',
    async (...argv) => {
      const { exitCode, stderr } = await client.run(...argv);

      expect(exitCode).toBe(2);
      expect(stderr).toMatch(/^error: /);
    },
  );

  it('suggests the command that was meant', async () => {
    expect((await client.run('snyc')).stderr).toContain('Did you mean sync?');
  });

  it('refuses a failpoint that there is not, so that a test cannot pass by a slip', async () => {
    client.env['WAYMARK_FAILPOINTS'] = 'sync.nowhere=kill';

    const { exitCode, stderr } = await client.run('status');
    delete client.env['WAYMARK_FAILPOINTS'];

    expect(exitCode).toBe(1);
    expect(stderr).toContain('no failpoint is named sync.nowhere');
  });
});

describe('cli/waymark.mjs', () => {
  it('runs from anywhere', async () => {
    const { stdout } = await run(process.execPath, [launcher, '--version'], { cwd: tmpdir() });

    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it('ends quietly when its reader has seen enough', async () => {
    const head = run('sh', ['-c', `"${process.execPath}" "${launcher}" help sync | true`]);

    expect(await head).toEqual({ stdout: '', stderr: '' });
  });

  it('passes the exit code on', async () => {
    const failed = run(process.execPath, [launcher, 'nonsense'], { cwd: tmpdir() });

    await expect(failed).rejects.toMatchObject({ code: 2 });
  });
});
