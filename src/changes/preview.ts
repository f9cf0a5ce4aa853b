import { diffFiles, type FileDiff } from '../git/diff.ts';
import { type Diagnostic, isError } from '../model/diagnostic.ts';
import type { Digest } from '../model/digest.ts';
import { diffSnapshots, type SnapshotDiff } from '../registry/diff.ts';
import type { Snapshot } from '../registry/snapshot.ts';
import { checkBase, composeEdit, type Edit, type Editing } from './edit.ts';

export interface Preview {
  base: string;
  /** Whether the gate would let it pass. */
  isValid: boolean;
  diff: FileDiff[];
  /** Of the whole registry as it would be: errors, or else warnings. */
  diagnostics: readonly Diagnostic[];
  /** Null where it would not compile, or its base does not. */
  objects: SnapshotDiff | null;
  /** Of plugins whose clients would get something else. */
  digests: DigestChange[];
}

export interface DigestChange {
  plugin: string;
  before: Digest | null;
  after: Digest | null;
}

/**
 * What an edit would do. It moves no ref and changes nothing that is served.
 *
 * @throws {WaymarkError} as `composeEdit` and `checkBase`
 */
export async function previewEdit(editing: Editing, edit: Edit): Promise<Preview> {
  const { runtime } = editing;
  const { base } = edit;
  const commit = await composeEdit(editing, edit);
  await checkBase(editing, base, commit);
  const diff = await diffFiles(runtime.repo, base, commit);
  const [before, after] = [await runtime.compileAt(base), await runtime.compileAt(commit)];
  const diagnostics = after.ok ? after.value.warnings : after.error;
  const common = { base, isValid: !diagnostics.some(isError), diff, diagnostics };
  if (!before.ok || !after.ok) return { ...common, objects: null, digests: [] };
  const objects = diffSnapshots(before.value, after.value);
  return { ...common, objects, digests: digestChanges(before.value, after.value) };
}

function digestChanges(before: Snapshot, after: Snapshot): DigestChange[] {
  const plugins = [...new Set([...before.contents.keys(), ...after.contents.keys()])].sort();
  return plugins
    .map((plugin) => ({
      plugin,
      before: before.contents.get(plugin)?.contentDigest ?? null,
      after: after.contents.get(plugin)?.contentDigest ?? null,
    }))
    .filter((change) => change.before !== change.after);
}
