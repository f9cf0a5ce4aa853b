import { mkdir, readFile, stat } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TestClient } from '../support/client.ts';
import { runGit } from '../support/git.ts';
import { execute, type Gpg, openGpg } from '../support/gpg.ts';
import { openSite, push, type Site, succeed } from '../support/site.ts';
import { command, smallRegistry } from '../support/small-registry.ts';

const QUOTE = 'plugins/sales/commands/quote.yaml';

/** One story, told in order: each step finds what the ones before it left. */
describe("an organisation's keys, from the server to a drawer and through a theft", () => {
  let site: Site;
  let tree: string;
  let publisher: TestClient;
  let owner: TestClient;
  let ada: TestClient;
  let away: TestClient;
  let gpg: Gpg;

  beforeAll(async () => {
    site = await openSite({ isEmpty: true });
    gpg = await openGpg();
    const token = await site.keyOf('--role', 'publisher');
    publisher = await site.person(token);
    owner = await site.person(await site.keyOf('--role', 'owner'));
    tree = publisher.path('registry');
    await mkdir(tree);
    await runGit(tree, ['init', '-q', '-b', 'main']);
    await runGit(tree, ['remote', 'add', 'origin', site.gitUrl(token)]);
    await push(tree, smallRegistry);
    await succeed(publisher, 'release', 'publish', 'sales@1.0.0', 'ops@1.0.0');
    ada = await enrolled('laptop');
    away = await enrolled('attic');
  });

  afterAll(async () => {
    await gpg.close();
    await site.close();
  });

  async function enrolled(name: string): Promise<TestClient> {
    const client = await site.person(await site.keyOf('--role', 'editor'));
    await succeed(client, 'enrol', '--name', name, '--channel', 'stable');
    await succeed(client, 'add', 'sales');
    return client;
  }

  const rootOf = async (client: TestClient): Promise<unknown> =>
    (JSON.parse(await client.read('waymark.lock')) as { rootVersion: number }).rootVersion;

  /** What git says about a release tag, with the keys that count now and no others. */
  async function verifyTag(tag: string): Promise<boolean> {
    const { stdout } = await succeed(owner, 'keys', 'export');
    const fresh = await openGpg();
    try {
      await fresh.importKey(stdout);
      await runGit(tree, ['fetch', '-q', '--tags', 'origin']);
      const asked = ['-C', tree, 'verify-tag', tag];
      return (await execute('git', asked, '', { GNUPGHOME: fresh.home })).code === 0;
    } finally {
      await fresh.close();
    }
  }

  it('keys rotate needs an owner', async () => {
    const { exitCode, stderr } = await publisher.run('keys', 'rotate', '--role', 'release');

    expect(exitCode).toBe(1);
    expect(stderr).toContain('this needs the permission keys:rotate');
  });

  it('new release and index keys are followed, and the old tags still verify', async () => {
    const { stdout } = await succeed(owner, 'keys', 'rotate', '--role', 'release', 'index');
    expect(stdout).toMatch(
      /^root 2, root key on the server, good until \S+\nroot {4}[0-9A-F]{40}\nrelease [0-9A-F]{40} \(new\)\nindex {3}[0-9A-F]{40} \(new\)\n$/,
    );

    await succeed(ada, 'sync');
    await succeed(ada, 'add', 'sales@1.0.0');

    expect(await rootOf(ada)).toBe(2);
    expect(await verifyTag('sales--v1.0.0')).toBe(true);
  });

  it('a new root key alone reaches the index at once', async () => {
    await succeed(owner, 'keys', 'rotate', '--role', 'root');

    await succeed(ada, 'sync');

    expect(await rootOf(ada)).toBe(3);
  });

  it('--renew keeps every key', async () => {
    const before = (await succeed(owner, 'keys', 'export', '--role', 'root', '--json')).json();

    await succeed(owner, 'keys', 'rotate', '--renew');

    const after = (await succeed(owner, 'keys', 'export', '--role', 'root', '--json')).json();
    expect(after).toEqual({ ...before, rootVersion: 4 });
  });

  it('keys root export --remove leaves the only copy in a file of the owner', async () => {
    const { stdout } = await succeed(
      owner,
      'keys',
      'root',
      'export',
      '--remove',
      '--out',
      'root.asc',
    );

    expect(stdout).toMatch(/^[0-9A-F]{40} in root\.asc, and no longer on the server\n$/);
    expect((await stat(owner.path('root.asc'))).mode & 0o777).toBe(0o600);
    await gpg.importKey(await owner.read('root.asc'));
    const again = await owner.run('keys', 'root', 'export');
    expect(again.exitCode).toBe(1);
    expect(again.stderr).toContain('is not on this server');
  });

  it('the server alone rotates no more', async () => {
    const { exitCode, stderr } = await owner.run('keys', 'rotate', '--role', 'index');

    expect(exitCode).toBe(1);
    expect(stderr).toContain('with --root-key <file>');
  });

  it('--root-key signs here what the server drafted', async () => {
    const flags = ['--role', 'release', 'index', '--root-key', 'root.asc'];

    const { stdout } = await succeed(owner, 'keys', 'rotate', ...flags);
    await succeed(ada, 'sync');

    expect(stdout).toContain('root 6, root key offline');
    expect(await rootOf(ada)).toBe(6);
  });

  it('--new-root-key makes the next root key here, and ends the old one', async () => {
    const files = ['--root-key', 'root.asc', '--new-root-key', 'next.asc'];

    await succeed(owner, 'keys', 'rotate', '--role', 'root', ...files);
    const late = await owner.run('keys', 'rotate', '--renew', '--root-key', 'root.asc');

    expect((await stat(owner.path('next.asc'))).mode & 0o777).toBe(0o600);
    expect(late.exitCode).toBe(2);
    expect(late.stderr).toContain('the root key of root 7 is');
  });

  it('no private root key is in anything that the server has kept', async () => {
    const [root, next] = await Promise.all(
      ['root.asc', 'next.asc'].map((name) => owner.read(name)),
    );
    const database = await readFile(`${site.server.dataDir}/waymark.db`, 'latin1');

    for (const armored of [root, next]) {
      const [, secret = ''] = /\n\n(.{60})/.exec(armored ?? '') ?? [];
      expect(secret).toHaveLength(60);
      expect(database).not.toContain(secret);
      expect(site.server.log()).not.toContain(secret);
    }
  });

  it('who was away since the first root follows all of them', async () => {
    await succeed(away, 'sync');

    expect(await rootOf(away)).toBe(7);
    expect(await verifyTag('sales--v1.0.0')).toBe(true);
  });

  it('--compromised ends what the stolen key signed', async () => {
    const lock = await ada.read('waymark.lock');

    const flags = ['--role', 'release', '--compromised', '--root-key', 'next.asc'];
    await succeed(owner, 'keys', 'rotate', ...flags);

    const { exitCode, stderr } = await ada.run('add', 'sales@1.0.0');
    expect(exitCode).toBe(4);
    expect(stderr).toContain('RELEASE_MISMATCH');
    expect(await ada.read('waymark.lock')).toBe(lock);
    expect(await verifyTag('sales--v1.0.0')).toBe(false);
  });

  it('what is published anew is installed, and the pinned old one refused', async () => {
    await push(tree, { [QUOTE]: command('Write a short quote.') });
    await succeed(publisher, 'release', 'publish', 'sales@1.1.0', 'ops@1.0.1');

    const pinned = await ada.run('sync');
    const { stdout } = await succeed(ada, 'add', 'sales');

    expect(pinned.exitCode).toBe(4);
    expect(stdout).toContain('sales 1.0.0 -> 1.1.0');
    expect(await verifyTag('sales--v1.1.0')).toBe(true);
  });

  it('a later rotation does not bring the stolen key back', async () => {
    await succeed(owner, 'keys', 'rotate', '--role', 'release', '--root-key', 'next.asc');

    const { exitCode } = await ada.run('add', 'sales@1.0.0');

    expect(exitCode).toBe(4);
    expect(await verifyTag('sales--v1.1.0')).toBe(true);
    expect(await verifyTag('sales--v1.0.0')).toBe(false);
  });
});
