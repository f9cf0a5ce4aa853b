import { mkdir } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TestClient } from '../support/client.ts';
import { runGit } from '../support/git.ts';
import { openSite, push, type Site, succeed } from '../support/site.ts';
import { command, smallRegistry } from '../support/small-registry.ts';

const QUOTE = 'plugins/sales/commands/quote.yaml';
const SKILL = 'plugins/sales/skills/brief/SKILL.md';

/** One story, told in order: each step finds what the ones before it left. */
describe('from an empty organisation to a yanked release', () => {
  let site: Site;
  let tree: string;
  let publisher: TestClient;
  let ada: TestClient;

  beforeAll(async () => {
    site = await openSite({ isEmpty: true });
  });

  afterAll(() => site.close());

  it('org create and key create make what git needs', async () => {
    const token = await site.keyOf('--role', 'publisher', '--user', 'pat@example.com');
    publisher = await site.person(token);
    tree = publisher.path('registry');
    await mkdir(tree);
    await runGit(tree, ['init', '-q', '-b', 'main']);
    await runGit(tree, ['remote', 'add', 'origin', site.gitUrl(token)]);

    const { stderr } = await push(tree, smallRegistry);

    expect(stderr).toContain('HEAD -> main');
  });

  it('release publish makes a signed tag', async () => {
    const { stdout } = await succeed(publisher, 'release', 'publish', 'sales@1.0.0', 'ops@1.0.0');

    const commit = await runGit(tree, ['rev-parse', '--short=12', 'HEAD']);
    expect(stdout).toBe(
      `published sales 1.0.0 as sales--v1.0.0 (release 1, commit ${commit})\n` +
        `published ops 1.0.0 as ops--v1.0.0 (release 1, commit ${commit})\n`,
    );
  });

  it('enrol pins the root, and add installs what the channel has, with what it requires', async () => {
    ada = await site.person(await site.keyOf('--role', 'editor', '--user', 'ada@example.com'));
    const { stdout } = await succeed(ada, 'enrol', '--name', 'laptop', '--channel', 'stable');
    expect(stdout).toContain('enrolled laptop');

    const added = await succeed(ada, 'add', 'sales');

    expect(added.stdout).toBe(
      'ops 1.0.0: 2 files written\nsales 1.0.0: 6 files written\nin plugins (raw)\n',
    );
    expect(await ada.read(SKILL)).toBe(smallRegistry[SKILL]);
    expect(await ada.read(QUOTE)).toBe(smallRegistry[QUOTE]);
  });

  it('a push alone changes nothing on the channel stable', async () => {
    await push(tree, { [QUOTE]: command('Write a short quote.'), [SKILL]: 'Write a page.\n' });

    const { stdout } = await succeed(ada, 'sync');

    expect(stdout).toBe('ops 1.0.0: up to date\nsales 1.0.0: up to date\n');
  });

  it('status tells of the new release and of a file changed here', async () => {
    await succeed(publisher, 'release', 'publish', 'sales@1.1.0', '--notes', 'Shorter.');
    await ada.write(SKILL, 'Write two pages.\n');

    const status = (await succeed(ada, 'status', '--json')).json();

    const [, sales] = status['plugins'] as Record<string, unknown>[];
    expect(sales).toMatchObject({
      plugin: 'sales',
      version: '1.0.0',
      changes: [{ path: 'skills/brief/SKILL.md', state: 'modified' }],
      update: { op: 'update', reason: 'new_release', to: { version: '1.1.0' } },
    });
  });

  it('sync updates the rest, keeps that file and puts the new one beside it', async () => {
    const { exitCode, stdout } = await ada.run('sync');

    expect(exitCode).toBe(3);
    expect(stdout).toContain('sales 1.0.0 -> 1.1.0');
    expect(await ada.read(QUOTE)).toBe(command('Write a short quote.'));
    expect(await ada.read(SKILL)).toBe('Write two pages.\n');
    expect(await ada.read(`${SKILL}.remote`)).toBe('Write a page.\n');
  });

  it('verify knows the kept change and finds no fault', async () => {
    const { stdout } = await succeed(ada, 'verify');

    expect(stdout).toContain('known changes:\n');
    expect(stdout).not.toContain('not as delivered');
  });

  it('the server knows the report, with the drift', async () => {
    const { clientId, token } = await enrolmentOf(ada);
    const url = `${site.server.url}/v1/orgs/${site.org}/delivery/clients/${clientId}/state`;
    const answer = await fetch(url, { headers: { authorization: `Bearer ${token}` } });

    expect(await answer.json()).toMatchObject({
      index: { channel: 'stable' },
      plugins: [{ pluginId: 'ops' }, { pluginId: 'sales', version: '1.1.0' }],
      drift: [{ pluginId: 'sales', reason: 'modified', items: ['sales.skill.brief'] }],
    });
  });

  it('rollback goes back without the server, and stays there', async () => {
    const { stdout } = await succeed(ada, 'rollback', 'sales');
    expect(stdout).toContain('sales 1.1.0 -> 1.0.0');
    expect(await ada.read(QUOTE)).toBe(smallRegistry[QUOTE]);

    const again = await succeed(ada, 'sync');

    expect(again.stdout).toContain('sales 1.0.0: up to date');
    await ada.run('add', 'sales', '--on-conflict', 'remote');
    expect(await ada.read(QUOTE)).toBe(command('Write a short quote.'));
  });

  it('a yank takes the clients of the channel back, by a statement that is signed', async () => {
    await succeed(publisher, 'release', 'yank', 'sales@1.1.0', '--reason', 'wrong terms');
    const status = (await succeed(ada, 'status', '--json')).json();
    const [, sales] = status['plugins'] as Record<string, unknown>[];
    expect(sales).toMatchObject({ update: { op: 'rollback', reason: 'yanked' } });

    const { stdout } = await succeed(ada, 'sync');

    expect(stdout).toContain('sales 1.1.0 -> 1.0.0');
    expect(await ada.read(QUOTE)).toBe(smallRegistry[QUOTE]);
  });

  it('an exact pin still gets the yanked release', async () => {
    await succeed(ada, 'add', 'sales@1.1.0');

    expect(await ada.read(QUOTE)).toBe(command('Write a short quote.'));
  });

  it('release list says what was yanked, and why', async () => {
    const { stdout } = await succeed(publisher, 'release', 'list', 'sales');

    expect(stdout).toMatch(/^1\.1\.0 .* yanked: wrong terms$/m);
  });

  it('unyank puts it back for those who follow the channel', async () => {
    const fresh = await site.person(ada.env['WAYMARK_TOKEN']!);
    await succeed(fresh, 'enrol', '--name', 'desktop', '--channel', 'stable');
    expect((await succeed(fresh, 'add', 'sales')).stdout).toContain('sales 1.0.0:');

    await succeed(publisher, 'release', 'unyank', 'sales@1.1.0');

    expect((await succeed(fresh, 'sync')).stdout).toContain('sales 1.0.0 -> 1.1.0');
  });

  it('a plugin that was deleted is removed at the next sync', async () => {
    await runGit(tree, ['pull', '-q', '--rebase', 'origin', 'main']);
    await push(tree, { 'plugins/ops/plugin.yaml': null, 'plugins/ops/contexts/rules.yaml': null });

    await succeed(ada, 'sync');

    expect(await ada.files('plugins/ops')).toEqual({});
  });

  it('keys export gives what verifies the tags', async () => {
    const { stdout } = await succeed(ada, 'keys', 'export');

    expect(stdout).toContain('BEGIN PGP PUBLIC KEY BLOCK');
  });
});

async function enrolmentOf(client: TestClient): Promise<{ clientId: string; token: string }> {
  return JSON.parse(await client.read('.waymark/client.json'));
}
