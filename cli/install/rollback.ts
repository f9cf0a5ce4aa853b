import { UsageError } from '../errors.ts';
import { readRoot } from '../trust/root.ts';
import { applyInstall, type InstallResult } from './apply.ts';
import type { RemotePlugin } from './fetch-plugin.ts';
import { openObjects } from './objects.ts';
import type { OnConflict } from './plan.ts';
import type { Session } from './session.ts';
import { readStored } from './stored.ts';

/**
 * Puts back what was installed before, from what is kept here, and pins it, so
 * that the next sync does not undo it. Rolling back twice comes back.
 *
 * @param plugins empty for all that have something to go back to
 */
export async function rollback(
  { project, lock, state }: Session,
  plugins: readonly string[],
  { dryRun, onConflict }: { dryRun: boolean; onConflict: OnConflict },
): Promise<InstallResult> {
  const { previous } = state;
  const chosen = plugins.length > 0 ? plugins : Object.keys(previous);
  const unknown = chosen.filter((plugin) => !Object.hasOwn(previous, plugin));
  if (!lock || chosen.length === 0) throw new UsageError('nothing was installed here before');
  if (unknown.length > 0)
    throw new UsageError(`no earlier install of ${unknown.join(', ')} is kept`);

  const objects = openObjects(project);
  const terms = { root: readRoot(state.root), layout: lock.target, objects };
  const remotes = new Map<string, RemotePlugin>();
  const requested: Record<string, string> = { ...lock.requested };
  for (const plugin of chosen) {
    const locked = previous[plugin];
    if (!locked) continue;
    remotes.set(plugin, await readStored(plugin, locked, terms));
    requested[plugin] = locked.version;
  }
  const { plugins: _installed, ...header } = lock;
  const install = { project, objects, remotes, before: lock, state, onConflict, dryRun };
  return applyInstall({ ...install, header: { ...header, requested } });
}
