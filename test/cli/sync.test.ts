import { rm, stat } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { contentDigest } from '../../src/model/digest.ts';
import { contentsOf, salesFiles, useEnrolled } from '../support/enrolled.ts';
import { entriesOf, type FakeFiles } from '../support/fake-repository.ts';

const changed: FakeFiles = { ...salesFiles, 'skills/greet/SKILL.md': 'Say good morning.\n' };

describe('waymark add', () => {
  const on = useEnrolled();

  it('installs a plugin byte for byte, with its modes', async () => {
    const { exitCode, stdout } = await on.client.run('add', 'sales');

    expect(exitCode).toBe(0);
    expect(stdout).toBe('sales 0.0.0-dev.1: 4 files written\nin plugins (raw)\n');
    expect(await on.client.files('plugins/sales')).toEqual(contentsOf(salesFiles));
    expect((await stat(on.client.path('plugins/sales/skills/greet/hello.sh'))).mode & 0o777).toBe(
      0o755,
    );
  });

  it('takes another layout to the place of its tool', async () => {
    const { exitCode } = await on.client.run('add', 'sales', '--target', 'claude');

    const { 'plugin.yaml': _, ...rendered } = contentsOf(salesFiles);
    expect(exitCode).toBe(0);
    expect(await on.client.files('.claude/plugins/sales')).toEqual(rendered);
  });

  it('refuses a second place for one project', async () => {
    await on.client.run('add', 'sales');

    const { exitCode, stderr } = await on.client.run('sync', '--target', 'claude');

    expect(exitCode).toBe(2);
    expect(stderr).toContain('plugins are installed for raw at plugins');
  });

  it('names what there is when a plugin is not listed, and records nothing', async () => {
    const { exitCode, stderr } = await on.client.run('add', 'slaes');

    expect(exitCode).toBe(1);
    expect(stderr).toBe('waymark: the channel rolling has no plugin slaes. It has sales\n');
    expect(await on.client.files()).not.toHaveProperty('waymark.lock');
  });

  it.each(['../x', 'Sales', 'sales@not-a-range', '@1.0.0'])(
    'refuses %s as a request',
    async (request) => {
      expect((await on.client.run('add', request)).exitCode).toBe(2);
      expect(on.server.requests).toEqual([]);
    },
  );
});

describe('waymark add <plugin>@<release>', () => {
  const on = useEnrolled();

  it('installs exactly that release, though the channel is further', async () => {
    on.repository.publish('sales', salesFiles, '1.0.0');
    on.repository.publish('sales', changed, '1.1.0');

    const { exitCode } = await on.client.run('add', 'sales@1.0.0');

    expect(exitCode).toBe(0);
    expect(await on.client.read('plugins/sales/skills/greet/SKILL.md')).toBe('Say hello.\n');
  });

  it('passes on what the server says of it, such as that it was yanked', async () => {
    on.repository.publish('sales', salesFiles, '1.0.0');
    on.server.warning = '299 - "sales--v1.0.0 was yanked"';

    const { stderr } = await on.client.run('add', 'sales@1.0.0');

    expect(stderr).toContain('warning: sales: sales--v1.0.0 was yanked\n');
  });

  it('stays there on the next sync, without asking for the release again', async () => {
    on.repository.publish('sales', salesFiles, '1.0.0');
    await on.client.run('add', 'sales@1.0.0');
    on.repository.publish('sales', changed, '1.1.0');
    on.server.requests.length = 0;

    const { stdout } = await on.client.run('sync');

    expect(stdout).toBe('sales 1.0.0: up to date\n');
    expect(on.server.requests.filter((line) => line.includes('/plugins/'))).toEqual([]);
  });

  it('takes the newest release of a range', async () => {
    on.repository.publish('sales', salesFiles, '1.0.0');
    on.repository.publish('sales', changed, '1.2.0');
    on.repository.publish('sales', salesFiles, '2.0.0');

    const { stdout } = await on.client.run('add', 'sales@^1.0', '--json');

    expect(JSON.parse(stdout).plugins[0].to).toBe('1.2.0');
  });

  it('says which releases there are when none fits', async () => {
    on.repository.publish('sales', salesFiles, '1.0.0');

    const { exitCode, stderr } = await on.client.run('add', 'sales@^3');

    expect(exitCode).toBe(1);
    expect(stderr).toBe('waymark: no release of sales fits ^3: it has 1.0.0\n');
  });

  it('follows the channel again when it is added without one', async () => {
    on.repository.publish('sales', salesFiles, '1.0.0');
    await on.client.run('add', 'sales@1.0.0');
    on.repository.publish('sales', changed, '1.1.0');

    const { stdout } = await on.client.run('add', 'sales', '--json');

    expect(JSON.parse(stdout).plugins[0]).toMatchObject({ from: '1.0.0', to: '1.1.0' });
  });
});

describe('waymark sync', () => {
  const on = useEnrolled();

  it('replaces what changed and deletes what is gone', async () => {
    await on.client.run('add', 'sales');
    const { 'README.md': _, ...rest } = changed;
    on.repository.publish('sales', rest);

    const { stdout } = await on.client.run('sync');

    expect(stdout).toContain('sales 0.0.0-dev.1 -> 0.0.0-dev.2: 1 file written, 1 file deleted\n');
    expect(await on.client.files('plugins/sales')).toEqual(contentsOf(rest));
  });

  it('asks for what changed since the installed content only', async () => {
    await on.client.run('add', 'sales');
    on.repository.publish('sales', changed);

    await on.client.run('sync');

    const download = on.server.requests.findLast((line) => line.includes('/download'));
    const installed = encodeURIComponent(contentDigest(entriesOf(salesFiles)));
    expect(download).toContain(`since=${installed}`);
  });

  it('downloads nothing and writes the same lock when nothing is new', async () => {
    await on.client.run('add', 'sales');
    const lock = await on.client.read('waymark.lock');
    on.server.requests.length = 0;

    const { stdout } = await on.client.run('sync');

    expect(stdout).toBe('sales 0.0.0-dev.1: up to date\n');
    expect(await on.client.read('waymark.lock')).toBe(lock);
    expect(on.server.requests.filter((line) => line.includes('/download'))).toEqual([]);
  });

  it('installs from what is kept here when the folder was deleted', async () => {
    await on.client.run('add', 'sales');
    await rm(on.client.path('plugins'), { recursive: true });
    on.server.requests.length = 0;

    await on.client.run('sync');

    expect(await on.client.files('plugins/sales')).toEqual(contentsOf(salesFiles));
    expect(on.server.requests.filter((line) => line.includes('/download'))).toEqual([]);
  });

  it('reports what is installed, item by item', async () => {
    await on.client.run('add', 'sales');
    await on.client.write('plugins/sales/skills/greet/SKILL.md', 'Mine.\n');

    await on.client.run('sync');

    expect(on.server.reports.at(-1)).toMatchObject({
      index: { channel: 'rolling', sequence: 101 },
      plugins: [
        {
          pluginId: 'sales',
          version: '0.0.0-dev.1',
          items: [
            {
              configObjectId: 'sales.skill.greet',
              state: 'modified',
              overrideDigest: expect.stringMatching(/^sha256:/),
            },
          ],
        },
      ],
    });
  });

  it('is done, with a warning, when the server does not take the report', async () => {
    on.server.reports.push = () => {
      throw new Error('no report today');
    };

    const { exitCode, stderr } = await on.client.run('add', 'sales');

    expect(exitCode).toBe(0);
    expect(stderr).toContain(
      'warning: the server was not told what is installed here: no report today\n',
    );
  });

  it('installs what the organisation requires', async () => {
    on.repository.publish('policy', { 'plugin.yaml': 'kind: Plugin\n' });
    on.server.updates.push({ pluginId: 'policy', op: 'install', reason: 'required' });

    await on.client.run('sync');

    expect(await on.client.files('plugins/policy')).toEqual({ 'plugin.yaml': 'kind: Plugin\n' });
  });

  it('uninstalls what the server says is withdrawn and the signed index no longer lists', async () => {
    await on.client.run('add', 'sales');
    on.repository.withdraw('sales');
    on.server.updates.push({ pluginId: 'sales', op: 'remove', reason: 'access_revoked' });

    const { exitCode, stderr } = await on.client.run('sync');

    expect(exitCode).toBe(0);
    expect(stderr).toContain('warning: sales is withdrawn: access revoked\n');
    expect(await on.client.files('plugins')).toEqual({});
  });

  it('writes nothing in a dry run', async () => {
    await on.client.run('add', 'sales');
    on.repository.publish('sales', changed);
    const before = await on.client.files();

    const { stdout } = await on.client.run('sync', '--dry-run');

    expect(stdout).toContain(
      '0.0.0-dev.1 -> 0.0.0-dev.2: 1 file written\ndry run: nothing was written\n',
    );
    expect(await on.client.files()).toEqual(before);
  });

  it('answers with one JSON value', async () => {
    const { stdout, stderr } = await on.client.run('add', 'sales', '--json');

    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toMatchObject({
      channel: 'rolling',
      sequence: 101,
      target: 'raw',
      dir: 'plugins',
      dryRun: false,
      conflicts: 0,
      plugins: [
        {
          plugin: 'sales',
          from: null,
          to: '0.0.0-dev.1',
        },
      ],
    });
  });

  it('needs an enrolled project, and leaves no trace in another', async () => {
    await on.client.write('other/file', '');

    const { exitCode, stderr } = await on.client.run('sync', '--project', on.client.path('other'));

    expect(exitCode).toBe(2);
    expect(stderr).toContain('is not enrolled: run `waymark enrol`');
    expect(Object.keys(await on.client.files('other'))).toEqual(['file']);
  });

  it('does not follow a committed lock out of the project', async () => {
    await on.client.run('add', 'sales');
    const lock = JSON.parse(await on.client.read('waymark.lock'));
    await on.client.write(
      'waymark.lock',
      JSON.stringify({ ...lock, dir: '../elsewhere', plugins: {} }),
    );

    const { exitCode, stderr } = await on.client.run('sync');

    expect(exitCode).toBe(2);
    expect(stderr).toContain('confirm with --dir ../elsewhere');
  });
});

describe('waymark sync, without a key', () => {
  const on = useEnrolled('--no-encryption');

  it('takes plain bundles and verifies them all the same', async () => {
    const { exitCode } = await on.client.run('add', 'sales');

    expect(exitCode).toBe(0);
    expect(on.server.requests.some((line) => line.includes('encryption=none'))).toBe(true);
    expect(await on.client.files('plugins/sales')).toEqual(contentsOf(salesFiles));
  });
});
