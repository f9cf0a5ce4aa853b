import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sizeOnDisk } from '../../src/delivery/checked-file.ts';
import type { Failpoint } from '../../src/model/failpoint.ts';
import { type Downloader, KINDS, type Kind, makeDownloader } from './downloads.ts';
import { isFull, makeSite, type Site } from './site.ts';

const POINTS: [Failpoint, readonly Kind[]][] = [
  ['seal.started', KINDS],
  ['seal.body-written', ['sealed']],
  ['seal.before-rename', KINDS],
  ['seal.renamed', KINDS],
  ['seal.recorded', KINDS],
];

const ROUNDS = isFull ? 10 : 1;

/** Fault 4 of docs/spec/reliability.md. */
export function describeKilledSealing(hit: Set<Failpoint>): void {
  describe('a bundle, its server killed while it is made', () => {
    let site: Site;
    let downloader: Downloader;

    beforeAll(async () => {
      site = await makeSite();
      downloader = await makeDownloader(site);
    });
    afterAll(() => site.remove());

    const cases = POINTS.flatMap(([point, kinds]) =>
      kinds.flatMap((kind) => Array.from({ length: ROUNDS }, () => [point, kind] as const)),
    );

    it.each(cases)(
      'at %s is served whole and %s after a restart, and never in part',
      async (point, kind) => {
        await downloader.renew();
        const server = await site.serve(`${point}=kill`);

        await expect(downloader.fetch(kind)).rejects.toThrow();
        expect(await server.signal).toBe('SIGKILL');
        hit.add(point);
        await site.serve();

        const bundles = join(site.dataDir, 'bundles');
        expect((await readdir(bundles)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
        for (const { bodyDigest, size } of bodies(site)) {
          expect((await stat(join(bundles, bodyDigest))).size).toBe(sizeOnDisk(size));
        }
        const { bytes } = await downloader.fetch(kind);
        expect(await downloader.open(kind, bytes)).toEqual(await downloader.pushed());
      },
    );
  });
}

const bodies = (site: Site): { bodyDigest: string; size: number }[] =>
  site.query('select body_digest as bodyDigest, size from sealed_body');
