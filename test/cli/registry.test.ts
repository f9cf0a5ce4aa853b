import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeClient, type TestClient } from '../support/client.ts';
import { runGit } from '../support/git.ts';

const context = (body: string): string =>
  [
    'apiVersion: waymark/v1',
    'kind: Context',
    'metadata: {title: House}',
    'spec:',
    `  body: ${body}`,
    '',
  ].join('\n');

const registry = {
  'registry.yaml': 'apiVersion: waymark/v1\nkind: Registry\nspec: {}\n',
  'plugins/sales/plugin.yaml': 'apiVersion: waymark/v1\nkind: Plugin\nspec: {title: Sales}\n',
  'plugins/sales/contexts/house.yaml': context('Be kind.'),
};

let client: TestClient;
beforeEach(async () => {
  client = await makeClient();
  for (const [path, content] of Object.entries(registry)) await client.write(path, content);
});
afterEach(() => client.remove());

describe('waymark validate', () => {
  it('takes a registry that compiles', async () => {
    const { exitCode, stdout } = await client.run('validate');

    expect(stdout).toBe('valid: 1 plugin, 1 object, 0 warnings\n');
    expect(exitCode).toBe(0);
  });

  it('reports every fault at once, as path:line:column: exit 1', async () => {
    await client.write('plugins/sales/contexts/a.yaml', 'kind: [\n');
    await client.write('plugins/sales/contexts/house.yaml', context('1'));

    const { exitCode, stdout } = await client.run('validate');

    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^error: plugins\/sales\/contexts\/a\.yaml:\d+:\d+ /m);
    expect(stdout).toMatch(/^error: plugins\/sales\/contexts\/house\.yaml:5:9 /m);
    expect(stdout).toMatch(/^\d errors, 0 warnings$/m);
  });

  it('names the file and line of a secret: exit 1', async () => {
    // Put together here, so that no scanner takes this file for a leak.
    const token = `ghp_${'a1B2c3D4e5F6g7H8i9J0'.repeat(2).slice(0, 36)}`;
    await client.write('plugins/sales/README.md', `Use\n${token}\n`);

    const { exitCode, stdout } = await client.run('validate');

    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^error: plugins\/sales\/README\.md:2:1 this looks like a secret/);
    expect(stdout).not.toContain(token);
  });

  it('annotates for GitHub, escaped as its commands need it', async () => {
    await client.write('plugins/sales/contexts/a,b.yaml', 'kind: [\n');

    const { stdout } = await client.run('validate', '--format', 'github');

    expect(stdout).toMatch(
      /^::error file=plugins\/sales\/contexts\/a%2Cb\.yaml,line=\d+,col=\d+,title=/,
    );
  });

  it.each([['--format', 'json'], ['--json']])('answers with JSON for %s %s', async (...flags) => {
    const { stdout } = await client.run('validate', ...flags);

    expect(JSON.parse(stdout)).toEqual({ ok: true, diagnostics: [], plugins: 1, objects: 1 });
  });

  it('refuses what is no folder: exit 2', async () => {
    expect((await client.run('validate', 'nowhere')).exitCode).toBe(2);
  });
});

describe('waymark diff', () => {
  const commit = async (message: string): Promise<void> => {
    await runGit(client.dir, ['add', '-A']);
    await runGit(client.dir, ['commit', '-q', '-m', message]);
  };
  beforeEach(async () => {
    await runGit(client.dir, ['init', '-q', '-b', 'main']);
    await commit('First');
    await runGit(client.dir, ['tag', 'first']);
    await client.write('plugins/sales/contexts/house.yaml', context('Be kinder.'));
    await client.write(
      'plugins/ops/plugin.yaml',
      'apiVersion: waymark/v1\nkind: Plugin\nspec: {title: Ops}\n',
    );
    await client.write('channels/stable.yaml', 'apiVersion: waymark/v1\nkind: Channel\nspec: {}\n');
    await commit('Second');
  });

  it('compares two revisions, object by object', async () => {
    const { exitCode, stdout } = await client.run('diff', 'main~1', 'main');

    expect(exitCode).toBe(0);
    expect(stdout).toBe(
      [
        'plugins:',
        '  + ops',
        '  ~ sales',
        'objects:',
        '  ~ sales.context.house',
        'documents:',
        '  + channels/stable.yaml',
        '',
      ].join('\n'),
    );
  });

  it('compares a tag with the working tree, the other way round', async () => {
    const { stdout } = await client.run('diff', '.', 'first', '--json');

    expect(JSON.parse(stdout)).toMatchObject({
      plugins: { removed: ['ops'], changed: ['sales'] },
      documents: { removed: ['channels/stable.yaml'] },
    });
  });

  it('takes packed objects and short commit names', async () => {
    const short = await runGit(client.dir, ['rev-parse', '--short', 'main']);
    await runGit(client.dir, ['gc', '-q']);

    expect((await client.run('diff', short, 'HEAD')).stdout).toBe('no difference\n');
  });

  it.each(['nowhere', 'main~9'])('refuses the revision %s: exit 2', async (revision) => {
    expect((await client.run('diff', revision, 'main')).exitCode).toBe(2);
  });

  it('says what is wrong with one that does not compile: exit 1', async () => {
    await client.write('plugins/sales/contexts/a.yaml', 'kind: [\n');

    const { exitCode, stderr } = await client.run('diff', 'main', '.');

    expect(exitCode).toBe(1);
    expect(stderr).toMatch(
      /^waymark: \. does not compile:\n {2}plugins\/sales\/contexts\/a\.yaml:/,
    );
  });
});

describe('waymark init', () => {
  it('makes a registry that is valid', async () => {
    const made = await client.run('init', 'fresh');
    const { exitCode } = await client.run('validate', 'fresh');

    expect(made.stdout).toContain('next: cd fresh && git init -b main && waymark validate\n');
    expect(exitCode).toBe(0);
  });

  it('refuses a folder that is not empty: exit 2', async () => {
    const { exitCode, stderr } = await client.run('init');

    expect(exitCode).toBe(2);
    expect(stderr).toContain('is not empty: it has plugins, registry.yaml');
  });
});
