import { describe, expect, it } from 'vitest';
import { findHooks, isSameHook, writeHook } from '../../../src/registry/layout/claude-hook.ts';
import { findLists } from '../../../src/registry/layout/claude-paths.ts';
import type { Fields } from '../../../src/registry/layout/markdown.ts';
import { writeShellCommand } from '../../../src/registry/layout/shell-words.ts';

const find = (hooks: Fields) => {
  const path = 'hooks/hooks.json';
  const files = new Map([[path, { path, value: { hooks }, isChanged: false }]]);
  return findHooks(findLists(files, 'hooks'));
};

const run = (command: string): Fields => ({ type: 'command', command });

describe('findHooks', () => {
  it('gives every handler a name from its event and matcher', () => {
    const found = find({
      PreToolUse: [
        { matcher: 'Edit|Write', hooks: [run('a'), run('b')] },
        { matcher: '.*', hooks: [run('c')] },
      ],
      Stop: [{ hooks: [run('d')] }],
    });

    expect(found.map(({ name }) => name)).toEqual([
      'pre-tool-use-edit-write',
      'pre-tool-use-edit-write-2',
      'pre-tool-use',
      'stop',
    ]);
  });

  it('never gives a name twice', () => {
    const hooks = [{ hooks: [run('a'), run('b')] }, { matcher: '2', hooks: [run('c')] }];

    const names = find({ Stop: hooks }).map(({ name }) => name);

    expect(new Set(names).size).toBe(3);
  });

  it('gives a Hook for a line of shell', () => {
    const hook = { ...run('python3 "${CLAUDE_PLUGIN_ROOT}/x.py"'), timeout: 10, async: true };

    const [found] = find({ PreToolUse: [{ matcher: 'Bash', hooks: [hook] }] });

    expect(found?.spec).toEqual({
      event: 'PreToolUse',
      command: ['sh', '-c', 'python3 "${CLAUDE_PLUGIN_ROOT}/x.py"'],
      matcher: 'Bash',
      timeoutSec: 10,
    });
    expect(found?.unmapped).toEqual(['async']);
  });

  it('keeps a time that the registry cannot hold in the file', () => {
    const [found] = find({ Stop: [{ hooks: [{ ...run('a'), timeout: 0.5 }] }] });

    expect(found?.spec).not.toHaveProperty('timeoutSec');
    expect(found?.unmapped).toEqual(['timeout']);
  });

  it.each([
    ['a prompt', 'Stop', { type: 'prompt', prompt: 'Done?' }],
    ['no command', 'Stop', { type: 'command' }],
    ['no object', 'Stop', 'text'],
    ['an event that nobody knows', 'Never', run('a')],
  ])('gives no spec for %s', (_what, event, entry) => {
    const [found] = find({ [event]: [{ hooks: [entry] }] });

    expect(found?.entry).toEqual(entry);
    expect(found?.spec).toBeUndefined();
  });

  it('passes over groups that are none', () => {
    expect(find({ Stop: [], PreToolUse: [{ matcher: 'x' }, null], Other: [] })).toEqual([]);
  });
});

describe('writeHook', () => {
  it('keeps what the registry does not say', () => {
    const spec = { event: 'Stop', command: ['sh', '-c', 'new'], timeoutSec: 5 };

    expect(writeHook(spec, { type: 'command', command: 'old', timeout: 9, async: true })).toEqual({
      type: 'command',
      command: 'new',
      timeout: 5,
      async: true,
    });
  });

  it('drops a time that the object dropped', () => {
    const spec = { event: 'Stop', command: ['sh', '-c', 'a'] };

    expect(writeHook(spec, { command: 'a', timeout: 9 })).not.toHaveProperty('timeout');
    expect(isSameHook(spec, { ...spec, timeoutSec: 9 })).toBe(false);
  });
});

describe('writeShellCommand', () => {
  it.each([
    [['sh', '-c', 'a && b'], 'a && b'],
    [['node', 'x.js', '--flag=1'], 'node x.js --flag=1'],
    [['echo', "it's", '$HOME', ''], `echo 'it'\\''s' '$HOME' ''`],
    [['${CLAUDE_PLUGIN_ROOT}/hooks/a b.sh'], '"${CLAUDE_PLUGIN_ROOT}/hooks/a b.sh"'],
    [['${CLAUDE_PLUGIN_ROOT}/$(x)'], "'${CLAUDE_PLUGIN_ROOT}/$(x)'"],
    [['sh', '-c', 'a', 'b'], 'sh -c a b'],
  ])('writes %j as %s', (words, line) => {
    expect(writeShellCommand(words)).toBe(line);
  });
});
