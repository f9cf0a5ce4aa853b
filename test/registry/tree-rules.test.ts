import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkPaths } from '../../cli/trust/path-rules.ts';
import { isError } from '../../src/model/diagnostic.ts';
import { checkSiblings, checkTreeEntry } from '../../src/registry/tree-rules.ts';

const codesOf = (name: string | Buffer, mode = '100644', dir = 'plugins/sales') =>
  checkTreeEntry(dir, Buffer.from(name as string), mode).map(({ code }) => code);

describe('checkTreeEntry', () => {
  it.each(['100644', '100755', '40000', '040000'])('takes the mode %s', (mode) => {
    expect(codesOf('file', mode)).toEqual([]);
  });

  it.each([
    ['120000', 'symlink'],
    ['160000', 'submodule'],
    ['100664', 'file-mode'],
    ['100600', 'file-mode'],
    ['0', 'file-mode'],
  ])('refuses the mode %s', (mode, code) => {
    expect(codesOf('file', mode)).toEqual([code]);
  });

  it.each([
    'SKILL.md',
    '.gitignore',
    '.gitattributes',
    '.github',
    'git',
    'digit~1',
    'Übersicht für alle.md',
    '日本語.md',
    'emoji 🎉.md',
    'a',
    '_private',
    '-dash',
  ])('takes the name %s', (name) => {
    expect(codesOf(name)).toEqual([]);
  });

  it.each([
    '.git',
    '.GIT',
    '.Git',
    '.git.',
    '.git ',
    '.git . .',
    'git~1',
    'GIT~2',
    '.git:stream',
    '.git::$INDEX_ALLOCATION',
    '.g\u200cit',
    '.gi\u200dt',
    '\ufeff.git',
    '.git\u00ad',
    '.\uff47\uff49\uff54',
  ])('refuses %j, which some file systems take for .git', (name) => {
    expect(codesOf(name)).toEqual(['name-dot-git']);
  });

  it.each([
    ['.', 'name-dots'],
    ['..', 'name-dots'],
    ['..\\evil', 'name-separator'],
    ['a\\b', 'name-separator'],
    ['a/b', 'name-separator'],
    ['new\nline', 'name-control'],
    ['tab\there', 'name-control'],
    ['nul\0', 'name-control'],
    ['next\u0085line', 'name-control'],
    ['backwards\u202etxt', 'name-control'],
    ['a:b', 'name-drive'],
    ['C:', 'name-drive'],
  ])('refuses the name %j', (name, code) => {
    expect(codesOf(name)).toEqual([code]);
  });

  it('refuses a name that is not UTF-8, and shows its bytes', () => {
    const name = Buffer.from([0x63, 0x61, 0x66, 0xe9]);

    expect(checkTreeEntry('docs', name, '100644')).toMatchObject([
      { code: 'name-encoding', path: 'docs/caf\\xe9' },
    ]);
  });

  it('prints no control character in what it reports', () => {
    const [diagnostic] = checkTreeEntry('', Buffer.from('a\x1b[31m\nb'), '100644');

    expect(diagnostic?.path).toBe('a\\x1b[31m\\x0ab');
  });

  it.each(['con', 'NUL.txt', 'com1.yaml', 'what?.md', 'at:b', 'trailing.', 'trailing '])(
    'warns of %j, which Windows cannot store',
    (name) => {
      expect(checkTreeEntry('', Buffer.from(name), '100644')).toMatchObject([
        { code: 'name-windows', severity: 'warning' },
      ]);
    },
  );

  it('takes a path of 200 characters and refuses one more', () => {
    const dir = 'd'.repeat(100);

    expect(codesOf('n'.repeat(99), '100644', dir)).toEqual([]);
    expect(checkTreeEntry(dir, Buffer.from('n'.repeat(100)), '100644')).toMatchObject([
      {
        code: 'path-length',
        message: 'the path has 201 characters: at most 200 are allowed',
      },
    ]);
  });

  it('judges whatever bytes git gives it', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 30 }),
        fc.constantFrom('100644', '120000'),
        (bytes, mode) => {
          for (const { path, message } of checkTreeEntry('d', Buffer.from(bytes), mode)) {
            expect(path).not.toMatch(/[\0-\x1f]/);
            expect(message).not.toBe('');
          }
        },
      ),
    );
  });
});

describe('a path that the gate lets through', () => {
  it('is one that every client takes', () => {
    const odd = [
      '.waymark',
      '.Waymark ',
      'C:',
      'c:x',
      '.git',
      'GIT~1',
      '..',
      ' ',
      '\u200d.git',
      'ok',
    ];
    const name = fc.oneof(
      fc.constantFrom(...odd),
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }),
    );
    const isTaken = (names: string[]) =>
      names.every(
        (one, i) =>
          !checkTreeEntry(
            ['plugins', 'p', ...names.slice(0, i)].join('/'),
            Buffer.from(one),
            '40000',
          ).some(isError),
      );

    fc.assert(
      fc.property(fc.array(name, { minLength: 1, maxLength: 4 }), (names) => {
        fc.pre(isTaken(names));
        checkPaths([names.join('/')]);
      }),
    );
  });

  it('collides for no client either', () => {
    const letters = fc.constantFrom('a', 'A', 's', 'ſ', 'ß', 'é', 'e\u0301', 'ı', 'İ', 'K');
    const name = fc.string({ unit: letters, minLength: 1, maxLength: 3 });

    fc.assert(
      fc.property(fc.uniqueArray(name, { maxLength: 4 }), (names) => {
        fc.pre(checkSiblings('plugins/p', names).length === 0);
        checkPaths(names);
      }),
    );
  });
});

describe('checkSiblings', () => {
  it.each([
    ['case', 'Readme.md', 'README.md'],
    ['composition', 'caf\u00e9', 'cafe\u0301'],
    ['both', 'CAF\u00c9', 'cafe\u0301'],
    ['long s', '\u017fkill', 'skill'],
    ['sharp s', 'stra\u00dfe', 'STRASSE'],
  ])('refuses names that only %s keeps apart', (_, first, second) => {
    expect(checkSiblings('plugins', [first, second])).toMatchObject([
      {
        severity: 'error',
        code: 'name-collision',
        path: `plugins/${second}`,
        message: `many file systems take ${second} and ${first} for the same name`,
      },
    ]);
  });

  it('takes names that differ otherwise', () => {
    expect(checkSiblings('', ['a', 'b', 'A-b', 'é', 'e', 'ê'])).toEqual([]);
  });
});
