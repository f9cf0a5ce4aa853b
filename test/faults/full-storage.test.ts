import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runGit } from '../support/git.ts';
import { execute } from '../support/gpg.ts';
import { auditLength, deeds, fsck, projectionAndRefs, refOf } from './deeds.ts';
import { type Downloader, makeDownloader } from './downloads.ts';
import { isFull, makeSite, type Site } from './site.ts';

const MAIN = 'refs/heads/main';

/** Fault 6 of docs/spec/reliability.md: no file of the server, nor of its children, may grow past a limit. */
describe('a server whose files may not grow', () => {
  let site: Site;
  let downloader: Downloader;

  beforeAll(async () => {
    site = await makeSite();
    downloader = await makeDownloader(site);
  });
  afterAll(() => site.remove());

  it.each([
    ['a release', '/api/v1/components/sales/versions', { version: '7.0.0' }],
    ['an API key', '/api/v1/api-keys', { name: 'ci', roles: ['viewer'] }],
    ['a client', 'clients', { name: 'laptop' }],
  ])('answers 507 for %s, and takes it once there is room', async (_what, path, body) => {
    await limit('0');

    const refused = await site.ask(path, { body });
    await limit('unlimited');
    const taken = await site.ask(path, { body });

    expect(await refused.json()).toMatchObject({ error: { code: 'RES_STORAGE_FULL' } });
    expect(refused.status).toBe(507);
    expect(taken.status).toBe(201);
  });

  it('answers 507 for a bundle that is not stored yet, and leaves nothing of it', async () => {
    await downloader.renew();
    await limit('100000');

    const refused = await downloader.ask('sealed');
    const left = await readdir(join(site.dataDir, 'bundles'));
    await limit('unlimited');

    expect(refused.status).toBe(507);
    expect(left.filter((name) => name.endsWith('.tmp'))).toEqual([]);
    const { bytes } = await downloader.fetch('sealed');
    expect(await downloader.open('sealed', bytes)).toEqual(await downloader.pushed());
  });

  it('refuses a push, keeps serving, and takes it once there is room', async () => {
    const tree = await site.clone();
    await writeFile(join(tree, 'plugins/sales/README.md'), 'More.\n'.repeat(100));
    await runGit(tree, ['commit', '-qam', 'More']);
    const before = { head: await refOf(site, MAIN), entries: auditLength(site) };
    await limit('0');

    await expect(runGit(tree, ['push', site.gitUrl(), 'HEAD:main'])).rejects.toThrow();
    const still = { head: await refOf(site, MAIN), entries: auditLength(site) };
    const served = await site.ask('plugins/sales/manifest');
    await limit('unlimited');

    expect(still).toEqual(before);
    expect(served.status).toBe(200);
    await runGit(tree, ['push', site.gitUrl(), 'HEAD:main']);
    const { projection, refs } = await projectionAndRefs(site);
    expect(projection).toEqual(refs);
  });

  it.each(isFull ? [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512] : [0, 8, 128])(
    'with %i KiB to a file is left whole by whatever is refused',
    async (kib) => {
      await limit(String(kib * 1024));
      for (const [i, make] of Object.values(deeds).entries()) {
        await make(site, 1000 * (kib + 1) + i)
          .then((attempt) => attempt.run())
          .catch(() => {});
      }
      const served = await site.ask('plugins/sales/manifest');
      await limit('unlimited');

      expect(served.status).toBe(200);
      expect(site.query('pragma integrity_check')).toEqual([{ integrity_check: 'ok' }]);
      await fsck(site);
      await site.serve();
      const { projection, refs } = await projectionAndRefs(site);
      expect(projection).toEqual(refs);
    },
  );

  /** Bytes of the longest file: the soft limit alone, so that it can be lifted. */
  async function limit(bytes: string): Promise<void> {
    const args = ['--pid', String(site.server.pid), `--fsize=${bytes}:unlimited`];
    const { code, stderr } = await execute('prlimit', args, '');
    if (code !== 0) throw new Error(stderr);
  }
});
