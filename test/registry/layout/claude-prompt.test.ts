import { describe, expect, it } from 'vitest';
import {
  type PromptType,
  readPrompt,
  saysTheSame,
  shorten,
  writePrompt,
} from '../../../src/registry/layout/claude-prompt.ts';
import { parseMarkdown } from '../../../src/registry/layout/markdown.ts';

const read = (type: PromptType, text: string, name = 'x') =>
  readPrompt(type, parseMarkdown(text), name);

const header = (lines: string, body = 'Body.\n'): string => `---\n${lines}\n---\n${body}`;

describe('readPrompt', () => {
  it("gives a skill's fields", () => {
    const text = header(
      'name: x\ndescription: Does x.\nlicense: MIT\ncompatibility: git\n' +
        'allowed-tools: Read, Bash(git add:*)\nmetadata: {owner: ada}',
    );

    expect(read('skill', text)).toEqual({
      spec: {
        description: 'Does x.',
        license: 'MIT',
        compatibility: 'git',
        allowedTools: ['Read', 'Bash(git add:*)'],
        metadata: { owner: 'ada' },
      },
      name: 'x',
      descriptionFrom: 'header',
      isShortened: false,
      unmapped: [],
    });
  });

  it('lists the keys that only the file can say', () => {
    const text = header('description: d\ncolor: red\nversion: 1.0.0\nmetadata: {a: {b: c}}');

    expect(read('skill', text).unmapped).toEqual(['color', 'version', 'metadata']);
  });

  it.each([
    ['text', 'tools: Read, Grep', ['Read', 'Grep']],
    ['a list', 'tools: [Read, Grep]', ['Read', 'Grep']],
    ['one name', 'tools: Read', ['Read']],
    ['a comma in brackets', 'tools: Bash(a, b), Read', ['Bash(a, b)', 'Read']],
    ['a list of other things', 'tools: [1, {a: b}]', undefined],
    ['nothing', 'tools:', undefined],
  ])("reads an agent's tools given as %s", (_form, line, tools) => {
    expect(read('agent', header(`description: d\n${line}`)).spec['tools']).toEqual(tools);
  });

  it.each([
    ['"[pr-number] [priority]"', [{ name: 'pr-number' }, { name: 'priority' }]],
    ['<dir> [stack]', [{ name: 'dir', required: true }, { name: 'stack' }]],
    ['[project-name]', [{ name: 'project-name' }]],
    ['a sentence', undefined],
    ['"[--flag]"', undefined],
    ['"[a|b]"', undefined],
  ])("reads a command's argument-hint %s", (hint, wanted) => {
    expect(read('command', header(`argument-hint: ${hint}`)).spec['arguments']).toEqual(wanted);
  });

  it('describes by the first line what has no description', () => {
    const { spec, descriptionFrom } = read('command', '# Audit the site\n\nYou are …\n');

    expect(spec).toEqual({ description: 'Audit the site' });
    expect(descriptionFrom).toBe('text');
  });

  it.each(['skill', 'agent'] as const)('describes an empty %s by its name', (type) => {
    expect(read(type, '', 'empty').spec).toEqual({ description: 'empty' });
  });

  it('lets an empty command be', () => {
    expect(read('command', '').spec).toEqual({});
  });

  it('cuts a description to what the kind may hold', () => {
    const text = header(`description: ${'é'.repeat(2000)}`);

    const { spec, isShortened } = read('skill', text);

    expect(Array.from(String(spec['description']))).toHaveLength(1024);
    expect(isShortened).toBe(true);
    expect(read('agent', text).isShortened).toBe(false);
  });
});

describe('saysTheSame', () => {
  const file = parseMarkdown(header('description: d\ntools: [Read, Grep]\nmodel: opus'));
  const spec = { description: 'd', tools: ['Read', 'Grep'], model: 'opus' };

  it('holds for what was read from the file', () => {
    expect(saysTheSame('agent', file, spec, 'x')).toBe(true);
  });

  it('holds for a model that names the same one for this tool', () => {
    const model = { claude: 'opus', opencode: 'sonnet' };

    expect(saysTheSame('agent', file, { ...spec, model }, 'x')).toBe(true);
  });

  it('looks past what no file can say', () => {
    expect(saysTheSame('agent', file, { ...spec, requires: ['a.b'] }, 'x')).toBe(true);
  });

  it.each([
    ['another description', { ...spec, description: 'e' }],
    ['another tool', { ...spec, tools: ['Read'] }],
    ['no model', { description: 'd', tools: ['Read', 'Grep'] }],
  ])('fails for %s', (_what, changed) => {
    expect(saysTheSame('agent', file, changed, 'x')).toBe(false);
  });
});

describe('writePrompt', () => {
  it('puts the spec over the header and keeps the rest of it', () => {
    const file = parseMarkdown(header('name: Old Name\ndescription: old\ncolor: red\nmodel: opus'));

    const text = writePrompt('agent', file, { description: 'new', tools: ['Read'] }, 'x');

    expect(text).toBe(
      '---\nname: Old Name\ndescription: new\ntools: Read\ncolor: red\n---\nBody.\n',
    );
  });

  it('gives a skill the name that its folder has', () => {
    const text = writePrompt('skill', parseMarkdown('Do x.\n'), { description: 'd' }, 'do-x');

    expect(text).toBe('---\nname: do-x\ndescription: d\n---\nDo x.\n');
  });

  it('gives a command no name: its file is the name', () => {
    const spec = { description: 'd', arguments: [{ name: 'a', required: true }, { name: 'b' }] };

    const text = writePrompt('command', parseMarkdown('Do $1.\n'), spec, 'x');

    expect(text).toBe('---\ndescription: d\nargument-hint: <a> [b]\n---\nDo $1.\n');
  });

  it('keeps a value that the registry has no form for', () => {
    const file = parseMarkdown(header('description: d\nargument-hint: say what you want'));

    expect(writePrompt('command', file, { description: 'e' }, 'x')).toContain(
      'argument-hint: say what you want',
    );
  });
});

describe('shorten', () => {
  it('counts characters as JSON Schema does', () => {
    expect(shorten('😀😀😀', 3)).toBe('😀😀😀');
    expect(shorten('😀😀😀😀', 3)).toBe('😀😀…');
  });
});
