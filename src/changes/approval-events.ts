import type { OrgRuntime } from '../delivery/runtime.ts';
import { pathsBroughtBy } from '../git/diff.ts';
import { eventOf, type HookEvent } from '../plugin-host/events/event.ts';
import { documentsOf } from '../registry/snapshot.ts';
import { type ChangeRequest, type Review, refOf } from './change-request.ts';

/** A change request asks for votes. */
export const approvalCreated = (request: ChangeRequest, plugins: readonly string[]): HookEvent =>
  eventOf({
    org: request.org,
    type: 'approval.created',
    at: request.updatedAt,
    plugins,
    data: describe(request),
  });

const ACTIONS = { approved: 'approve', changes_requested: 'reject' } as const;

/** Somebody has voted; a mere comment is no vote. */
export function approvalRecorded(
  request: ChangeRequest,
  { id: voteId, reviewer: approverId, verdict, createdAt: at }: Review,
  plugins: readonly string[],
): HookEvent[] {
  if (verdict === 'commented') return [];
  const data = { ...describe(request), voteId, approverId, action: ACTIONS[verdict] };
  return [eventOf({ org: request.org, type: 'approval.recorded', at, plugins, data })];
}

const describe = ({ number, title, target, head, author }: ChangeRequest) => ({
  approvalId: `change-requests/${number}`,
  changeNumber: number,
  title,
  target,
  head,
  requestedBy: author,
});

/**
 * The plugins that a change is about: those whose files it changes, or that include what it does.
 * None where no namespace asks.
 */
export async function touchedPlugins(
  { repo, refs, maybeView }: Pick<OrgRuntime, 'repo' | 'refs' | 'maybeView'>,
  { target, head }: Pick<ChangeRequest, 'target' | 'head'>,
): Promise<string[]> {
  const published = maybeView?.published;
  const namespaces = published ? documentsOf(published, 'Namespace') : [];
  if (!namespaces.some(({ spec }) => spec.covers?.plugins)) return [];
  const targetHead = await refs.read(refOf(target));
  if (targetHead === undefined) return [];
  const paths = await pathsBroughtBy(repo, head, targetHead);
  const touched = new Set<string>();
  for (const path of paths) {
    const [folder, plugin] = path.split('/');
    if (folder === 'plugins' && plugin !== undefined) touched.add(plugin);
  }
  const shared = paths.filter((path) => path.startsWith('objects/'));
  for (const [id, { content }] of published!.records) {
    const extents = Object.keys(content.shared);
    const isIn = (path: string) => extents.some((at) => path === at || path.startsWith(`${at}/`));
    if (shared.some(isIn)) touched.add(id);
  }
  return [...touched].sort();
}
