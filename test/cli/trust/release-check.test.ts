import { describe, expect, it } from 'vitest';
import { blobOid, treeOid } from '../../../cli/trust/git-tree.ts';
import type { ManifestFile } from '../../../cli/trust/manifest.ts';
import { checkReleaseFiles } from '../../../cli/trust/release-check.ts';
import { sha256 } from '../../../src/model/digest.ts';

const contents: Record<string, string> = {
  'plugin.yaml': 'kind: Plugin\n',
  'objects/contexts/house.yaml': 'kind: Context\n',
  'objects/skills/shared/skill.yaml': 'kind: Skill\n',
  'objects/skills/shared/notes.md': 'Notes.\n',
};
const files: ManifestFile[] = Object.entries(contents).map(([path, content]) => ({
  path,
  mode: '0644',
  digest: sha256(content),
  size: content.length,
}));
const oidOf = (path: string): string => blobOid(Buffer.from(contents[path] ?? ''));
const serverTree = 'b'.repeat(40);
const tagged = {
  id: 'sales',
  version: '1.0.0',
  commit: 'c'.repeat(40),
  contentDigest: 'x',
  serverTree,
  tree: treeOid([
    {
      path: 'plugin.yaml',
      mode: '0644',
      oid: oidOf('plugin.yaml'),
    },
    {
      path: 'server',
      mode: 'tree',
      oid: serverTree,
    },
  ]),
  shared: {
    'contexts/house.yaml': oidOf('objects/contexts/house.yaml'),
    'skills/shared': treeOid([
      {
        path: 'skill.yaml',
        mode: '0644',
        oid: oidOf('objects/skills/shared/skill.yaml'),
      },
      {
        path: 'notes.md',
        mode: '0644',
        oid: oidOf('objects/skills/shared/notes.md'),
      },
    ]),
  },
};

const check = (plugin: typeof tagged, list = files, read = contents): Promise<void> =>
  checkReleaseFiles(plugin, { release: 'sales--v1.0.0', files: list }, async ({ path }) =>
    Buffer.from(read[path] ?? ''),
  );

describe('checkReleaseFiles', () => {
  it('takes the files of the tree and of the shared objects that the tag names', async () => {
    await expect(check(tagged)).resolves.toBeUndefined();
  });

  it('refuses a changed shared file', async () => {
    const altered = { ...contents, 'objects/skills/shared/notes.md': 'Other.\n' };

    await expect(check(tagged, files, altered)).rejects.toThrow(/skills\/shared is git object/);
  });

  it('refuses a shared file that the tag does not name', async () => {
    const { 'contexts/house.yaml': _, ...shared } = tagged.shared;

    await expect(check({ ...tagged, shared } as typeof tagged)).rejects.toThrow(
      'objects/contexts/house.yaml is not part of it',
    );
  });

  it('refuses a missing shared file', async () => {
    const list = files.filter(({ path }) => path !== 'objects/contexts/house.yaml');

    await expect(check(tagged, list)).rejects.toThrow(/contexts\/house.yaml is git object/);
  });

  it('refuses another mode', async () => {
    const list = files.map((file) => ({ ...file, mode: '0755' as const }));

    await expect(check(tagged, list)).rejects.toThrow(/its folder is git object/);
  });
});
