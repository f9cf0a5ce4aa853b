import type { Permission } from '../identity/roles.ts';
import { isError } from '../model/diagnostic.ts';
import {
  checkBase,
  checkHandedOut,
  composeEdit,
  type Edit,
  type Editing,
  gateRefused,
  MAIN,
} from './edit.ts';

/** An edit that may not move `main` by itself. */
export interface Proposal {
  /** Nothing holds it yet. */
  commit: string;
  title: string;
  description: string;
}

export interface ProposedChange {
  number: number;
  head: string;
  url: string;
}

/** Lets people decide about a commit: by a change request here, or at a mirror's upstream. */
export type ProposeChange = (editing: Editing, proposal: Proposal) => Promise<ProposedChange>;

export interface Committing extends Editing {
  permissions: ReadonlySet<Permission>;
  propose: ProposeChange;
}

export type EditResult = { commit: string; sequence: number } | { change: ProposedChange };

/**
 * Makes an edit: on `main` where the caller may move it and nothing protects
 * it, else as a change that is proposed. Either way it must compile.
 *
 * @throws {WaymarkError} as `composeEdit` and `checkBase`; `REG_GATE_REFUSED`
 */
export async function commitEdit(committing: Committing, edit: Edit): Promise<EditResult> {
  const { runtime, actor, requestId, permissions } = committing;
  const commit = await composeEdit(committing, edit);
  await checkBase(committing, edit.base, commit);
  const result = await runtime.compileAt(commit);
  if (!result.ok) {
    throw gateRefused('the registry would not compile', result.error.filter(isError));
  }
  if (!mayMoveMain(committing)) {
    const change = await committing.propose(committing, { commit, ...wordsOf(edit.message) });
    return { change };
  }
  await checkHandedOut(runtime, commit, permissions);
  const cause = { actor, action: 'registry.edit', ...(requestId && { requestId }) };
  await runtime.moveRef({ ref: MAIN, old: edit.base, new: commit }, cause);
  return { commit, sequence: runtime.view.sequence };
}

/** Whether an edit is a commit on `main`, and not a proposal. */
export function mayMoveMain({
  runtime,
  permissions,
}: Pick<Committing, 'runtime' | 'permissions'>): boolean {
  const { org, protection } = runtime;
  return permissions.has('registry:main') && !protection.isByRequest && org.mode === 'hosted';
}

/** As git has it: the first line, and what follows the empty one. */
function wordsOf(message: string): Pick<Proposal, 'title' | 'description'> {
  const [title = '', ...rest] = message.trim().split('\n');
  return { title: title.trim(), description: rest.join('\n').trim() };
}
