import { UsageError } from '../errors.ts';
import { applyInstall, type InstallResult } from './apply.ts';
import { openObjects } from './objects.ts';
import type { Session } from './session.ts';

/** Uninstalls, without asking the server: files as delivered go, changed ones stay. */
export async function removePlugins(
  { project, lock, state }: Session,
  plugins: readonly string[],
  dryRun: boolean,
): Promise<InstallResult> {
  const unknown = plugins.filter(
    (plugin) => !lock || !(plugin in lock.requested || plugin in lock.plugins),
  );
  if (!lock || unknown.length > 0) {
    throw new UsageError(`not installed here: ${unknown.join(', ')}`);
  }
  const { plugins: _installed, ...header } = lock;
  const requested = Object.fromEntries(
    Object.entries(lock.requested).filter(([plugin]) => !plugins.includes(plugin)),
  );
  return applyInstall({
    project,
    state,
    dryRun,
    before: lock,
    onConflict: 'keep',
    objects: openObjects(project),
    remotes: new Map(plugins.map((plugin) => [plugin, undefined])),
    header: {
      ...header,
      requested,
    },
  });
}
