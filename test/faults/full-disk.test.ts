import { execFileSync } from 'node:child_process';
import { cp, mkdir, rm, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { repositoryPath } from '../../src/git/repository.ts';
import { ask } from '../support/app.ts';
import { runGit, temporaryFolder } from '../support/git.ts';
import { type RunningServer, startServer } from '../support/server.ts';

const ADMIN = 'the-administrators-key-of-a-small-disk';
/** What is left for the server to write once it has started: the rest is filled. */
const LEFT_BYTES = 4_000_000;
const DISK = '24m';

/** Mounts a disk of its own at the data directory, where nobody else sees it, and becomes the server. */
const onSmallDisk = (dataDir: string): string[] => {
  const script = `mount -t tmpfs -o size=${DISK} none "$0" && exec "$@"`;
  return ['unshare', '-rm', 'sh', '-c', script, dataDir];
};

/** Fault 5 of docs/spec/reliability.md: `full-storage` limits each file, here all of them together. */
describe.skipIf(!canMount())('a server on a full disk (needs unshare -rm)', () => {
  let folder: string;
  let dataDir: string;
  let server: RunningServer;

  beforeAll(async () => {
    folder = await temporaryFolder('waymark-disk-');
    dataDir = join(folder, 'data');
    await mkdir(dataDir);
    server = await startServer({
      dataDir,
      env: { WAYMARK_ADMIN_TOKEN: ADMIN },
      within: onSmallDisk(dataDir),
    });
    await runGit(folder, ['clone', '-q', gitUrl(), 'tree']);
  });
  afterAll(async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const gitUrl = () => `${server.url.replace('://', `://git:${ADMIN}@`)}/git/acme.git`;
  const tree = () => join(folder, 'tree');
  /** The disk, as the server sees it. */
  const onDisk = (name: string) => join(`/proc/${server.pid}/root`, dataDir, name);
  const api = <T>(path: string, body?: unknown) =>
    ask<T>(server.url + path, { token: ADMIN, headers: { 'x-waymark-org': 'acme' }, body });
  const degraded = async () => (await api<{ degraded: string[] }>('/readyz')).body.degraded;

  async function push(name: string, bytes: number): Promise<string> {
    // Of no pattern: it would be packed to nothing.
    const content = Buffer.from(crypto.getRandomValues(new Uint8Array(60_000))).toString('base64');
    const path = 'plugins/sales/skills/account-brief/assets';
    await runGit(tree(), ['fetch', '-q', 'origin', 'main']);
    await runGit(tree(), ['reset', '-q', '--hard', 'FETCH_HEAD']);
    for (let i = 0; i * content.length < bytes; i++) {
      await writeFile(join(tree(), path, `${name}-${i}.md`), `${i} ${content}`);
    }
    await runGit(tree(), ['add', '-A']);
    await runGit(tree(), ['commit', '-q', '-m', name]);
    await runGit(tree(), ['push', '-q', 'origin', 'HEAD:main']);
    return await runGit(tree(), ['rev-parse', 'HEAD']);
  }

  it('says so beforehand', async () => {
    expect(await degraded()).toEqual([]);

    await fill(LEFT_BYTES);
    expect(await degraded()).toEqual([]);
    await fill(LEFT_BYTES / 8);

    expect(await degraded()).toEqual([expect.stringContaining('nearly full') as string]);
  });

  it('answers 507 and refuses pushes, reads going on; and recovers', async () => {
    const path = '/v1/orgs/acme/delivery/plugins/sales/manifest?channel=rolling';
    const before = await api(path);
    await fill(0);

    const statuses: number[] = [];
    for (let i = 0; i < 3; i++) {
      const body = { name: `key-${i} ${'x'.repeat(60)}`, roles: ['viewer'] };
      statuses.push((await api('/api/v1/api-keys', body)).status);
    }
    const released = await api('/api/v1/components/sales/versions', { version: '8.0.0' });
    await expect(push('refused', 300_000)).rejects.toThrow();
    const served = await api(path);
    const listed = await api('/api/v1/api-keys');
    await rm(onDisk('filler'));

    expect(statuses.at(-1)).toBe(507);
    expect(released.status).toBe(507);
    expect(served.text).toBe(before.text);
    expect(listed.status).toBe(200);
    const key = await api('/api/v1/api-keys', { name: 'afterwards', roles: ['viewer'] });
    expect(key.status).toBe(201);
    const again = await api('/api/v1/components/sales/versions', { version: '8.0.0' });
    expect(again.status, again.text).toBe(201);
    const head = await push('taken', 300_000);
    expect((await api<{ resolved: { commit: string } }>(path)).body.resolved.commit).toBe(head);
    expect(await degraded()).toEqual([]);
  });

  it('is as whole as before', async () => {
    const copy = join(folder, 'copy.git');
    // Git would look for where it is by a path that only the server has.
    await cp(repositoryPath(onDisk('.'), 'acme'), copy, { recursive: true });
    const { body } = await api<{ data: { ok: boolean } }>('/api/v1/audit/verify');

    expect(body.data.ok).toBe(true);
    await runGit(folder, ['clone', '-q', gitUrl(), 'afterwards']);
    await runGit(copy, ['fsck', '--strict', '--no-dangling']);
  });

  /** Takes all of the disk but so many bytes. */
  async function fill(leftBytes: number): Promise<void> {
    const file = onDisk('filler');
    await rm(file, { force: true });
    const { bavail, bsize } = await statfs(onDisk('.'));
    const freeBytes = bavail * bsize;
    await writeFile(file, Buffer.alloc(freeBytes - leftBytes)).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    });
  }
});

function canMount(): boolean {
  try {
    execFileSync('unshare', ['-rm', 'mount', '-t', 'tmpfs', 'none', tmpdir()], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
