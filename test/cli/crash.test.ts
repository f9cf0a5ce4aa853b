import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Failpoint } from '../../src/model/failpoint.ts';
import { contentsOf, salesFiles, useEnrolled } from '../support/enrolled.ts';
import { NOW_MS } from '../support/fake-repository.ts';

const main = new URL('../support/cli-process.ts', import.meta.url).pathname;
const upstream = { ...salesFiles, 'README.md': 'New.\n', 'skills/greet/SKILL.md': 'New.\n' };

describe('a sync that is killed', () => {
  const on = useEnrolled();

  const killAt = async (point: Failpoint, ...argv: string[]): Promise<string | null> => {
    const env = {
      ...on.client.env,
      WAYMARK_FAILPOINTS: `${point}=kill`,
      TEST_NOW_MS: String(NOW_MS),
      PATH: process.env['PATH'],
    };
    const child = spawn(process.execPath, [main, ...argv], { cwd: on.client.dir, env });
    const [, signal] = await once(child, 'exit');
    return signal as string | null;
  };

  it.each<[Failpoint, 'old' | 'new' | 'neither']>([
    ['sync.staged', 'old'],
    // Between the two renames: both folders are whole, under other names.
    ['sync.swapping', 'neither'],
    ['sync.swapped', 'new'],
    ['sync.locked', 'new'],
  ])('at %s leaves the %s install, and the next run finishes', async (point, left) => {
    await on.client.run('add', 'sales');
    on.repository.publish('sales', upstream);

    const signal = await killAt(point, 'sync');
    const after = await on.client.files('plugins/sales');
    const next = await on.client.run('sync');

    expect(signal).toBe('SIGKILL');
    expect(after).toEqual(
      { old: contentsOf(salesFiles), new: contentsOf(upstream), neither: {} }[left],
    );
    expect(next.exitCode).toBe(0);
    expect(await on.client.files('plugins')).toEqual(prefixed(contentsOf(upstream)));
    expect(JSON.parse(await on.client.read('waymark.lock')).plugins.sales.version).toBe(
      '0.0.0-dev.2',
    );
  });

  it.each<Failpoint>(['sync.swapping', 'sync.swapped', 'sync.locked'])(
    'at %s is finished without the server, by whatever runs next',
    async (point) => {
      await on.client.run('add', 'sales');
      on.repository.publish('sales', upstream);
      await killAt(point, 'sync');
      await on.server.close();

      const { exitCode } = await on.client.run('verify');

      expect(exitCode).toBe(0);
      expect(await on.client.files('plugins')).toEqual(prefixed(contentsOf(upstream)));
      expect(await on.client.files('.waymark')).not.toHaveProperty('journal.json');
    },
  );

  it.each<Failpoint>(['sync.staged', 'sync.swapping', 'sync.swapped', 'sync.locked'])(
    'at %s during a removal leaves nothing behind after the next run',
    async (point) => {
      await on.client.run('add', 'sales');

      await killAt(point, 'remove', 'sales');
      await on.client.run('status', '--offline');
      await on.client.run('remove', 'sales');

      expect(await on.client.files('plugins')).toEqual({});
      expect(JSON.parse(await on.client.read('waymark.lock')).plugins).toEqual({});
    },
  );

  it('keeps what the user changed, over a crash between the renames', async () => {
    await on.client.run('add', 'sales');
    await on.client.write('plugins/sales/notes.txt', 'Mine.\n');
    on.repository.publish('sales', upstream);

    await killAt('sync.swapping', 'sync');
    await on.client.run('sync');

    expect(await on.client.read('plugins/sales/notes.txt')).toBe('Mine.\n');
  });
});

describe('two runs at once in one project', () => {
  const on = useEnrolled();

  it('refuses the second', async () => {
    const other = spawn('cat', []);
    await writeFile(on.client.path('.waymark/busy'), String(other.pid));

    const { exitCode, stderr } = await on.client.run('sync');
    other.kill();
    await once(other, 'exit');

    expect(exitCode).toBe(1);
    expect(stderr).toContain(`another waymark is at work here: process ${other.pid}`);
  });

  it('takes over from one that was killed', async () => {
    const other = spawn('true');
    await once(other, 'exit');
    await writeFile(on.client.path('.waymark/busy'), String(other.pid));

    expect((await on.client.run('sync')).exitCode).toBe(0);
  });
});

describe('a download that breaks off', () => {
  const on = useEnrolled();
  // Enough that some of it has surely arrived before the line goes dead.
  const large = { ...salesFiles, 'assets/noise.txt': randomBytes(2 << 20).toString('hex') };
  const CUT = 1 << 20;

  const ranges = (): (string | undefined)[] =>
    on.server.requests
      .filter((line) => line.includes('/download'))
      .map((line) => line.split(' ')[2]);

  it('goes on where it stopped', async () => {
    on.repository.publish('sales', large);
    on.server.cuts.push(CUT);

    const { exitCode } = await on.client.run('add', 'sales');

    expect(exitCode).toBe(0);
    expect(ranges()).toEqual([undefined, expect.stringMatching(/^bytes=[1-9]\d*-$/)]);
    expect(await on.client.files('plugins/sales')).toEqual(contentsOf(large));
  });

  it('goes on in the next run', async () => {
    on.repository.publish('sales', large);
    on.server.cuts.push(CUT, 0, 0);
    const broken = await on.client.run('add', 'sales');

    const { exitCode } = await on.client.run('add', 'sales');

    expect(broken.exitCode).toBe(1);
    expect(broken.stderr).toContain('broke off');
    expect(exitCode).toBe(0);
    expect(ranges().at(-1)).toMatch(/^bytes=[1-9]\d*-$/);
  });

  it('starts again when the server has other bytes by then', async () => {
    on.repository.publish('sales', large);
    on.server.cuts.push(CUT, 0, 0);
    await on.client.run('add', 'sales');
    on.server.tampering.sealer = on.repository.org;

    const { exitCode } = await on.client.run('add', 'sales');

    expect(exitCode).toBe(0);
    expect(ranges().at(-1)).toMatch(/^bytes=[1-9]\d*-$/);
    expect(await on.client.files('plugins/sales')).toEqual(contentsOf(large));
  });

  it('is refused, and forgotten, when what was stored of it was altered', async () => {
    on.repository.publish('sales', large);
    on.server.cuts.push(CUT, 0, 0);
    await on.client.run('add', 'sales');
    await scramble(on.client.path('.waymark/downloads'));

    const altered = await on.client.run('add', 'sales');
    const { exitCode } = await on.client.run('add', 'sales');

    expect(altered.exitCode).toBe(4);
    expect(exitCode).toBe(0);
  });
});

async function scramble(dir: string): Promise<void> {
  const parts = (await readdir(dir)).filter((name) => name.endsWith('.part'));
  for (const name of parts) await writeFile(join(dir, name), 'x', { flag: 'r+' });
}

const prefixed = (files: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(files).map(([path, content]) => [`sales/${path}`, content]));
