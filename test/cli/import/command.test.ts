import { rm } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeClient, type TestClient } from '../../support/client.ts';

const LIST = 'upstream/.claude-plugin/marketplace.json';
const PLUGIN = 'upstream/tools/.claude-plugin/plugin.json';
const SKILL = 'upstream/tools/skills/greet/SKILL.md';
const REPORT = 'registry/docs/import/team-tools/import-report.json';

let client: TestClient;

beforeEach(async () => {
  client = await makeClient();
  await client.write(
    LIST,
    JSON.stringify({
      name: 'Team Tools',
      owner: { name: 'Ada', email: 'ada@example.com' },
      plugins: [
        { name: 'tools', source: './tools' },
        { name: 'far', source: { source: 'github', repo: 'example/far' } },
      ],
    }),
  );
  await client.write(PLUGIN, '{"name": "tools"}');
  await client.write(SKILL, '---\nname: greet\ndescription: Greets.\n---\nSay hello.\n');
  await client.write('upstream/tools/commands/audit.md', '# Audit\n');
});

afterEach(() => client.remove());

const importing = (...more: string[]) =>
  client.run('import', 'upstream', '--out', 'registry', ...more);

describe('waymark import', () => {
  it('makes a registry that waymark validate accepts', async () => {
    expect((await importing()).exitCode).toBe(0);

    const checked = await client.run('validate', 'registry');

    expect(checked.exitCode).toBe(0);
    expect(await client.read('registry/registry.yaml')).toContain('defaultAccess: orgWide');
  });

  it('prints what differs, and where the whole report is', async () => {
    const { stdout } = await importing();

    expect(stdout).toBe(
      [
        'Team Tools: 1 plugins, 1 skill, 0 agent, 1 command, 0 mcp, 0 hook, 4 files',
        '',
        'description-from-text (1)',
        '  tools/commands/audit.md description: taken from the text',
        '',
        'remote-source (1)',
        '  .claude-plugin/marketplace.json far: not imported: its source is github',
        '',
        'the whole report: docs/import/team-tools/import-report.json',
        '',
      ].join('\n'),
    );
  });

  it('answers the report that it wrote with --json', async () => {
    const run = await importing('--json');

    expect(run.json()).toEqual(JSON.parse(await client.read(REPORT)));
    expect(run.json()).toMatchObject({
      marketplace: { id: 'team-tools', name: 'Team Tools', entries: 2 },
      plugins: [{ id: 'tools', name: 'tools', folder: 'tools' }],
      differences: [],
    });
  });

  it('shows no address of a person', async () => {
    const { stdout, stderr } = await importing('--json');

    expect(stdout + stderr).not.toContain('@');
  });

  it('changes nothing when nothing changed upstream', async () => {
    await importing();
    const before = await client.files('registry');

    await importing();

    expect(await client.files('registry')).toEqual(before);
  });

  it('changes two files for one changed description', async () => {
    await importing();
    const before = await client.files('registry');
    await client.write(SKILL, '---\nname: greet\ndescription: Greets all.\n---\nSay hello.\n');

    await importing();

    const after = await client.files('registry');
    expect(Object.keys(after)).toEqual(Object.keys(before));
    expect(Object.keys(after).filter((path) => after[path] !== before[path])).toEqual([
      'plugins/tools/skills/greet/SKILL.md',
      'plugins/tools/skills/greet/skill.yaml',
    ]);
  });

  it('takes out what is gone upstream', async () => {
    await client.write('upstream/old/.claude-plugin/plugin.json', '{"name": "old"}');
    await client.write('upstream/tools/commands/old.md', 'Old.\n');
    await importing();
    await rm(client.path('upstream/old'), { recursive: true });
    await rm(client.path('upstream/tools/commands/old.md'));

    await importing();

    const paths = Object.keys(await client.files('registry/plugins'));
    expect(paths.filter((path) => path.includes('old'))).toEqual([]);
  });

  it('leaves the rest of a registry alone', async () => {
    await client.write('registry/registry.yaml', 'mine');
    await client.write('registry/plugins/other/plugin.yaml', 'mine too');

    await importing();

    expect(await client.read('registry/registry.yaml')).toBe('mine');
    expect(await client.read('registry/plugins/other/plugin.yaml')).toBe('mine too');
  });

  it('refuses to write over a plugin that came from elsewhere', async () => {
    await client.write('registry/plugins/tools/plugin.yaml', 'mine');

    const { exitCode, stderr } = await importing();

    expect(exitCode).toBe(1);
    expect(stderr).toContain('plugins/tools is there already and did not come from team-tools');
    expect(await client.files('registry')).toEqual({ 'plugins/tools/plugin.yaml': 'mine' });
  });

  it('removes no folder that an edited report names outside plugins/', async () => {
    await importing();
    await client.write('precious/file.txt', 'keep');
    await client.write(
      REPORT,
      '{"plugins": [{"id": "../../precious"}, {"id": 7}, {"id": "tools"}]}',
    );

    await importing();

    expect(await client.read('precious/file.txt')).toBe('keep');
  });

  it('fails for a folder that holds no marketplace', async () => {
    const { exitCode, stderr } = await client.run('import', 'upstream/tools', '--out', 'registry');

    expect(exitCode).toBe(1);
    expect(stderr).toContain('there is no .claude-plugin/marketplace.json here');
  });
});

describe('waymark export', () => {
  it('gives back the plugin that was imported', async () => {
    await importing();

    const { exitCode, stdout } = await client.run('export', 'registry', '--out', 'back');

    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: 'tools: 3 files\n' });
    expect(await client.files('back/tools')).toEqual(await client.files('upstream/tools'));
  });

  it('lists what the tool cannot take', async () => {
    await importing();
    await client.write(
      'registry/plugins/tools/contexts/style.yaml',
      'apiVersion: waymark/v1\nkind: Context\nspec: {body: Be brief.}\n',
    );

    const run = await client.run('export', 'registry', '--out', 'back', '--json');

    expect(run.json()['unsupported']).toEqual([
      {
        plugin: 'tools',
        objectId: 'tools.context.style',
        target: 'unsupported: a plugin cannot carry context',
      },
    ]);
  });

  it('writes into an empty folder only', async () => {
    await importing();
    await client.write('back/mine.txt', 'mine');

    const { exitCode, stderr } = await client.run('export', 'registry', '--out', 'back');

    expect(exitCode).toBe(1);
    expect(stderr).toContain('is not empty: export writes to a new folder');
  });

  it.each([
    ['a layout that nobody knows', ['--layout', 'vim'], 2, '--layout is one of'],
    ['a layout that cannot be rendered yet', ['--layout', 'cursor'], 1, 'cannot be rendered yet'],
  ])('refuses %s', async (_what, options, code, words) => {
    await importing();

    const run = await client.run('export', 'registry', '--out', 'back', ...options);

    expect(run.exitCode).toBe(code);
    expect(run.stderr).toContain(words);
  });

  it('points to validate for a registry that does not compile', async () => {
    await client.write('broken/plugins/p/plugin.yaml', 'kind: [');

    const { exitCode, stderr } = await client.run('export', 'broken', '--out', 'back');

    expect(exitCode).toBe(1);
    expect(stderr).toContain('waymark validate shows what is wrong');
  });
});
