import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LocalFolder } from '../../../cli/install/local-folder.ts';
import type { LockedFile, LockedPlugin } from '../../../cli/install/lock.ts';
import { type PluginPlan, planPlugin } from '../../../cli/install/plan.ts';
import type { Manifest } from '../../../cli/trust/manifest.ts';
import { type Digest, sha256 } from '../../../src/model/digest.ts';

/** Path → content. */
type Tree = Record<string, string>;

const nameOf = new Map<Digest, string>();
const digestOf = (content: string): Digest => {
  const digest = sha256(content);
  nameOf.set(digest, content);
  return digest;
};
const fileOf = (content: string) => ({ digest: digestOf(content), mode: '0644' as const, size: 1 });

const mapTree = <T>(tree: Tree, value: (content: string) => T): Record<string, T> =>
  Object.fromEntries(Object.entries(tree).map(([path, content]) => [path, value(content)]));

const lockedOf = (files: Record<string, LockedFile>) => ({ files }) as unknown as LockedPlugin;

const manifestOf = (tree: Tree) =>
  ({
    commit: 'c',
    items: [],
    files: Object.entries(tree).map(([path, content]) => ({ path, ...fileOf(content) })),
  }) as unknown as Manifest;

const localOf = (tree: Tree): LocalFolder => ({
  dir: '/live',
  paths: new Set(Object.keys(tree)),
  identify: async (path) => (path in tree ? fileOf(tree[path] ?? '') : undefined),
});

const folderAfter = ({ folder }: PluginPlan, local: Tree): Tree =>
  Object.fromEntries(
    [...folder].map(([path, source]) => [
      path,
      source.kind === 'local' ? (local[source.from] ?? '') : (nameOf.get(source.digest) ?? ''),
    ]),
  );

const plan = (
  base: Record<string, LockedFile> | undefined,
  local: Tree,
  remote: Tree | undefined,
  onConflict: 'keep' | 'remote' = 'keep',
): Promise<PluginPlan> =>
  planPlugin({
    plugin: 'sales',
    base: base && lockedOf(base),
    local: localOf(local),
    remote: remote && manifestOf(remote),
    onConflict,
  });

const lockedTree = (tree: Tree): Record<string, LockedFile> =>
  mapTree(tree, (content) => ({ ...fileOf(content), versionId: 'c', state: 'updated' as const }));

// Few paths and contents, so that every case of the table comes up often.
const treeOf = (...paths: string[]) =>
  fc.dictionary(fc.constantFrom(...paths), fc.constantFrom('1', '2', '3'));
const tree = treeOf('a', 'b', 'd/e');
const localTree = treeOf('a', 'a.local', 'a.remote', 'b', 'd/e');

describe('planPlugin', () => {
  it('loses no bytes that only the user has, whatever changed on either side', async () => {
    const how = fc.constantFrom('keep' as const, 'remote' as const);
    await fc.assert(
      fc.asyncProperty(
        tree,
        localTree,
        fc.option(tree, { nil: undefined }),
        how,
        async (base, local, remote, onConflict) => {
          const planned = await plan(lockedTree(base), local, remote, onConflict);

          const after = folderAfter(planned, local);
          for (const [path, content] of Object.entries(local)) {
            const isDelivered = base[path] === content || remote?.[path] === content;
            const isKept = [path, `${path}.local`, `${path}.local.2`].some(
              (name) => after[name] === content,
            );
            expect(isKept || isDelivered, `${path} of ${content}`).toBe(true);
          }
        },
      ),
    );
  });

  it('delivers every file that the user has not touched', async () => {
    await fc.assert(
      fc.asyncProperty(tree, tree, async (base, remote) => {
        const planned = await plan(lockedTree(base), base, remote);

        expect(folderAfter(planned, base)).toEqual(remote);
      }),
    );
  });

  it('has nothing left to do the second time', async () => {
    await fc.assert(
      fc.asyncProperty(tree, tree, tree, async (base, local, remote) => {
        const first = await plan(lockedTree(base), local, remote);
        const hasCollision = first.files.some(({ state }) => state === 'collision');
        fc.pre(!hasCollision);
        const after = folderAfter(first, local);

        const second = await plan({ ...first.locked }, after, remote);

        expect(second.isChange).toBe(false);
        expect(folderAfter(second, after)).toEqual(after);
      }),
    );
  });

  it('changes no file that it does not know of', async () => {
    const planned = await plan(lockedTree({ a: '1' }), { a: '1', mine: 'x' }, { a: '2' });

    expect(folderAfter(planned, { a: '1', mine: 'x' })).toEqual({ a: '2', mine: 'x' });
  });

  it('says what is written, deleted and kept', async () => {
    const base = lockedTree({ a: '1', b: '1', 'd/e': '1' });

    const { files } = await plan(base, { a: '1', b: '1', 'd/e': '2' }, { a: '2', 'd/e': '1' });

    expect(files).toEqual([
      { path: 'a', state: 'updated', action: 'write' },
      { path: 'b', state: 'removed', action: 'delete' },
      { path: 'd/e', state: 'modified', action: 'keep' },
    ]);
  });

  it.each([
    ['a file stands where a folder must be', { d: 'mine' }, { 'd/e': '1' }],
    ['a folder stands where a file must be', { 'a/mine': 'x' }, { a: '1' }],
  ])('sees a collision where %s', async (_what, local, remote) => {
    const { files } = await plan(undefined, local, remote);

    expect(files).toEqual([{ path: Object.keys(remote)[0], state: 'collision', action: 'keep' }]);
  });

  it('removes the folder of a plugin that is uninstalled, and its entry in the lock', async () => {
    const planned = await plan(lockedTree({ a: '1' }), { a: '1' }, undefined);

    expect(planned).toMatchObject({ isChange: true, locked: undefined });
    expect(planned.folder.size).toBe(0);
  });
});
