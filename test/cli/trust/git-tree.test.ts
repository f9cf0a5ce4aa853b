import { afterAll, describe, expect, it } from 'vitest';
import { blobOid, type TreeLeaf, treeOid } from '../../../cli/trust/git-tree.ts';
import { makeRepository, type TestRepository } from '../../support/git.ts';

const repositories: TestRepository[] = [];
afterAll(() => Promise.all(repositories.map((repository) => repository.remove())));

const leaf = (path: string, content: string, mode: '0644' | '0755' = '0644'): TreeLeaf => ({
  path,
  mode,
  oid: blobOid(Buffer.from(content)),
});

describe('treeOid', () => {
  it('is what git calls the same files', async () => {
    const files = {
      'plugin.yaml': 'kind: Plugin\n',
      'skills/run/run.sh': { mode: '100755', content: '#!/bin/sh\n' },
      'skills/run/skill.yaml': 'kind: Skill\n',
      // Sorted by git as `skills/`, after this file and before the next.
      'skills-x': 'a',
      skillsy: 'b',
      'é/ü.txt': 'Grüße\n',
    };
    const repository = await makeRepository(files);
    repositories.push(repository);

    const oid = treeOid([
      leaf('é/ü.txt', 'Grüße\n'),
      leaf('skillsy', 'b'),
      leaf('skills/run/run.sh', '#!/bin/sh\n', '0755'),
      leaf('skills/run/skill.yaml', 'kind: Skill\n'),
      leaf('skills-x', 'a'),
      leaf('plugin.yaml', 'kind: Plugin\n'),
    ]);

    expect(oid).toBe(await repository.git('rev-parse', 'main^{tree}'));
  });

  it('takes a subtree by its oid', async () => {
    const repository = await makeRepository({ 'plugin.yaml': 'x', 'server/plugin.json': '{}' });
    repositories.push(repository);
    const server = await repository.git('rev-parse', 'main:server');

    const oid = treeOid([leaf('plugin.yaml', 'x'), { path: 'server', mode: 'tree', oid: server }]);

    expect(oid).toBe(await repository.git('rev-parse', 'main^{tree}'));
  });

  it('knows the empty tree', () => {
    expect(treeOid([])).toBe('4b825dc642cb6eb9a060e54bf8d69288fbee4904');
  });
});
