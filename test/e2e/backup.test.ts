import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TestClient } from '../support/client.ts';
import { runGit, temporaryFolder } from '../support/git.ts';
import { type RunningServer, startServer } from '../support/server.ts';
import { openSite, push, type Site, succeed } from '../support/site.ts';
import { smallRegistry } from '../support/small-registry.ts';

const NEWS = 'plugins/sales/skills/brief/SKILL.md';
const waymark = join(import.meta.dirname, '../../cli/waymark.mjs');

/** One story, told in order: a machine is lost, and the site goes on on another. */
describe('a site that is moved to another machine', () => {
  let folder: string;
  let site: Site;
  let restored: RunningServer | undefined;
  let publisher: TestClient;
  let publisherToken: string;
  let laptop: TestClient;
  let tree: string;
  let port: string;

  const dataDir = () => join(folder, 'data');
  const archive = () => site.admin.path('site.tar.gz');
  const phrase = () => join(folder, 'phrase.txt');

  /** `waymark restore` as an operator runs it. */
  function restore(...args: string[]): Promise<{ exitCode: number; said: string }> {
    const env = { PATH: process.env['PATH'], HOME: folder };
    return new Promise((resolve) => {
      const done = (error: unknown, stdout: string, stderr: string) =>
        resolve({
          exitCode: Number((error as { code?: number } | null)?.code ?? 0),
          said: stdout + stderr,
        });
      execFile(process.execPath, [waymark, 'restore', ...args], { env }, done);
    });
  }

  beforeAll(async () => {
    folder = await temporaryFolder('waymark-moved-');
    await writeFile(phrase(), 'correct horse battery staple\n');
    site = await openSite({ isEmpty: true });
    port = new URL(site.server.url).port;
    publisherToken = await site.keyOf('--role', 'publisher', '--user', 'pat@example.com');
    publisher = await site.person(publisherToken);
    tree = publisher.path('registry');
    await mkdir(tree);
    await runGit(tree, ['init', '-q', '-b', 'main']);
    await runGit(tree, ['remote', 'add', 'origin', site.gitUrl(publisherToken)]);
    await push(tree, smallRegistry);
    await succeed(publisher, 'release', 'publish', 'sales@1.0.0', 'ops@1.0.0');
    laptop = await site.person(await site.keyOf('--role', 'editor', '--user', 'ada@example.com'));
    await succeed(laptop, 'enrol', '--name', 'laptop', '--channel', 'stable');
    await succeed(laptop, 'add', 'sales');
    await succeed(site.admin, 'audit', 'checkpoint', '--out', 'kept.json');
  });

  afterAll(async () => {
    await restored?.stop();
    await site.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('waymark backup writes one file, for its owner alone', async () => {
    const flags = ['--with-master-key', '--passphrase-file', phrase()];

    const { stdout } = await succeed(site.admin, 'backup', 'site.tar.gz', ...flags);

    expect(stdout).toMatch(/^wrote site.tar.gz \(\d+\.\d KiB\)\n$/);
    expect((await stat(archive())).mode & 0o777).toBe(0o600);
  });

  it('waymark backup overwrites nothing, and is for site administrators', async () => {
    expect((await site.admin.run('backup', 'site.tar.gz')).exitCode).toBe(2);
    expect((await site.admin.run('backup', 'x', '--with-master-key')).exitCode).toBe(2);
    const refused = await publisher.run('backup', 'site.tar.gz');
    expect([refused.exitCode, refused.stderr]).toEqual([
      1,
      expect.stringContaining('sites:manage'),
    ]);
    expect(await readdir(publisher.dir)).toEqual(['registry']);
  });

  it('waymark restore refuses a damaged one, and writes nothing', async () => {
    const damaged = join(folder, 'damaged.tar.gz');
    await writeFile(damaged, (await readFile(archive())).subarray(0, -500));

    const { exitCode, said } = await restore(damaged, '--data-dir', dataDir());

    expect([exitCode, said]).toEqual([4, expect.stringMatching(/^waymark: .*no whole backup/)]);
    expect(await readdir(dataDir())).toEqual([]);
  });

  it('waymark restore needs the passphrase', async () => {
    const { exitCode, said } = await restore(archive(), '--data-dir', dataDir());

    expect([exitCode, said]).toEqual([2, expect.stringContaining('--passphrase-file')]);
    expect(await readdir(dataDir())).toEqual([]);
  });

  it('waymark restore makes a data directory', async () => {
    const flags = ['--data-dir', dataDir(), '--passphrase-file', phrase()];

    const { exitCode, said } = await restore(archive(), ...flags);

    expect([exitCode, said]).toEqual([
      0,
      expect.stringMatching(/^restored 1 organisations as of /),
    ]);
    expect((await readdir(dataDir())).sort()).toEqual([
      'artifacts',
      'git',
      'master-key',
      'waymark.db',
    ]);
    const again = await restore(archive(), ...flags);
    expect([again.exitCode, again.said]).toEqual([2, expect.stringContaining('not empty')]);
  });

  it('the client finds nothing to complain of at the new machine', async () => {
    await site.server.kill('SIGTERM');
    const env = {
      WAYMARK_PORT: port,
      WAYMARK_EXAMPLE_ORG: '',
      WAYMARK_ADMIN_TOKEN: site.server.adminKey,
    };
    restored = await startServer({ dataDir: dataDir(), env });

    const { stdout } = await succeed(laptop, 'sync');

    expect(stdout).toBe('ops 1.0.0: up to date\nsales 1.0.0: up to date\n');
    await succeed(laptop, 'verify');
  });

  it('the audit log goes on behind a checkpoint from before', async () => {
    const { stdout } = await succeed(site.admin, 'audit', 'verify', '--checkpoint', 'kept.json');

    expect(stdout).toContain('none changed');
  });

  it('authors push and publish, and the client gets it', async () => {
    await push(tree, { [NEWS]: 'Write a page.\n' });
    await succeed(publisher, 'release', 'publish', 'sales@1.1.0');

    const { stdout } = await succeed(laptop, 'sync');

    expect(stdout).toContain('sales 1.0.0 -> 1.1.0');
    expect(await laptop.read(NEWS)).toBe('Write a page.\n');
  });

  it('a backup that breaks off leaves no file', async () => {
    const repositories = join(dataDir(), 'git');
    await rename(repositories, `${repositories}.gone`);

    const { exitCode, stderr } = await site.admin.run('backup', 'again.tar.gz');

    await rename(`${repositories}.gone`, repositories);
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining('cannot be read')]);
    expect(await readdir(site.admin.dir)).not.toContain('again.tar.gz');
  });
});
