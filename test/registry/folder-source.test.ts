import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { compileDirectory, compileDirectoryContents } from '../../src/registry/directory.ts';
import { openFolderSource } from '../../src/registry/folder-source.ts';
import { runGit, temporaryFolder } from '../support/git.ts';
import { type FileTexts, writeFiles } from '../support/plugin-contents.ts';
import { skill, smallRegistry, told } from '../support/registry.ts';

let dir: string;
beforeEach(async () => {
  dir = await temporaryFolder('waymark-tree-');
});
afterEach(() => rm(dir, { recursive: true }));

const write = (files: object) => writeFiles(dir, files as FileTexts);

describe('openFolderSource', () => {
  it('sees a working tree as git would store it', async () => {
    await write({
      'a/file': 'x',
      'a.b/file': 'y',
      'a-b': 'z',
      'bin/run.sh': ['#!/bin/sh\n', 0o755],
      'node_modules/dependency/index.js': 'ignored',
      'Übersicht.md': 'ü',
    });
    await symlink('a/file', join(dir, 'link'));
    await mkdir(join(dir, 'empty', 'deep'), { recursive: true });
    await writeFile(join(dir, '.gitignore'), 'node_modules\n');
    await runGit(dir, ['init', '-q']);
    await runGit(dir, ['add', '--all']);

    const { tree, source } = await openFolderSource(dir);

    expect(tree).toBe(await runGit(dir, ['write-tree']));
    const entries = await source.readTree(tree);
    const link = entries.find(({ name }) => String(name) === 'link')!;
    expect(link.mode).toBe('120000');
    expect(String((await source.readBlobs([link.oid]))[0])).toBe('a/file');
    expect(await source.readSizes([link.oid])).toEqual([6]);
  });
});

describe('compileDirectory', () => {
  it('counts what a good one holds', async () => {
    await write(smallRegistry());

    expect(await compileDirectory(dir)).toEqual({
      ok: true,
      diagnostics: [],
      plugins: 2,
      objects: 4,
    });
  });

  it('says of a bad one what the gate would', async () => {
    await write(
      smallRegistry({ 'plugins/ops/skills/again.yaml': skill('x', 'id: sales.skill.quote') }),
    );
    await symlink('/etc/passwd', join(dir, 'plugins/ops/passwd'));
    await writeFile(
      Buffer.concat([Buffer.from(`${dir}/plugins/ops/caf`), Buffer.from([0xe9])]),
      '',
    );

    const { ok, diagnostics } = await compileDirectory(dir);

    expect(ok).toBe(false);
    expect(told(diagnostics)).toEqual([
      'name-encoding plugins/ops/caf\\xe9:1:1 the name is not valid UTF-8 (rename it)',
      'symlink plugins/ops/passwd:1:1 symbolic links are not allowed (put the file itself there)',
      'duplicate-id plugins/sales/skills/quote.yaml:1:1 the id sales.skill.quote is taken by plugins/ops/skills/again.yaml',
    ]);
  });
});

describe('compileDirectoryContents', () => {
  it('gives every delivered file by its digest', async () => {
    await write(smallRegistry());

    const { contents, read } = await compileDirectoryContents(dir);

    const [file] = contents.get('sales')!.objects[0]!.files;
    expect(file?.path).toBe('skills/brief/SKILL.md');
    expect(String(await read(file!.digest))).toBe('# Brief\n');
  });

  it('throws every diagnostic of one that does not compile', async () => {
    await write({ 'plugins/ops/README.md': 'x' });

    await expect(compileDirectoryContents(dir)).rejects.toMatchObject({
      message: `${dir} does not compile`,
      errors: [
        { message: 'plugins/ops/plugin.yaml: plugin.yaml is missing' },
        { message: 'registry.yaml: registry.yaml is missing' },
      ],
    });
  });
});
