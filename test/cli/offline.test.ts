import { chmod, rm, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { contentsOf, salesFiles, useEnrolled } from '../support/enrolled.ts';

const SKILL = 'plugins/sales/skills/greet/SKILL.md';
const upstream = { ...salesFiles, 'skills/greet/SKILL.md': 'Say good morning.\n' };

describe('waymark verify', () => {
  const on = useEnrolled();

  it('finds every file as delivered, without the server', async () => {
    await on.client.run('add', 'sales');
    await on.server.close();

    const { exitCode, stdout } = await on.client.run('verify');

    expect(stdout).toBe('4 files as delivered\n');
    expect(exitCode).toBe(0);
  });

  it('fails for a file that was changed since the last sync: exit 4', async () => {
    await on.client.run('add', 'sales');
    await on.client.write(SKILL, 'Mine.\n');

    const { exitCode, stdout } = await on.client.run('verify');

    expect(exitCode).toBe(4);
    expect(stdout).toBe(
      '3 files as delivered\nnot as delivered:\n  modified  sales/skills/greet/SKILL.md\n',
    );
  });

  it('fails for a file that is missing, and for one that lost its exec bit', async () => {
    await on.client.run('add', 'sales');
    await rm(on.client.path('plugins/sales/README.md'));
    await chmod(on.client.path('plugins/sales/skills/greet/hello.sh'), 0o644);

    const { exitCode, stdout } = await on.client.run('verify', '--json');

    expect(exitCode).toBe(4);
    expect(JSON.parse(stdout).faults).toMatchObject([
      { path: 'README.md', state: 'missing' },
      { path: 'skills/greet/hello.sh', state: 'modified' },
    ]);
  });

  it('lists a change that a sync has recorded, and does not fail for it', async () => {
    await on.client.run('add', 'sales');
    await on.client.write(SKILL, 'Mine.\n');
    await on.client.run('sync');

    const { exitCode, stdout } = await on.client.run('verify');

    expect(exitCode).toBe(0);
    expect(stdout).toContain('known changes:\n  modified  sales/skills/greet/SKILL.md\n');
  });

  it('refuses a lock file that names other bytes than the signed manifest', async () => {
    await on.client.run('add', 'sales');
    const lock = JSON.parse(await on.client.read('waymark.lock'));
    lock.plugins.sales.files['README.md'].digest = `sha256:${'0'.repeat(64)}`;
    await on.client.write('waymark.lock', JSON.stringify(lock));

    const { exitCode, stderr } = await on.client.run('verify');

    expect(exitCode).toBe(4);
    expect(stderr).toBe(
      'waymark: DIGEST_MISMATCH: waymark.lock: sales/README.md is not what the signed manifest declares\n',
    );
  });

  it('refuses a manifest that was replaced here, also with its digest in the lock', async () => {
    await on.client.run('add', 'sales');
    const lock = JSON.parse(await on.client.read('waymark.lock'));
    const { sha256, hexOf } = await import('../../src/model/digest.ts');
    const stored = `.waymark/objects/${hexOf(lock.plugins.sales.manifest)}`;
    const forged = (await on.client.read(stored)).replace('"title":"sales', '"title":"evil');
    lock.plugins.sales.manifest = sha256(forged);
    await writeFile(on.client.path('.waymark/objects', hexOf(sha256(forged))), forged);
    await on.client.write('waymark.lock', JSON.stringify(lock));

    const { exitCode, stderr } = await on.client.run('verify');

    expect(exitCode).toBe(4);
    expect(stderr).toContain('SIGNATURE_INVALID: manifest of sales');
  });
});

describe('waymark rollback', () => {
  const on = useEnrolled();

  it('puts back what was installed before, without the server, and back again', async () => {
    await on.client.run('add', 'sales');
    on.repository.publish('sales', upstream);
    await on.client.run('sync');
    await on.server.close();

    const { exitCode, stdout } = await on.client.run('rollback', 'sales');
    const back = await on.client.files('plugins/sales');
    await on.client.run('rollback');

    expect(exitCode).toBe(0);
    expect(stdout).toContain('sales 0.0.0-dev.2 -> 0.0.0-dev.1: 1 file written\n');
    expect(back).toEqual(contentsOf(salesFiles));
    expect(await on.client.files('plugins/sales')).toEqual(contentsOf(upstream));
  });

  it('is not undone by the next sync, until the plugin is added again', async () => {
    await on.client.run('add', 'sales');
    on.repository.publish('sales', upstream);
    await on.client.run('sync');
    await on.client.run('rollback');

    await on.client.run('sync');
    const pinned = await on.client.read(SKILL);
    await on.client.run('add', 'sales');

    expect(pinned).toBe('Say hello.\n');
    expect(await on.client.read(SKILL)).toBe('Say good morning.\n');
  });

  it('keeps what the user changed', async () => {
    await on.client.run('add', 'sales');
    on.repository.publish('sales', upstream);
    await on.client.run('sync');
    await on.client.write('plugins/sales/README.md', 'Mine.\n');

    await on.client.run('rollback');

    expect(await on.client.read('plugins/sales/README.md')).toBe('Mine.\n');
    expect(await on.client.read(SKILL)).toBe('Say hello.\n');
  });

  it('says so when there is nothing to go back to: exit 2', async () => {
    await on.client.run('add', 'sales');

    const { exitCode, stderr } = await on.client.run('rollback', 'sales');

    expect(exitCode).toBe(2);
    expect(stderr).toBe('waymark: no earlier install of sales is kept\n');
  });
});

describe('waymark remove', () => {
  const on = useEnrolled();

  it('deletes what was delivered and leaves what is the user’s, without the server', async () => {
    await on.client.run('add', 'sales');
    await on.client.write(SKILL, 'Mine.\n');
    await on.client.write('plugins/sales/notes.txt', 'Mine too.\n');
    await on.server.close();

    const { exitCode, stdout } = await on.client.run('remove', 'sales');

    expect(exitCode).toBe(0);
    expect(stdout).toContain('sales 0.0.0-dev.1 removed: 3 files deleted\n');
    expect(await on.client.files('plugins/sales')).toEqual({
      'notes.txt': 'Mine too.\n',
      'skills/greet/SKILL.md': 'Mine.\n',
    });
  });

  it('is not installed again by the next sync', async () => {
    await on.client.run('add', 'sales');
    await on.client.run('remove', 'sales');

    const { stdout } = await on.client.run('sync');

    expect(stdout).toBe('nothing is installed: `waymark add <plugin>` first\n');
    expect(await on.client.files('plugins')).toEqual({});
  });

  it('names what is not installed: exit 2', async () => {
    await on.client.run('add', 'sales');

    const { exitCode, stderr } = await on.client.run('remove', 'ops');

    expect(exitCode).toBe(2);
    expect(stderr).toBe('waymark: not installed here: ops\n');
  });
});

describe('waymark status', () => {
  const on = useEnrolled();

  it('lists versions, changes and what the server would change', async () => {
    await on.client.run('add', 'sales');
    await on.client.write(SKILL, 'Mine.\n');
    const to = { version: '0.0.0-dev.2' };
    on.server.updates.push({ pluginId: 'sales', op: 'update', reason: 'new_commit', to });

    const { exitCode, stdout } = await on.client.run('status');

    expect(exitCode).toBe(0);
    expect(stdout.split('\n').slice(1)).toEqual([
      'PLUGIN  VERSION      ASKED FOR  CHANGES  UPDATE',
      'sales   0.0.0-dev.1  *          1        update to 0.0.0-dev.2 (new commit)',
      '  modified  sales/skills/greet/SKILL.md',
      '',
    ]);
  });

  it('asks nobody with --offline', async () => {
    await on.client.run('add', 'sales');
    await on.server.close();

    const { exitCode, stdout } = await on.client.run('status', '--offline', '--json');

    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      channel: 'rolling',
      plugins: [{ plugin: 'sales', version: '0.0.0-dev.1', changes: [], update: null }],
    });
  });

  it('fails in a sentence when the server does not answer', async () => {
    await on.server.close();

    const { exitCode, stderr } = await on.client.run('status');

    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^waymark: http:\/\/127\.0\.0\.1:\d+ does not answer: .*ECONNREFUSED/);
  });
});
