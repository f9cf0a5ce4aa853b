import type { InstallResult, PluginResult } from './install/apply.ts';
import type { PlannedFile } from './install/plan.ts';

/** The answer of sync, add, remove and rollback with `--json`. Files as delivered are left out. */
export function installValue(
  { plugins, conflicts, lock }: InstallResult,
  dryRun: boolean,
): unknown {
  return {
    channel: lock.channel,
    sequence: lock.sequence,
    target: lock.target,
    dir: lock.dir,
    dryRun,
    conflicts,
    plugins: plugins.map(({ plugin, from, to, files }) => ({
      plugin,
      from: from ?? null,
      to: to ?? null,
      files: files.filter(isNoteworthy),
    })),
  };
}

const isNoteworthy = ({ state, action }: PlannedFile): boolean =>
  action !== 'keep' || (state !== 'updated' && state !== 'converged');

export function installLines(
  { plugins, conflicts, lock }: InstallResult,
  dryRun: boolean,
): string[] {
  if (plugins.length === 0) return ['nothing is installed: `waymark add <plugin>` first'];
  const changed = plugins.some(({ files }) => files.some(({ action }) => action !== 'keep'));
  return [
    ...plugins.flatMap(pluginLines),
    ...(conflicts > 0 ? [`${count(conflicts, 'conflict')} left`] : []),
    ...(dryRun ? ['dry run: nothing was written'] : []),
    ...(changed && !dryRun ? [`in ${lock.dir} (${lock.target})`] : []),
  ];
}

function pluginLines({ plugin, from, to, files }: PluginResult): string[] {
  const written = files.filter(({ action }) => action === 'write').length;
  const deleted = files.filter(({ action }) => action === 'delete').length;
  const changes = [
    ...(written > 0 ? [`${count(written, 'file')} written`] : []),
    ...(deleted > 0 ? [`${count(deleted, 'file')} deleted`] : []),
  ];
  const said =
    changes.length > 0 ? changes.join(', ') : isStep(from, to) ? 'same files' : 'up to date';
  return [`${plugin} ${stepOf(from, to)}: ${said}`, ...files.flatMap(fileLines)];
}

const isStep = (from: string | undefined, to: string | undefined): boolean =>
  from !== undefined && from !== to;

function stepOf(from: string | undefined, to: string | undefined): string {
  if (to === undefined) return `${from ?? ''} removed`.trim();
  return from === undefined || from === to ? to : `${from} -> ${to}`;
}

const EXPLAINED: Partial<Record<PlannedFile['state'], string>> = {
  modified: 'changed here, kept',
  conflict: 'changed here and upstream: yours is kept, the new one is beside it as .remote',
  suppressed: 'deleted here, stays deleted',
  orphaned: 'no longer delivered, but changed here: kept',
  collision: 'not installed by Waymark, and in the way',
};

function fileLines({ path, state, action }: PlannedFile): string[] {
  const why = EXPLAINED[state];
  return why && action === 'keep' ? [`  ${state.padEnd(10)} ${path} (${why})`] : [];
}

export const count = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? '' : 's'}`;
