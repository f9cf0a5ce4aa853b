import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Failpoint } from '../../src/model/failpoint.ts';
import { makeClient, type TestClient } from '../support/client.ts';
import { type Downloader, digestsIn, makeDownloader } from './downloads.ts';
import { isFull, makeSite, ORG, type Site } from './site.ts';

const main = new URL('../support/cli-process.ts', import.meta.url).pathname;

const POINTS: [Failpoint, 'old' | 'new' | 'no'][] = [
  ['sync.staged', 'old'],
  // Between the two renames: both folders are whole, under other names.
  ['sync.swapping', 'no'],
  ['sync.swapped', 'new'],
  ['sync.locked', 'new'],
];

const ROUNDS = isFull ? 10 : 1;

/** Fault 21 of docs/spec/reliability.md, its second half, against a real server. */
export function describeKilledSyncing(hit: Set<Failpoint>): void {
  describe('a sync, killed', () => {
    let site: Site;
    let downloader: Downloader;
    let client: TestClient;

    beforeAll(async () => {
      site = await makeSite();
      downloader = await makeDownloader(site);
      client = await makeClient({
        WAYMARK_URL: site.server.url,
        WAYMARK_ORG: ORG,
        WAYMARK_TOKEN: site.adminKey,
      });
      // The server's clock is the real one.
      Object.defineProperty(client, 'nowMs', { get: Date.now });
      await succeed('enrol', '--name', 'laptop', '--channel', 'rolling');
      await succeed('add', 'sales');
    });
    afterAll(async () => {
      await client.remove();
      await site.remove();
    });

    const cases = POINTS.flatMap((row) => Array.from({ length: ROUNDS }, () => row));

    it.each(cases)(
      'at %s leaves the %s install, and the next run finishes',
      async (point, left) => {
        const old = await downloader.pushed();
        await downloader.renew();
        const renewed = await downloader.pushed();

        expect(await killAt(point)).toBe('SIGKILL');
        hit.add(point);
        expect(await digestsIn(client.path('plugins/sales'))).toEqual(
          { old, new: renewed, no: {} }[left],
        );
        await succeed('sync');

        expect(await digestsIn(client.path('plugins/sales'))).toEqual(renewed);
        await succeed('verify');
      },
    );

    async function killAt(point: Failpoint): Promise<unknown> {
      const env = {
        ...client.env,
        PATH: process.env['PATH'],
        WAYMARK_FAILPOINTS: `${point}=kill`,
        TEST_NOW_MS: String(Date.now()),
      };
      const child = spawn(process.execPath, [main, 'sync'], { cwd: client.dir, env });
      const [, signal] = await once(child, 'exit');
      return signal;
    }

    async function succeed(...argv: string[]): Promise<void> {
      const { exitCode, stderr } = await client.run(...argv);
      expect(exitCode, stderr).toBe(0);
    }
  });
}
