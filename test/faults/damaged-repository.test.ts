import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { runGit } from '../support/git.ts';
import { deeds, refOf } from './deeds.ts';
import { type Downloader, makeDownloader } from './downloads.ts';
import { flipByte } from './flip-byte.ts';
import { isFull, makeSite, type Site } from './site.ts';

const MAIN = 'refs/heads/main';
const PLACES = isFull ? Array.from({ length: 20 }, (_, i) => (i + 0.5) / 20) : [0.3, 0.8];

/** Fault 14 of docs/spec/reliability.md. */
describe('a repository that is damaged', () => {
  let site: Site;
  let downloader: Downloader;
  let good: Record<string, string>;

  beforeEach(async () => {
    site = await makeSite();
    downloader = await makeDownloader(site);
    good = await downloader.pushed();
    return () => site.remove();
  });

  /** By a running server, and by one that has yet to read everything. */
  async function expectLastGood(): Promise<void> {
    for (const isRestarted of [false, true]) {
      if (isRestarted) await site.serve();
      const { bytes } = await downloader.fetch('sealed');
      expect(await downloader.open('sealed', bytes)).toEqual(good);
    }
  }

  it.each(PLACES)(
    'by a byte of a pack, at %d of its length: the last good is served',
    async (place) => {
      const pack = await packed();
      await flipByte(pack, place);
      const attempt = await deeds.publish(site, 1);

      await expectLastGood();
      await attempt.run().catch((error: Error) => expect(error.message).toMatch(/: 5\d\d /));

      await expectLastGood();
    },
  );

  it('by the loss of the pack: the last good is served, and what needs it is answered 5xx', async () => {
    await rm(await packed());

    await expectLastGood();
    const yank = await site.ask('/api/v1/components/sales/versions/1.0.0/yank', {
      body: { reason: 'It cannot be read.' },
    });

    expect(yank.status).toBe(503);
    expect(await yank.json()).toMatchObject({ error: { code: 'REG_CORRUPT' } });
    await expectLastGood();
  });

  it('by the loss of the newest commit: the last good is served, with a diagnostic', async () => {
    const head = await commitUnseen();
    await rm(looseObject(head));

    await expectLastGood();

    const index = (await (await site.ask('index')).json()) as { diagnostics: unknown[] };
    expect(index.diagnostics).toMatchObject([{ code: 'unreadable' }]);
    expect((await site.ask('/readyz')).status).toBe(200);
  });

  it('and mended is read again', async () => {
    const head = await commitUnseen();
    const object = await runGit(site.repo, ['cat-file', 'commit', head]);
    await rm(looseObject(head));
    await expectLastGood();

    await runGit(site.repo, ['hash-object', '-t', 'commit', '-w', '--stdin'], `${object}\n`);
    await site.serve();

    const manifest = await site.ask('plugins/sales/manifest?channel=rolling');
    expect(manifest.headers.get('x-waymark-commit')).toBe(head);
  });

  /** All objects in one pack. */
  async function packed(): Promise<string> {
    await runGit(site.repo, ['repack', '-adq']);
    const folder = join(site.repo, 'objects/pack');
    const name = (await readdir(folder)).find((one) => one.endsWith('.pack'))!;
    return join(folder, name);
  }

  /** Moves main past the server, as a push does whose server was killed. */
  async function commitUnseen(): Promise<string> {
    const tree = await runGit(site.repo, ['rev-parse', `${MAIN}^{tree}`]);
    const parent = await refOf(site, MAIN);
    const head = await runGit(site.repo, ['commit-tree', tree, '-p', parent, '-m', 'Unseen']);
    await runGit(site.repo, ['update-ref', MAIN, head, parent]);
    return head;
  }

  const looseObject = (oid: string): string =>
    join(site.repo, 'objects', oid.slice(0, 2), oid.slice(2));
});
