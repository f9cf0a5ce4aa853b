import { LRUCache } from 'lru-cache';
import type { OrgRuntime } from '../delivery/runtime.ts';
import { describeUnsigned, findUnsigned } from '../delivery/signed-commits.ts';
import { changedPathsBetween, mergeTrees } from '../git/merge-tree.ts';
import { writeCommit } from '../git/write.ts';
import type { Clock } from '../model/clock.ts';
import { type Diagnostic, isError } from '../model/diagnostic.ts';
import { diffSnapshots, type SnapshotDiff } from '../registry/diff.ts';
import { scanForSecrets } from '../registry/secret-scan.ts';
import type { Snapshot } from '../registry/snapshot.ts';
import { WAYMARK } from './author.ts';
import { type ClientChange, clientChanges } from './checks-clients.ts';

export interface Check {
  name: 'schema' | 'objects' | 'clients' | 'secrets' | 'signatures' | 'approvals';
  /** `pending`: it waits for somebody, and may pass without another commit. */
  status: 'pending' | 'passed' | 'failed';
  summary: string;
  diagnostics: readonly Diagnostic[];
}

/** What merging one commit into another would give. */
export interface Evaluation {
  head: string;
  targetHead: string;
  /** Undefined where the two do not merge. */
  tree: string | undefined;
  conflicts: readonly string[];
  /** Undefined where either does not compile. */
  objects: SnapshotDiff | undefined;
  clients: readonly ClientChange[] | undefined;
  /** All but `approvals`, which the commits do not decide. */
  checks: readonly Check[];
}

export interface Evaluating {
  runtime: OrgRuntime;
  clock: Clock;
}

/** The branches that a change request wants to bring together, as they stand. */
export interface Heads {
  head: string;
  targetHead: string;
  /** What clients get follows from `main` alone, and so does what protects it. */
  isMain: boolean;
}

const KEPT = 100;
/** What a registry takes as payload at most. */
const LARGEST_SCANNED_BYTES = 5 * 1024 * 1024;

const memos = new WeakMap<OrgRuntime, LRUCache<string, Promise<Evaluation>>>();

/**
 * Merges and compiles without moving a ref. The answer is kept: it depends on
 * the two commits, and on the releases that channels choose from.
 */
export function evaluate(evaluating: Evaluating, heads: Heads): Promise<Evaluation> {
  const { runtime } = evaluating;
  let memo = memos.get(runtime);
  if (!memo) {
    memo = new LRUCache({ max: KEPT });
    memos.set(runtime, memo);
  }
  const key = [heads.head, heads.targetHead, heads.isMain, runtime.maybeView?.sequence].join(' ');
  const known = memo.get(key);
  if (known) return known;
  const evaluation = evaluateAnew(evaluating, heads);
  memo.set(key, evaluation);
  // A repository that cannot be read now may be read the next time.
  evaluation.catch(() => memo.delete(key));
  return evaluation;
}

async function evaluateAnew(evaluating: Evaluating, heads: Heads): Promise<Evaluation> {
  const { runtime } = evaluating;
  const { head, targetHead } = heads;
  const merge = await mergeTrees(runtime.repo, { ours: targetHead, theirs: head });
  const signatures = await checkSignatures(runtime, heads);
  if (!merge.isClean) {
    const { conflicts } = merge;
    const unmerged = { tree: undefined, objects: undefined, clients: undefined };
    return { head, targetHead, conflicts, ...unmerged, checks: [unmergeable(), ...signatures] };
  }
  const { tree } = merge;
  const commit = await commitOf(runtime, heads, tree);
  const [before, after] = [await runtime.compileAt(targetHead), await runtime.compileAt(commit)];
  const difference =
    before.ok && after.ok ? await compare(evaluating, heads, before.value, after.value) : NOTHING;
  const checks = [
    schemaCheck(after.ok ? after.value.warnings : after.error),
    ...difference.checks,
    await checkSecrets(runtime, targetHead, commit),
    ...signatures,
  ];
  const { objects, clients } = difference;
  return { head, targetHead, tree, conflicts: [], objects, clients, checks };
}

const NOTHING = { objects: undefined, clients: undefined, checks: [] };

/** A commit with the merged tree. The same for the same heads, so that it is compiled once. */
async function commitOf(
  { repo, pool }: OrgRuntime,
  { head, targetHead }: Heads,
  tree: string,
): Promise<string> {
  const commit = await pool.readCommit(head);
  if (commit.tree === tree) return head;
  const who = { ...WAYMARK, atSec: commit.committer.atSec };
  const parents = [targetHead, head];
  return writeCommit({ repo, tree, parents, message: 'Trial', author: who, committer: who });
}

async function compare(
  { runtime, clock }: Evaluating,
  { isMain }: Heads,
  before: Snapshot,
  after: Snapshot,
): Promise<Pick<Evaluation, 'objects' | 'clients'> & { checks: Check[] }> {
  const objects = diffSnapshots(before, after);
  const objectsCheck = informing('objects', summaryOf(objects));
  if (!isMain) return { objects, clients: [], checks: [objectsCheck] };
  const clients = clientChanges(runtime.maybeView, before, after, clock());
  const channels = new Set(clients.map(({ channel }) => channel));
  const summary =
    clients.length === 0
      ? 'no client receives anything else'
      : `${counted(clients.length, 'plugin change')} in ${[...channels].join(', ')}`;
  return { objects, clients, checks: [objectsCheck, informing('clients', summary)] };
}

function summaryOf({ added, changed, removed }: SnapshotDiff): string {
  return `${added.length} added, ${changed.length} changed, ${removed.length} removed`;
}

function schemaCheck(diagnostics: readonly Diagnostic[]): Check {
  const errors = diagnostics.filter(isError).length;
  const warnings = counted(diagnostics.length - errors, 'warning');
  const summary = errors > 0 ? `${counted(errors, 'error')}, ${warnings}` : `valid, ${warnings}`;
  return { name: 'schema', status: errors > 0 ? 'failed' : 'passed', summary, diagnostics };
}

const unmergeable = (): Check => ({
  name: 'schema',
  status: 'pending',
  summary: 'not known before the conflicts are resolved',
  diagnostics: [],
});

const informing = (name: Check['name'], summary: string): Check => ({
  name,
  status: 'passed',
  summary,
  diagnostics: [],
});

async function checkSignatures(runtime: OrgRuntime, heads: Heads): Promise<Check[]> {
  const { protection, releaseKeys } = runtime;
  if (!heads.isMain || !protection.signedCommits) return [];
  const keys = [...protection.signers, ...releaseKeys];
  const range = { head: heads.head, after: heads.targetHead };
  const unsigned = await findUnsigned(runtime, range, keys);
  const summary = unsigned.length === 0 ? 'every commit is signed' : describeUnsigned(unsigned);
  const status = unsigned.length === 0 ? 'passed' : 'failed';
  return [{ name: 'signatures', status, summary, diagnostics: [] }];
}

/** A branch that was pushed has been looked at; one that was made from operations has not. */
async function checkSecrets(
  { repo, pool }: OrgRuntime,
  targetHead: string,
  commit: string,
): Promise<Check> {
  const changes = await changedPathsBetween(repo, targetHead, commit);
  const files: { path: string; bytes: Buffer }[] = [];
  for (const { path, status } of changes) {
    const found = status === 'removed' ? undefined : await pool.find(`${commit}:${path}`);
    if (found?.type !== 'blob' || found.size > LARGEST_SCANNED_BYTES) continue;
    files.push({ path, bytes: await pool.readBlob(found.oid) });
  }
  const diagnostics = await scanForSecrets(files);
  const isFound = diagnostics.length > 0;
  const summary = isFound ? counted(diagnostics.length, 'secret') : 'none found';
  return { name: 'secrets', status: isFound ? 'failed' : 'passed', summary, diagnostics };
}

const counted = (count: number, what: string): string =>
  `${count} ${what}${count === 1 ? '' : 's'}`;
