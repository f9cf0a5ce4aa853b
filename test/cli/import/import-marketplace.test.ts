import { symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Import, importMarketplace } from '../../../cli/import/import-marketplace.ts';
import { writeRegistry } from '../../../cli/import/write-registry.ts';
import { compileDirectory, compileDirectoryContents } from '../../../src/registry/directory.ts';
import { renderLayout } from '../../../src/registry/layout/render.ts';
import { type FileTexts, inFolder } from '../../support/plugin-contents.ts';

const LIST = '.claude-plugin/marketplace.json';
const MANIFEST = '.claude-plugin/plugin.json';

const marketplace = (...plugins: object[]): FileTexts => ({
  [LIST]: JSON.stringify({ name: 'm', owner: { name: 'Ada' }, plugins }),
});
const entry = { name: 'p', source: './p' };

/** Imports a folder, and answers the import, its texts, and the Claude layout of plugin `p`. */
async function importing(files: FileTexts, prepare?: (dir: string) => Promise<void>) {
  return inFolder(files, async (dir) => {
    await prepare?.(dir);
    const imported = await importMarketplace(dir);
    const texts = await textsOf(imported);
    const { verdict, layout } = await inFolder({}, async (out) => {
      await writeRegistry(out, imported);
      return { verdict: await compileDirectory(out), layout: await layoutOf(out) };
    });
    expect(verdict.diagnostics).toEqual([]);
    const notes = imported.report.notes.map(({ code, path: at, field }) =>
      [code, at, field].filter((it) => it !== undefined).join(' '),
    );
    return { ...imported, texts, layout, notes };
  });
}

async function textsOf({ files }: Import): Promise<Record<string, string>> {
  const texts: Record<string, string> = {};
  for (const [file, { read }] of files) texts[file] = (await read()).toString();
  return texts;
}

async function layoutOf(dir: string): Promise<Record<string, string>> {
  const { contents, read } = await compileDirectoryContents(dir);
  const content = contents.get('p');
  if (!content) return {};
  const { items, files } = await renderLayout('claude', content, read);
  const all = [...files, ...items.flatMap((item) => item.files)];
  return Object.fromEntries(all.map(({ path: at, bytes }) => [at, bytes.toString()]));
}

/** Files of the folder `p`, with a plugin.json that says nothing. */
const plugin = (files: FileTexts): FileTexts => ({
  ...marketplace(entry),
  [`p/${MANIFEST}`]: '{"name":"p"}',
  ...Object.fromEntries(Object.entries(files).map(([at, text]) => [`p/${at}`, text])),
});

const sourceOf = (files: FileTexts): FileTexts =>
  Object.fromEntries(
    Object.entries(files)
      .filter(([at]) => at.startsWith('p/'))
      .map(([at, text]) => [at.slice(2), text]),
  );

describe('importMarketplace', () => {
  it('refuses a folder that is no marketplace', async () => {
    await expect(inFolder({ 'README.md': 'x' }, importMarketplace)).rejects.toThrow(
      'there is no .claude-plugin/marketplace.json here',
    );
  });

  it.each(['[]', '{}', '{"plugins":{}}', 'no JSON'])('refuses a list that is %s', async (text) => {
    await expect(inFolder({ [LIST]: text }, importMarketplace)).rejects.toThrow(
      'is not a JSON object with a list of plugins',
    );
  });

  it('writes the list, the plugin, and each object beside its untouched file', async () => {
    const skill = '---\nname: Greeter\ndescription: Greets.\n---\nSay hello.\n';
    const { texts } = await importing({
      ...plugin({ 'skills/greet/SKILL.md': skill, 'skills/greet/run.sh': 'echo\n' }),
      'README.md': 'of the collection',
    });

    expect(texts).toMatchObject({
      'marketplaces/m.yaml':
        'apiVersion: waymark/v1\nkind: Marketplace\nmetadata:\n  title: m\nspec:\n' +
        '  owner:\n    name: Ada\n  plugins:\n    - p\n',
      'plugins/p/plugin.yaml':
        'apiVersion: waymark/v1\nkind: Plugin\nmetadata:\n  title: p\nspec: {}\n',
      'plugins/p/skills/greet/skill.yaml':
        'apiVersion: waymark/v1\nkind: Skill\nmetadata:\n  title: Greeter\nspec:\n' +
        '  description: Greets.\n  bodyFrom: ./SKILL.md\n',
      'plugins/p/skills/greet/SKILL.md': skill,
      'plugins/p/skills/greet/run.sh': 'echo\n',
      'docs/import/m/README.md': 'of the collection',
    });
  });

  it('takes from the entry what plugin.json does not say', async () => {
    const { texts, notes } = await importing({
      ...marketplace({
        ...entry,
        displayName: 'The P',
        category: 'tools',
        version: '1.0.0',
        license: 'MIT',
        homepage: 'https://example.com',
      }),
      [`p/${MANIFEST}`]: '{"name":"p","version":"2.0.0","repository":"r"}',
    });

    expect(texts['plugins/p/plugin.yaml']).toBe(
      'apiVersion: waymark/v1\nkind: Plugin\nmetadata:\n  title: The P\n  labels:\n' +
        '    category: tools\nspec:\n  version: 2.0.0\n  license: MIT\n',
    );
    expect(notes).toEqual([
      `field-overruled ${LIST} p.version`,
      `field-in-original p/${MANIFEST} repository`,
      `field-in-original ${LIST} p.homepage`,
    ]);
  });

  it('lists plugins that lie elsewhere, and those that are not there', async () => {
    const { notes, report } = await importing(
      marketplace(
        { name: 'far', source: { source: 'url', url: 'https://example.com/x.git' } },
        { name: 'gone', source: './gone' },
        { name: 'out', source: '../outside' },
      ),
    );

    expect(report.plugins).toEqual([]);
    expect(notes).toEqual([
      `remote-source ${LIST} far`,
      `missing-folder ${LIST} gone`,
      `remote-source ${LIST} out`,
    ]);
  });

  it('imports a plugin that no entry names, outside the list', async () => {
    const { texts, notes } = await importing({ ...plugin({}), [`q/${MANIFEST}`]: '{"name":"q"}' });

    expect(texts['plugins/q/plugin.yaml']).toContain('title: q');
    expect(texts['marketplaces/m.yaml']).not.toContain('- q');
    expect(notes).toEqual(['not-listed q']);
  });

  it('imports the first of two entries of one name', async () => {
    const { notes } = await importing({ ...marketplace(entry, entry), 'p/README.md': 'x' });

    expect(notes).toContain(`listed-twice ${LIST} p`);
  });

  it('adapts ids to the rules', async () => {
    const { report, notes } = await importing({
      ...marketplace({ name: 'Word_Press.com', source: './p' }),
      [`p/${MANIFEST}`]: '{}',
    });

    expect(report.plugins.map(({ id }) => id)).toEqual(['word-press-com']);
    expect(notes).toEqual(['name-adapted p Word_Press.com']);
  });

  it('parts one folder among the entries that list its skills', async () => {
    const list = { source: './', strict: false };
    const { texts } = await importing({
      ...marketplace(
        { name: 'p', ...list, skills: ['./skills/a'] },
        { name: 'q', ...list, skills: ['./skills/b'] },
      ),
      'skills/a/SKILL.md': '---\ndescription: a\n---\n',
      'skills/b/SKILL.md': '---\ndescription: b\n---\n',
      'skills/c/SKILL.md': '---\ndescription: c\n---\n',
    });

    expect(Object.keys(texts).filter((at) => at.endsWith('SKILL.md'))).toEqual([
      'plugins/p/skills/a/SKILL.md',
      'plugins/q/skills/b/SKILL.md',
      'docs/import/m/skills/c/SKILL.md',
    ]);
  });

  it('makes a plugin of the marketplace itself', async () => {
    const files = { ...marketplace({ name: 'p', source: './' }), 'commands/c.md': 'Run.' };

    const { layout } = await importing(files);

    expect(Object.keys(layout).sort()).toEqual([MANIFEST, 'commands/c.md']);
  });

  it("looks for plugins below the marketplace's pluginRoot", async () => {
    const list = {
      name: 'm',
      metadata: { pluginRoot: './all' },
      plugins: [{ name: 'p', source: 'p' }],
    };

    const { report } = await importing({ [LIST]: JSON.stringify(list), 'all/p/README.md': 'x' });

    expect(report.plugins).toEqual([{ id: 'p', name: 'p', folder: 'all/p' }]);
  });

  it('gives the entry of a plugin without plugin.json the form of one', async () => {
    const lspServers = { go: { command: 'gopls' } };
    const { layout, differences, notes } = await importing({
      ...marketplace({ ...entry, strict: false, version: '1.0.0', lspServers }),
      'p/README.md': 'x',
    }).then((it) => ({ ...it, differences: it.report.differences }));

    expect(JSON.parse(layout[MANIFEST]!)).toEqual({ name: 'p', version: '1.0.0', lspServers });
    expect(differences).toEqual([{ plugin: 'p', path: MANIFEST, change: 'added' }]);
    expect(notes).toContain(`manifest-generated p/${MANIFEST}`);
  });

  it('adds to plugin.json the lists that only the entry has', async () => {
    const { layout, notes, report } = await importing({
      ...marketplace({ ...entry, skills: ['./extra/s'] }),
      [`p/${MANIFEST}`]: '{"name":"p"}',
      'p/extra/s/SKILL.md': '---\ndescription: s\n---\n',
    });

    expect(JSON.parse(layout[MANIFEST]!)).toEqual({ name: 'p', skills: ['./extra/s'] });
    expect(layout).toHaveProperty(['extra/s/SKILL.md']);
    expect(notes).toEqual([`manifest-completed p/${MANIFEST} skills`]);
    expect(report.differences).toEqual([{ plugin: 'p', path: MANIFEST, change: 'changed' }]);
  });

  it('goes by plugin.json where both list something', async () => {
    const { notes, report } = await importing({
      ...marketplace({ ...entry, skills: ['./b'] }),
      [`p/${MANIFEST}`]: '{"name":"p","skills":["./a"]}',
      'p/a/s/SKILL.md': 'A.',
      'p/b/s/SKILL.md': 'B.',
    });

    expect(notes).toContain(`field-overruled ${LIST} p.skills`);
    expect(report.counts['skill']).toBe(1);
    expect(report.differences).toEqual([]);
  });

  it('writes anew a plugin.json that is no JSON', async () => {
    const { layout, notes, report } = await importing(plugin({ [MANIFEST]: '{"name":' }));

    expect(JSON.parse(layout[MANIFEST]!)).toEqual({ name: 'p' });
    expect(notes).toEqual([`manifest-invalid p/${MANIFEST}`]);
    expect(report.differences).toEqual([{ plugin: 'p', path: MANIFEST, change: 'changed' }]);
  });

  it('reports the paths of a manifest at which nothing stands', async () => {
    const manifest = { name: 'p', skills: ['./nowhere', './skills'], agents: '../outside.md' };

    const { notes } = await importing(
      plugin({ [MANIFEST]: JSON.stringify(manifest), 'skills/s/SKILL.md': 'x' }),
    );

    expect(notes).toEqual(
      expect.arrayContaining([
        `path-missing p/${MANIFEST} skills`,
        `path-missing p/${MANIFEST} agents`,
      ]),
    );
  });
});

describe('importMarketplace, file by file', () => {
  it.each<[what: string, files: FileTexts]>([
    [
      'agents in folders',
      { 'agents/a.md': 'A.', 'agents/team/a.md': 'B.', 'agents/README.md': 'r' },
    ],
    ['names against the rules', { 'commands/Do_It.md': 'x', 'skills/My Skill/SKILL.md': 'y' }],
    ['names that the rules make equal', { 'commands/a_b.md': '1', 'commands/a-b.md': '2' }],
    ['a skill in the root', { 'SKILL.md': '---\ndescription: d\n---\n', 'scripts/x.sh': 'x' }],
    ['skills in folders', { 'skills/a/b/SKILL.md': 'x', 'skills/a/b/c/SKILL.md': 'y' }],
    ['invalid headers', { 'agents/a.md': '---\ndescription: a: b\n---\nx' }],
    ['CRLF and a byte order mark', { 'commands/a.md': '\uFEFF---\r\ndescription: d\r\n---\r\nx' }],
    ['bytes that are no text', { 'agents/a.md': Buffer.from([0xff, 0xfe, 0x00, 0x41]) }],
    ['a control character', { 'commands/a.md': '---\ndescription: "a\\u0007b"\n---\n' }],
    ['an empty file', { 'commands/a.md': '', 'agents/b.md': '' }],
    ['a long description', { 'commands/a.md': `---\ndescription: ${'x'.repeat(5000)}\n---\n` }],
    [
      'files that a registry takes for its own',
      {
        'plugin.yaml': 'a: 1',
        'server/main.py': 'x',
        'objects/y.txt': 'y',
        'tools/t.yaml': '--- a\n--- b\n',
        'hooks/lib/x.sh': 'x',
        'skills/s/skill.yaml': 'no: document',
        'skills/s/SKILL.md': 'Text.',
        'skills/notes/no-skill.md': 'n',
        '.layouts/claude.json': '{}',
      },
    ],
    [
      'an unsupported handler among others',
      {
        'hooks/hooks.json': JSON.stringify({
          hooks: { Stop: [{ hooks: [{ type: 'prompt' }, { type: 'command', command: 'a' }] }] },
        }),
      },
    ],
    ['a broken .mcp.json', { '.mcp.json': '{"a":' }],
    [
      'servers inside plugin.json',
      { [MANIFEST]: '{"name":"p", "mcpServers":{"a":{"command":"x"}}}' },
    ],
    [
      'hooks where plugin.json points to',
      {
        [MANIFEST]: '{"name":"p", "hooks":"./config/hooks.json"}',
        'config/hooks.json': '{"hooks":{"Stop":[{"hooks":[{"type":"command","command":"a"}]}]}}',
      },
    ],
  ])('gives back %s byte for byte', async (_what, files) => {
    const source = plugin(files);

    const { layout, report } = await importing(source);

    const wanted = Object.entries(sourceOf(source)).map(([at, text]) => [at, String(text)]);
    expect(layout).toEqual(Object.fromEntries(wanted));
    expect(report.differences).toEqual([]);
  });

  it('notes each field that no YAML says', async () => {
    const { notes } = await importing(
      plugin({
        'agents/a.md': '---\nname: b\ndescription: d\ncolor: red\n---\n',
        'commands/Big.md': '# Big thing\n',
        '.mcp.json': '{"s":{"command":"x","timeout":5},"w":{"type":"ws","url":"wss://h"}}',
      }),
    );

    expect(notes).toEqual([
      'field-in-original p/agents/a.md color',
      'name-adapted p/commands/Big.md',
      'description-from-text p/commands/Big.md description',
      'field-in-original p/.mcp.json s.timeout',
      'entry-unsupported p/.mcp.json w',
    ]);
  });

  it('takes secrets out of the settings, and asks for them instead', async () => {
    const secret = `ghp_${'a1B2'.repeat(9)}`;
    const servers = {
      git: { command: 'x', env: { GITHUB_TOKEN: secret }, args: ['--token', secret] },
      web: { type: 'http', url: 'https://h', headers: { Authorization: `Bearer ${secret}` } },
    };

    const { texts, layout, report } = await importing(
      plugin({ '.mcp.json': JSON.stringify({ mcpServers: servers }) }),
    );

    expect(Object.entries(texts).filter(([, text]) => text.includes(secret))).toEqual([]);
    expect(JSON.parse(layout['.mcp.json']!).mcpServers).toEqual({
      git: {
        command: 'x',
        env: { GITHUB_TOKEN: '${GITHUB_TOKEN}' },
        args: ['--token', '${GIT_1_SECRET}'],
      },
      web: {
        type: 'http',
        url: 'https://h',
        headers: { Authorization: '${WEB_AUTHORIZATION_SECRET}' },
      },
    });
    expect(report.notes.map(({ code, field }) => `${code} ${field}`)).toEqual([
      'secret-replaced git.env.GITHUB_TOKEN',
      'secret-replaced git.args.1',
      'secret-replaced web.headers.Authorization',
    ]);
    expect(report.differences).toEqual([{ plugin: 'p', path: '.mcp.json', change: 'changed' }]);
    expect(texts['plugins/p/mcps/git.yaml']).toContain('name: GITHUB_TOKEN');
  });

  it('lists a server whose document would be too large, and does without it', async () => {
    const servers = { big: { command: 'x', args: ['y'.repeat(300_000)] }, ok: { command: 'x' } };

    const { layout, notes, report } = await importing(
      plugin({ '.mcp.json': JSON.stringify({ mcpServers: servers }) }),
    );

    expect(notes).toEqual(['object-refused p/.mcp.json']);
    expect(JSON.parse(layout['.mcp.json']!)).toEqual({ mcpServers: { ok: { command: 'x' } } });
    expect(report.differences).toEqual([{ plugin: 'p', path: '.mcp.json', change: 'changed' }]);
  });

  it('lists what no registry can hold', async () => {
    const deep = `${'folder/'.repeat(26)}x.txt`;
    const { notes, report } = await importing(
      plugin({ [deep]: 'x', '.waymark/manifest.json': '{}' }),
      async (dir) => {
        await symlink('/etc/passwd', path.join(dir, 'p/link'));
        await writeFile(path.join(dir, 'p/large.bin'), Buffer.alloc(5 * 1024 * 1024 + 1));
      },
    );

    expect(notes.toSorted()).toEqual([
      'file-dropped p/.waymark',
      `file-dropped p/${deep}`,
      'file-dropped p/large.bin',
      'file-dropped p/link',
    ]);
    expect(report.differences.map(({ change }) => change)).toEqual([
      'missing',
      'missing',
      'missing',
      'missing',
    ]);
  });

  it('takes one of two names that only case keeps apart, and no name that no system takes', async () => {
    const { notes } = await importing(
      plugin({ 'NOTES.md': 'a', 'notes.md': 'b', 'a\nb.txt': 'c' }),
    );

    expect(notes).toEqual(['file-dropped p/a\nb.txt', 'file-dropped p/notes.md']);
  });

  it('keeps the mode of programs', async () => {
    const { files } = await importing(
      plugin({ 'skills/s/run.sh': ['#!/bin/sh\n', 0o755], 'skills/s/SKILL.md': 'x' }),
    );

    expect(files.get('plugins/p/skills/s/run.sh')?.mode).toBe('0755');
    expect(files.get('plugins/p/skills/s/SKILL.md')?.mode).toBe('0644');
  });
});
