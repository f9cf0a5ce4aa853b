import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkPaths } from '../../../cli/trust/path-rules.ts';

describe('checkPaths', () => {
  it.each([
    ['a', 'b/c', 'b/d/e.txt'],
    ['.claude-plugin/plugin.json', '.mcp.json'],
    ['gitlab/.gitignore', '.github/x'],
    ['straße', 'é'],
  ])('takes %s and what stands beside it', (...paths) => {
    expect(() => checkPaths(paths)).not.toThrow();
  });

  it.each([
    ['..', 'leaves its folder'],
    ['a/../../b', 'leaves its folder'],
    ['./a', 'leaves its folder'],
    ['a//b', 'leaves its folder'],
    ['a/', 'leaves its folder'],
    ['', 'leaves its folder'],
    ['/a', 'is absolute'],
    ['c:\u002fa', 'is absolute'],
    ['a\\b', 'has a character that no path has'],
    ['a\u0000b', 'has a character that no path has'],
    ['a\nb', 'has a character that no path has'],
    ['.git', 'is reserved'],
    ['a/.GIT/config', 'is reserved'],
    ['.git. /config', 'is reserved'],
    ['.waymark/state.json', 'is reserved'],
    ['x'.repeat(1025), 'is too long'],
  ])('refuses %j', (path, fault) => {
    expect(() => checkPaths([path])).toThrow(fault);
  });

  it.each([
    [['a', 'a'], 'is listed twice, or differs only by case'],
    [['README', 'readme'], 'is listed twice, or differs only by case'],
    [['caf\u00e9', 'cafe\u0301'], 'is listed twice, or differs only by case'],
    [['stra\u00dfe', 'STRASSE'], 'is listed twice, or differs only by case'],
    [['Docs/a', 'docs/b'], 'differs only by case from the folder Docs'],
    [['a', 'a/b'], 'is listed as a file and as a folder'],
    [['A/b', 'a'], 'is listed as a file and as a folder'],
  ])('refuses %j together', (paths, fault) => {
    expect(() => checkPaths(paths)).toThrow(fault);
  });

  it('lets nothing through that would leave the folder', () => {
    const segment = fc.constantFrom('..', '.', '', 'a', 'b', '.git', '...', ' ', '~', 'C:');
    const path = fc.array(segment, { minLength: 1, maxLength: 6 }).map((parts) => parts.join('/'));

    fc.assert(
      fc.property(path, (one) => {
        const isTaken = takes(one);
        const inside = join('/install/plugin', one).startsWith('/install/plugin/');
        expect(isTaken && !inside).toBe(false);
      }),
    );
  });
});

function takes(path: string): boolean {
  try {
    checkPaths([path]);
    return true;
  } catch {
    return false;
  }
}
