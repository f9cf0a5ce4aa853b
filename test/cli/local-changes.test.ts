import { rm, symlink } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { salesFiles, useEnrolled } from '../support/enrolled.ts';

const SKILL = 'plugins/sales/skills/greet/SKILL.md';
const upstream = { ...salesFiles, 'skills/greet/SKILL.md': 'Say good morning.\n' };

describe('a file that was changed here', () => {
  const on = useEnrolled();
  const stateOf = async (path: string): Promise<string> =>
    JSON.parse(await on.client.read('waymark.lock')).plugins.sales.files[path]?.state;

  it('is kept and reported when nothing changed upstream', async () => {
    await on.client.run('add', 'sales');
    await on.client.write(SKILL, 'Mine.\n');

    const { exitCode, stdout } = await on.client.run('sync');

    expect(exitCode).toBe(0);
    expect(stdout).toContain('modified   skills/greet/SKILL.md (changed here, kept)');
    expect(await on.client.read(SKILL)).toBe('Mine.\n');
    expect(await stateOf('skills/greet/SKILL.md')).toBe('modified');
  });

  it('is kept when another file of its plugin is updated', async () => {
    await on.client.run('add', 'sales');
    await on.client.write(SKILL, 'Mine.\n');
    on.repository.publish('sales', { ...salesFiles, 'README.md': 'New.\n' });

    const { exitCode } = await on.client.run('sync');

    expect(exitCode).toBe(0);
    expect(await on.client.read(SKILL)).toBe('Mine.\n');
    expect(await on.client.read('plugins/sales/README.md')).toBe('New.\n');
  });

  it('is a conflict when it changed upstream too: exit 3, both are kept', async () => {
    await on.client.run('add', 'sales');
    await on.client.write(SKILL, 'Mine.\n');
    on.repository.publish('sales', upstream);

    const { exitCode, stdout } = await on.client.run('sync');

    expect(exitCode).toBe(3);
    expect(stdout).toContain('1 conflict left');
    expect(await on.client.read(SKILL)).toBe('Mine.\n');
    expect(await on.client.read(`${SKILL}.remote`)).toBe('Say good morning.\n');
    expect(await stateOf('skills/greet/SKILL.md')).toBe('conflict');
  });

  it('stays a conflict until the copy beside it is removed, and is a modified file then', async () => {
    await on.client.run('add', 'sales');
    await on.client.write(SKILL, 'Mine.\n');
    on.repository.publish('sales', upstream);
    await on.client.run('sync');

    const again = await on.client.run('sync');
    await rm(on.client.path(`${SKILL}.remote`));
    const settled = await on.client.run('sync');

    expect([again.exitCode, settled.exitCode]).toEqual([3, 0]);
    expect(await stateOf('skills/greet/SKILL.md')).toBe('modified');
    expect(await on.client.read(SKILL)).toBe('Mine.\n');
  });

  it('has converged when the two were made equal, and the copy goes', async () => {
    await on.client.run('add', 'sales');
    await on.client.write(SKILL, 'Mine.\n');
    on.repository.publish('sales', upstream);
    await on.client.run('sync');
    await on.client.write(SKILL, 'Say good morning.\n');

    const { exitCode } = await on.client.run('sync');

    expect(exitCode).toBe(0);
    expect(await stateOf('skills/greet/SKILL.md')).toBe('converged');
    expect(await on.client.files('plugins/sales')).not.toHaveProperty(
      'skills/greet/SKILL.md.remote',
    );
  });

  it('gives way with --on-conflict remote, and is kept beside as .local', async () => {
    await on.client.run('add', 'sales');
    await on.client.write(SKILL, 'Mine.\n');
    on.repository.publish('sales', upstream);

    const { exitCode } = await on.client.run('sync', '--on-conflict', 'remote');

    expect(exitCode).toBe(0);
    expect(await on.client.read(SKILL)).toBe('Say good morning.\n');
    expect(await on.client.read(`${SKILL}.local`)).toBe('Mine.\n');
  });

  it('stops everything with --on-conflict fail', async () => {
    await on.client.run('add', 'sales');
    await on.client.write(SKILL, 'Mine.\n');
    on.repository.publish('sales', { ...upstream, 'README.md': 'New.\n' });
    const before = await on.client.files();

    const { exitCode, stderr } = await on.client.run('sync', '--on-conflict', 'fail');

    expect(exitCode).toBe(3);
    expect(stderr).toContain('  sales/skills/greet/SKILL.md\n');
    expect(await on.client.files()).toEqual(before);
  });

  it('stays when upstream removes it, as an orphan', async () => {
    await on.client.run('add', 'sales');
    await on.client.write('plugins/sales/README.md', 'Mine.\n');
    const { 'README.md': _, ...rest } = salesFiles;
    on.repository.publish('sales', rest);

    const { exitCode } = await on.client.run('sync');

    expect(exitCode).toBe(0);
    expect(await on.client.read('plugins/sales/README.md')).toBe('Mine.\n');
    expect(await stateOf('README.md')).toBe('orphaned');
  });
});

describe('a file that was deleted here', () => {
  const on = useEnrolled();

  it('stays deleted, also when it changed upstream', async () => {
    await on.client.run('add', 'sales');
    await rm(on.client.path(SKILL));
    on.repository.publish('sales', upstream);

    const { exitCode, stdout } = await on.client.run('sync');

    expect(exitCode).toBe(0);
    expect(stdout).toContain('suppressed skills/greet/SKILL.md (deleted here, stays deleted)');
    expect(await on.client.files('plugins/sales')).not.toHaveProperty('skills/greet/SKILL.md');
  });
});

describe("a file that is the user's own", () => {
  const on = useEnrolled();

  it('is left where it is by an update', async () => {
    await on.client.run('add', 'sales');
    await on.client.write('plugins/sales/notes/mine.txt', 'Mine.\n');
    on.repository.publish('sales', upstream);

    await on.client.run('sync');

    expect(await on.client.read('plugins/sales/notes/mine.txt')).toBe('Mine.\n');
  });

  it('stops an install that would replace it: exit 3, nothing written', async () => {
    await on.client.write(SKILL, 'Mine.\n');
    const before = await on.client.files();

    const { exitCode, stderr } = await on.client.run('add', 'sales');

    expect(exitCode).toBe(3);
    expect(stderr).toContain('  sales/skills/greet/SKILL.md\n');
    expect(await on.client.files()).toEqual(before);
  });

  it('is adopted when it equals what is delivered', async () => {
    await on.client.write(SKILL, 'Say hello.\n');

    const { exitCode } = await on.client.run('add', 'sales');

    expect(exitCode).toBe(0);
    expect(await on.client.read(SKILL)).toBe('Say hello.\n');
  });

  it('is put aside with --on-conflict remote', async () => {
    await on.client.write(SKILL, 'Mine.\n');

    const { exitCode } = await on.client.run('add', 'sales', '--on-conflict', 'remote');

    expect(exitCode).toBe(0);
    expect(await on.client.read(SKILL)).toBe('Say hello.\n');
    expect(await on.client.read(`${SKILL}.local`)).toBe('Mine.\n');
  });

  it('is never written through when it is a link to another place', async () => {
    await on.client.write('elsewhere/SKILL.md', 'Not yours.\n');
    await on.client.write('plugins/sales/keep.txt', '');
    await symlink(on.client.path('elsewhere'), on.client.path('plugins/sales/skills'));

    const { exitCode } = await on.client.run('add', 'sales');

    expect(exitCode).toBe(3);
    expect(await on.client.files('elsewhere')).toEqual({ 'SKILL.md': 'Not yours.\n' });
  });

  it('stops an install into a plugin folder that is a link', async () => {
    await on.client.write('elsewhere/keep.txt', 'Not yours.\n');
    await on.client.write('plugins/other.txt', '');
    await symlink(on.client.path('elsewhere'), on.client.path('plugins/sales'));

    const { exitCode } = await on.client.run('add', 'sales');

    expect(exitCode).toBe(1);
    expect(await on.client.files('elsewhere')).toEqual({ 'keep.txt': 'Not yours.\n' });
  });
});
