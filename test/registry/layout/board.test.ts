import { describe, expect, it } from 'vitest';
import { createBoard, isInside, renderedFile } from '../../../src/registry/layout/board.ts';

const boardWith = (...paths: string[]) => {
  const board = createBoard();
  for (const path of paths) board.put(renderedFile(path, Buffer.from('x')));
  return board;
};

describe('Board', () => {
  it.each(['docs/b.md', 'a.md.txt', 'b/a.md'])('takes %s beside others', (path) => {
    expect(boardWith('a.md', 'docs/a.md').refusalOf(path)).toBeUndefined();
  });

  it.each([
    ['the same path', 'a.md'],
    ['another case', 'A.md'],
    ['another composition', 'caf\u00e9.md'],
    ['a folder where a file is', 'a.md/b'],
    ['a file where a folder is', 'docs'],
  ])('refuses %s', (_what, path) => {
    const board = boardWith('a.md', 'docs/a.md', 'cafe\u0301.md');

    expect(board.refusalOf(path)).toBe('is taken by another file of the plugin');
  });

  it.each([
    '../a',
    'a/../../b',
    '/etc/x',
    'a//b',
    './a',
    'a\\b',
    'a\0',
    '',
    '.git/config',
    'x/.GIT',
  ])('refuses %j, which is no path inside a plugin', (path) => {
    expect(isInside(path)).toBe(false);
    expect(createBoard().refusalOf(path)).toBe('is no path inside a plugin');
  });
});
