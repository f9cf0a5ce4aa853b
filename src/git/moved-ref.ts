import { WaymarkError } from '../model/errors.ts';
import { ZERO_OID } from '../model/names.ts';
import type { PushedRef } from './gate.ts';
import { changedPathsBetween, mergeTrees } from './merge-tree.ts';
import { GitError } from './run.ts';

/** More would say no more. */
const MOST_PATHS = 1000;

/**
 * A writer's lost race for a branch, with what decides how to go on: what
 * changed meanwhile, and whether git would merge it with what was to be written.
 *
 * @param head what the ref holds now; undefined when it is gone
 */
export async function movedRef(
  repo: string,
  update: PushedRef,
  head: string | undefined,
): Promise<WaymarkError> {
  const { ref, old } = update;
  const isComparable = ref.startsWith('refs/heads/') && head !== undefined && old !== ZERO_OID;
  const comparison = isComparable ? await compare(repo, update, head) : {};
  return new WaymarkError('RES_VERSION_CONFLICT', `${ref} has moved: read it, then retry`, {
    details: { ref, head, ...comparison },
  });
}

async function compare(repo: string, update: PushedRef, head: string) {
  try {
    const changed = await changedPathsBetween(repo, update.old, head);
    const changedPaths = changed.slice(0, MOST_PATHS).map(({ path }) => path);
    const merge = await mergeTrees(repo, { ours: head, theirs: update.new });
    const conflicts = merge.isClean ? {} : { conflicts: merge.conflicts.slice(0, MOST_PATHS) };
    return { changedPaths, isMergeClean: merge.isClean, ...conflicts };
  } catch (error) {
    // That it has moved is what matters; the rest is a help.
    if (error instanceof GitError) return {};
    throw error;
  }
}
