import { describe, expect, it } from 'vitest';
import type { PluginContent } from '../../../src/model/object.ts';
import { renderLayout } from '../../../src/registry/layout/render.ts';
import type { RenderedItem } from '../../../src/registry/layout/rendered.ts';
import { contentsOf, type FileTexts } from '../../support/plugin-contents.ts';
import { plainManifest } from '../../support/plugins.ts';

const document = (kind: string, spec: object, metadata: object = {}): string =>
  JSON.stringify({ apiVersion: 'waymark/v1', kind, metadata, spec });

const REGISTRY = { 'registry.yaml': document('Registry', {}) };

/** Renders the one plugin `p` that the files make, under `plugins/p/` unless they say otherwise. */
async function render(files: FileTexts) {
  const placed = Object.entries(files).map(([path, content]) => [
    path.startsWith('objects/') ? path : `plugins/p/${path}`,
    content,
  ]);
  const plugin = { 'plugins/p/plugin.yaml': document('Plugin', { title: 'P' }) };
  const { contents, read } = await contentsOf({
    ...REGISTRY,
    ...plugin,
    ...Object.fromEntries(placed),
  });
  const { items, files: plain } = await renderLayout('claude', contents.get('p')!, read);
  const all = [...plain, ...items.flatMap((item) => item.files)];
  const texts = Object.fromEntries(all.map(({ path, bytes }) => [path, bytes.toString()]));
  const itemOf = (id: string): RenderedItem => items.find(({ objectId }) => objectId === id)!;
  return { texts, items, itemOf, all };
}

describe('renderLayout', () => {
  it.each(['opencode', 'cursor', 'agent-plugin'] as const)('refuses %s for now', async (layout) => {
    const read = async () => Buffer.alloc(0);

    await expect(renderLayout(layout, {} as PluginContent, read)).rejects.toMatchObject({
      code: 'VAL_FAILED',
      message: `layout ${layout} cannot be rendered yet: ask for raw or claude`,
    });
  });
});

describe("renderLayout('claude')", () => {
  it('writes plugin.json from plugin.yaml', async () => {
    const { texts } = await render({
      'plugin.yaml': document('Plugin', {
        title: 'P',
        description: 'Does p.',
        version: '1.2.0',
        author: 'Ada',
        policy: { mode: 'required' },
      }),
    });

    expect(texts).toEqual({
      '.claude-plugin/plugin.json':
        '{\n  "name": "p",\n  "version": "1.2.0",\n  "description": "Does p.",\n' +
        '  "author": {\n    "name": "Ada"\n  }\n}\n',
    });
  });

  it('delivers files of no object at their own path, and no document of the registry', async () => {
    const { texts } = await render({
      'README.md': '# P\n',
      'assets/logo.txt': 'logo',
      'hooks/notes.txt': 'beside the hooks',
      'server/plugin.json': JSON.stringify(plainManifest('p')),
      'server/index.js': 'export default {};',
      'skills/s.yaml': document('Skill', { description: 'd', body: 'b' }),
    });

    expect(Object.keys(texts).sort()).toEqual([
      '.claude-plugin/plugin.json',
      'README.md',
      'assets/logo.txt',
      'hooks/notes.txt',
      'skills/s/SKILL.md',
    ]);
  });

  it('writes a header for texts that stand in the YAML', async () => {
    const { texts } = await render({
      'skills/s.yaml': document('Skill', { description: 'Does s.', body: 'Do s.\n' }),
      'agents/a.yaml': document('Agent', {
        description: 'Is a.',
        prompt: 'Be a.',
        tools: ['Read'],
      }),
      'commands/c.yaml': document('Command', { template: 'Run c.' }),
    });

    expect(texts).toMatchObject({
      'skills/s/SKILL.md': '---\nname: s\ndescription: Does s.\n---\n\nDo s.\n',
      'agents/a.md': '---\nname: a\ndescription: Is a.\ntools: Read\n---\n\nBe a.',
      'commands/c.md': '\nRun c.',
    });
  });

  it("delivers a skill's payload with its mode, beside SKILL.md", async () => {
    const { itemOf } = await render({
      'skills/s/skill.yaml': document('Skill', { description: 'd', bodyFrom: './text.md' }),
      'skills/s/text.md': 'Do s.\n',
      'skills/s/scripts/run.sh': ['#!/bin/sh\n', 0o755],
    });

    expect(itemOf('p.skill.s').files.map(({ path, mode }) => [path, mode])).toEqual([
      ['skills/s/SKILL.md', '0644'],
      ['skills/s/scripts/run.sh', '0755'],
    ]);
  });

  it("keeps an agent's payload out of agents/, where it would be taken for an agent", async () => {
    const { itemOf } = await render({
      'agents/a/agent.yaml': document('Agent', { description: 'd', promptFrom: './prompt.md' }),
      'agents/a/prompt.md': 'Be a.\n',
      'agents/a/checklist.md': '- one\n',
    });

    expect(itemOf('p.agent.a').files.map(({ path }) => path)).toEqual([
      'agents/a.md',
      'assets/agents/a/checklist.md',
    ]);
  });

  it('says of each object that the tool cannot take why, and leaves it out', async () => {
    const { items, texts } = await render({
      'contexts/x.yaml': document('Context', { body: 'b' }),
      'tools/t.yaml': document('Tool', { name: 't', inputSchema: {} }),
      'custom/c.yaml': document('Custom', { files: { 'a.txt': 'a' } }),
      'hooks/h.yaml': document('Hook', { event: 'Never', command: ['true'] }),
    });

    expect(Object.keys(texts)).toEqual(['.claude-plugin/plugin.json']);
    expect(items.map(({ objectId, target }) => [objectId, target])).toEqual([
      ['p.context.x', expect.stringMatching(/^unsupported: ./)],
      ['p.custom.c', expect.stringMatching(/^unsupported: ./)],
      ['p.hook.h', 'unsupported: no event Never'],
      ['p.tool.t', expect.stringMatching(/^unsupported: ./)],
    ]);
  });

  it('leaves excluded objects out', async () => {
    const { texts, items } = await render({
      'plugin.yaml': document('Plugin', { title: 'P', exclude: ['p.skill.s', 'p.command.c'] }),
      'skills/s/skill.yaml': document('Skill', { description: 'd', bodyFrom: './SKILL.md' }),
      'skills/s/SKILL.md': 'b',
      'commands/c.yaml': document('Command', { template: 't' }),
    });

    expect(items).toEqual([]);
    expect(Object.keys(texts)).toEqual(['.claude-plugin/plugin.json']);
  });

  it('gives shared objects the place that own ones have, and the own one goes first', async () => {
    const { texts, itemOf } = await render({
      'plugin.yaml': document('Plugin', {
        title: 'P',
        include: ['shared.skill.s', 'shared.skill.t', 'shared.mcp.m'],
      }),
      'skills/s.yaml': document('Skill', { description: 'own', body: 'b' }),
      'mcps/m.yaml': document('Mcp', { transport: 'stdio', command: 'own' }),
      'objects/skills/s.yaml': document(
        'Skill',
        { description: 'shared', body: 'b' },
        { id: 'shared.skill.s' },
      ),
      'objects/skills/t.yaml': document(
        'Skill',
        { description: 'shared', body: 'b' },
        { id: 'shared.skill.t' },
      ),
      'objects/mcps/m.yaml': document(
        'Mcp',
        { transport: 'stdio', command: 'shared' },
        { id: 'shared.mcp.m' },
      ),
    });

    expect(texts['skills/s/SKILL.md']).toContain('description: own');
    expect(texts['skills/t/SKILL.md']).toContain('description: shared');
    expect(JSON.parse(texts['.mcp.json']!)).toEqual({ mcpServers: { m: { command: 'own' } } });
    expect(itemOf('shared.skill.s')).toMatchObject({
      files: [],
      target: 'unsupported: p.skill.s has the same name',
    });
    expect(itemOf('shared.mcp.m').target).toBe('unsupported: p.mcp.m has the same name');
  });

  it('refuses an object the place of a file that the plugin already has', async () => {
    const { texts, itemOf } = await render({
      'commands/c.md': 'A plain file.\n',
      'commands/c.yaml': document('Command', { template: 't' }),
    });

    expect(texts['commands/c.md']).toBe('A plain file.\n');
    expect(itemOf('p.command.c').target).toMatch(/^unsupported: commands\/c\.md is taken/);
  });

  it('merges servers into .mcp.json, and says where each of them stands', async () => {
    const { texts, itemOf, all } = await render({
      'mcps/b.yaml': document('Mcp', { transport: 'sse', url: 'https://example.com/sse' }),
      'mcps/a/mcp.yaml': document('Mcp', {
        transport: 'stdio',
        command: 'node',
        args: ['./main.js', './other.js'],
      }),
      'mcps/a/main.js': 'run();\n',
    });

    expect(JSON.parse(texts['.mcp.json']!)).toEqual({
      mcpServers: {
        a: { command: 'node', args: ['${CLAUDE_PLUGIN_ROOT}/mcps/a/main.js', './other.js'] },
        b: { type: 'sse', url: 'https://example.com/sse' },
      },
    });
    expect(itemOf('p.mcp.a').keys).toEqual([
      { file: '.mcp.json', pointer: '/mcpServers/a', digest: expect.stringMatching(/^sha256:/) },
    ]);
    expect(all.map(({ path }) => path)).toContain('mcps/a/main.js');
  });

  it('merges hooks into hooks.json', async () => {
    const { texts, itemOf } = await render({
      'hooks/guard/hook.yaml': document('Hook', {
        event: 'PreToolUse',
        matcher: 'Bash',
        command: ['./guard.sh', '--strict'],
        timeoutSec: 10,
      }),
      'hooks/guard/guard.sh': ['#!/bin/sh\n', 0o755],
      'hooks/note.yaml': document('Hook', { event: 'PreToolUse', command: ['sh', '-c', 'a; b'] }),
    });

    expect(JSON.parse(texts['hooks/hooks.json']!)).toEqual({
      hooks: {
        PreToolUse: [
          {
            matcher: 'Bash',
            hooks: [
              {
                type: 'command',
                command: '"${CLAUDE_PLUGIN_ROOT}/hooks/guard/guard.sh" --strict',
                timeout: 10,
              },
            ],
          },
          { hooks: [{ type: 'command', command: 'a; b' }] },
        ],
      },
    });
    expect(itemOf('p.hook.note').keys[0]?.pointer).toBe('/hooks/PreToolUse/1/hooks/0');
  });

  it('gives the same bytes whatever the order of the files', async () => {
    const files: FileTexts = {
      'skills/s.yaml': document('Skill', { description: 'd', body: 'b' }),
      'mcps/a.yaml': document('Mcp', { transport: 'stdio', command: 'a' }),
      'mcps/b.yaml': document('Mcp', { transport: 'stdio', command: 'b' }),
      'README.md': 'x',
    };

    const [one, two] = [
      await render(files),
      await render(Object.fromEntries(Object.entries(files).reverse())),
    ];

    expect(one).toMatchObject({ items: two.items, texts: two.texts });
  });
});

describe("renderLayout('claude') of kept originals", () => {
  const hooksJson = `{"description":"d","hooks":{"Stop":[{"hooks":[
    {"type":"command","command":"a","async":true},{"type":"prompt","prompt":"Done?"}]}]}}`;
  const stop = { event: 'Stop', command: ['sh', '-c', 'a'] };
  const mcpJson = '{"x":  {"command":"run","timeout":5}}';
  const server = { transport: 'stdio', command: 'run' };
  const original = '---\ndescription:   Does c.\ncolor: red\n---\n\nRun.';
  const command = { description: 'Does c.', templateFrom: './command.md' };

  it('delivers files that still say what their objects say byte for byte', async () => {
    const { texts, itemOf } = await render({
      'hooks/hooks.json': hooksJson,
      'hooks/stop.yaml': document('Hook', stop),
      '.mcp.json': mcpJson,
      'mcps/x.yaml': document('Mcp', server),
      'commands/c/command.yaml': document('Command', command),
      'commands/c/command.md': original,
      '.claude-plugin/plugin.json': '{"name":"q","homepage":"https://example.com"}',
    });

    expect(texts).toEqual({
      'hooks/hooks.json': hooksJson,
      '.mcp.json': mcpJson,
      'commands/c.md': original,
      '.claude-plugin/plugin.json': '{"name":"q","homepage":"https://example.com"}',
    });
    expect(itemOf('p.mcp.x').keys[0]?.pointer).toBe('/x');
    expect(itemOf('p.hook.stop').keys[0]?.pointer).toBe('/hooks/Stop/0/hooks/0');
  });

  it('follows an object that changed, and keeps what only the file said', async () => {
    const { texts } = await render({
      'hooks/hooks.json': hooksJson,
      'hooks/stop.yaml': document('Hook', { ...stop, timeoutSec: 5 }),
      '.mcp.json': mcpJson,
      'mcps/x.yaml': document('Mcp', { ...server, args: ['--fast'] }),
      'commands/c/command.yaml': document('Command', { ...command, description: 'Does more.' }),
      'commands/c/command.md': original,
      'plugin.yaml': document('Plugin', { title: 'P', version: '2.0.0' }),
      '.claude-plugin/plugin.json': '{"name":"q","version":"1.0.0","homepage":"h"}',
    });

    expect(JSON.parse(texts['hooks/hooks.json']!)).toEqual({
      description: 'd',
      hooks: {
        Stop: [
          {
            hooks: [
              { type: 'command', command: 'a', timeout: 5, async: true },
              { type: 'prompt', prompt: 'Done?' },
            ],
          },
        ],
      },
    });
    expect(JSON.parse(texts['.mcp.json']!)).toEqual({
      x: { command: 'run', args: ['--fast'], timeout: 5 },
    });
    expect(texts['commands/c.md']).toBe('---\ndescription: Does more.\ncolor: red\n---\n\nRun.');
    expect(JSON.parse(texts['.claude-plugin/plugin.json']!)).toEqual({
      name: 'q',
      version: '2.0.0',
      homepage: 'h',
    });
  });

  it('takes out the entries of objects that are gone, but none that never were objects', async () => {
    const { texts } = await render({
      'hooks/hooks.json': hooksJson,
      '.mcp.json': '{"mcpServers":{"x":{"command":"run"},"socket":{"type":"ws","url":"wss://h"}}}',
    });

    expect(JSON.parse(texts['hooks/hooks.json']!)).toEqual({
      description: 'd',
      hooks: { Stop: [{ hooks: [{ type: 'prompt', prompt: 'Done?' }] }] },
    });
    expect(JSON.parse(texts['.mcp.json']!)).toEqual({
      mcpServers: { socket: { type: 'ws', url: 'wss://h' } },
    });
  });

  it('moves a hook to the event that it has now', async () => {
    const { texts } = await render({
      'hooks/hooks.json': '{"hooks":{"Stop":[{"hooks":[{"type":"command","command":"a"}]}]}}',
      'hooks/stop.yaml': document('Hook', { ...stop, event: 'SessionEnd' }),
    });

    expect(JSON.parse(texts['hooks/hooks.json']!)).toEqual({
      hooks: { SessionEnd: [{ hooks: [{ type: 'command', command: 'a' }] }] },
    });
  });

  it('edits a list that stands in plugin.json in its place', async () => {
    const manifest = { name: 'p', mcpServers: { x: { command: 'old' } } };

    const { texts, itemOf } = await render({
      '.claude-plugin/plugin.json': JSON.stringify(manifest),
      'mcps/x.yaml': document('Mcp', server),
      'mcps/y.yaml': document('Mcp', server),
    });

    expect(JSON.parse(texts['.claude-plugin/plugin.json']!)).toEqual({
      name: 'p',
      mcpServers: { x: { command: 'run' } },
    });
    expect(JSON.parse(texts['.mcp.json']!)).toEqual({ mcpServers: { y: { command: 'run' } } });
    expect(itemOf('p.mcp.x').keys[0]).toMatchObject({
      file: '.claude-plugin/plugin.json',
      pointer: '/mcpServers/x',
    });
  });

  it('puts objects and files where .layouts/ says', async () => {
    const places = { 'commands/c': 'commands/team/C_1.md', 'skills/s': 'my/skills/S' };

    const { texts } = await render({
      '.layouts/claude.json': JSON.stringify({ places }),
      '.layouts/claude/tools/x.yaml': 'no: document\n',
      '.layouts/other/y.txt': 'for another tool',
      'commands/c/command.yaml': document('Command', command),
      'commands/c/command.md': original,
      'skills/s/skill.yaml': document('Skill', { description: 'd', bodyFrom: './SKILL.md' }),
      'skills/s/SKILL.md': '---\ndescription: d\n---\n',
      'skills/s/a/b.txt': 'b',
    });

    expect(Object.keys(texts).sort()).toEqual([
      '.claude-plugin/plugin.json',
      'commands/team/C_1.md',
      'my/skills/S/SKILL.md',
      'my/skills/S/a/b.txt',
      'tools/x.yaml',
    ]);
  });

  it.each(['../../outside', '/etc/skill', 'a/../../b', '.git/hooks'])(
    'never follows a place such as %s',
    async (place) => {
      const { texts, itemOf } = await render({
        '.layouts/claude.json': JSON.stringify({ places: { 'skills/s': place } }),
        'skills/s.yaml': document('Skill', { description: 'd', body: 'b' }),
      });

      expect(Object.keys(texts)).toEqual(['.claude-plugin/plugin.json']);
      expect(itemOf('p.skill.s').target).toMatch(/^unsupported: .* is no path inside a plugin$/);
    },
  );

  it.each(['[]', '{"mcpServers":[]}', 'no JSON', 'null', '{"__proto__":{"a":1}}'])(
    'leaves a .mcp.json that is %s as it is',
    async (text) => {
      const { texts } = await render({ '.mcp.json': text });

      expect(texts['.mcp.json']).toBe(text);
    },
  );
});
