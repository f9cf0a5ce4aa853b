import type { OrgRuntime } from '../delivery/runtime.ts';
import { editTree, type FileChange } from '../git/edit-tree.ts';
import { movedRef } from '../git/moved-ref.ts';
import { writeCommit } from '../git/write.ts';
import type { Permission } from '../identity/roles.ts';
import type { Clock } from '../model/clock.ts';
import type { Diagnostic } from '../model/diagnostic.ts';
import { invalidField, WaymarkError } from '../model/errors.ts';
import { scanForSecrets } from '../registry/secret-scan.ts';
import { authorOf, WAYMARK } from './author.ts';
import { applyOperations, type Operation } from './operations.ts';
import { signerOf } from './signer.ts';

/** What somebody wants changed of the registry as it stood at a commit. */
export interface Edit {
  base: string;
  message: string;
  operations: readonly Operation[];
}

/** Whoever edits, and where. */
export interface Editing {
  runtime: OrgRuntime;
  clock: Clock;
  actor: string;
  /** Of a key: who else can act by it. */
  makers?: readonly string[];
  requestId?: string;
}

export const MAIN = 'refs/heads/main';

/**
 * Writes an edit as a commit upon its base, which no ref holds yet.
 *
 * @throws {WaymarkError} `VAL_FAILED` for an operation that cannot be made, for a
 *   base that is no commit, and where nothing changes; `REG_GATE_REFUSED` for a secret
 */
export async function composeEdit(
  { runtime, clock, actor }: Editing,
  { base, message, operations }: Edit,
): Promise<string> {
  const { repo, pool } = runtime;
  if ((await pool.find(base))?.type !== 'commit') {
    throw invalidField('base', `there is no commit ${base}`, 'not_found');
  }
  const changes = await applyOperations(pool, base, operations);
  await checkSecrets(changes);
  const before = (await pool.readCommit(base)).tree;
  const tree = await editTree({ repo, objects: pool }, before, changes);
  if (tree === before) throw invalidField('operations', 'change nothing', 'no_change');
  const atSec = Math.floor(clock() / 1000);
  return await writeCommit({
    repo,
    tree,
    parents: [base],
    message,
    author: { ...authorOf(actor), atSec },
    committer: { ...WAYMARK, atSec },
    sign: signerOf(runtime, atSec),
  });
}

/** Before it is written: whoever may read a repository may read its dangling objects too. */
async function checkSecrets(changes: readonly FileChange[]): Promise<void> {
  const files = changes.flatMap(({ path, content }) =>
    Buffer.isBuffer(content) ? [{ path, bytes: content }] : [],
  );
  const diagnostics = await scanForSecrets(files);
  if (diagnostics.length > 0) throw gateRefused('the edit brings a secret', diagnostics);
}

/** What the gate answers to whatever would change the registry. */
export const gateRefused = (message: string, diagnostics: readonly Diagnostic[]): WaymarkError =>
  new WaymarkError('REG_GATE_REFUSED', message, { details: { diagnostics } });

/**
 * As the gate has it for a push: nobody moves `main` to roles that allow more than they may.
 *
 * @throws {WaymarkError} `PERM_DENIED`
 */
export async function checkHandedOut(
  runtime: OrgRuntime,
  commit: string,
  permissions: ReadonlySet<Permission>,
): Promise<void> {
  const reasons = await runtime.findHandedOut(commit, permissions);
  if (reasons.length > 0) throw new WaymarkError('PERM_DENIED', reasons.join('; '));
}

/**
 * An edit is made to what its author saw or not at all: nobody has checked what
 * would come of a merge.
 *
 * @throws {WaymarkError} `RES_VERSION_CONFLICT` when `main` is not at the base,
 *   `RES_STATE_CONFLICT` when it has no commit
 */
export async function checkBase({ runtime }: Editing, base: string, commit: string): Promise<void> {
  const head = await runtime.refs.read(MAIN);
  if (head === base) return;
  if (head === undefined) {
    throw new WaymarkError('RES_STATE_CONFLICT', 'main has no commit yet: push a registry to it');
  }
  throw await movedRef(runtime.repo, { ref: MAIN, old: base, new: commit }, head);
}
