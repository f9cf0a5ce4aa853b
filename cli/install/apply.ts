import { join } from 'node:path';
import { type Digest, sha256 } from '../../src/model/digest.ts';
import { ConflictError } from '../errors.ts';
import type { ClientState } from './client-state.ts';
import type { RemotePlugin } from './fetch-plugin.ts';
import { openLocalFolder } from './local-folder.ts';
import { formatLock, type Lock, type LockedPlugin } from './lock.ts';
import type { Objects } from './objects.ts';
import { toText } from './own-files.ts';
import { type OnConflict, type PlannedFile, type PluginPlan, planPlugin } from './plan.ts';
import type { Project } from './project.ts';
import { stagePlugins, stagingDir } from './stage.ts';
import { commitChange } from './swap.ts';
import { installDirOf } from './targets.ts';

/** What is to be installed, all of it verified. */
export interface Install {
  project: Project;
  objects: Objects;
  /** Every plugin that is touched; undefined to uninstall it. */
  remotes: ReadonlyMap<string, RemotePlugin | undefined>;
  /** The lock as it will be, but for its plugins; those of `before` that are not touched stay. */
  header: Omit<Lock, 'plugins'>;
  before: Lock | undefined;
  state: ClientState;
  onConflict: OnConflict;
  dryRun: boolean;
}

export interface PluginResult {
  plugin: string;
  from?: string;
  to?: string;
  files: readonly PlannedFile[];
}

export interface InstallResult {
  plugins: PluginResult[];
  /** Files that the user must look at: exit code 3 when there are any. */
  conflicts: number;
  lock: Lock;
}

/**
 * Plans every folder, then stages, exchanges and records them as one change.
 *
 * @throws {ConflictError} when files are in the way; nothing was written
 */
export async function applyInstall(install: Install): Promise<InstallResult> {
  const plans = await planAll(install);
  refuseObstacles(plans, install.onConflict);
  const lock = composeLock(install, plans);
  if (!install.dryRun) await commitPlans(install, plans, lock);
  return {
    plugins: plans.map((plan) => resultOf(plan, install.before, lock)),
    conflicts: filesIn(plans, 'conflict').length,
    lock,
  };
}

async function planAll({ project, remotes, header, before, onConflict }: Install) {
  const installDir = installDirOf(project, header);
  const plans: PluginPlan[] = [];
  for (const [plugin, remote] of [...remotes].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const local = await openLocalFolder(join(installDir, plugin));
    const base = before?.plugins[plugin];
    plans.push(await planPlugin({ plugin, base, local, remote: remote?.manifest, onConflict }));
  }
  return plans;
}

function refuseObstacles(plans: readonly PluginPlan[], onConflict: OnConflict): void {
  const collisions = filesIn(plans, 'collision');
  if (collisions.length > 0) {
    throw new ConflictError(
      'files that Waymark did not install are in the way, and nothing was written. ' +
        'Move them away, or take the delivered ones with --on-conflict remote (yours become <file>.local)',
      collisions,
    );
  }
  const conflicts = filesIn(plans, 'conflict');
  if (onConflict === 'fail' && conflicts.length > 0) {
    throw new ConflictError(
      'files were changed here and upstream, and nothing was written',
      conflicts,
    );
  }
}

function filesIn(plans: readonly PluginPlan[], state: PlannedFile['state']): string[] {
  return plans.flatMap(({ plugin, files }) =>
    files
      .filter((file) => file.state === state && file.action === 'keep')
      .map(({ path }) => `${plugin}/${path}`),
  );
}

function composeLock({ header, before, remotes }: Install, plans: readonly PluginPlan[]): Lock {
  const plugins = { ...before?.plugins };
  for (const { plugin, locked } of plans) {
    const remote = remotes.get(plugin);
    if (remote && locked) plugins[plugin] = lockPlugin(remote, locked);
    else delete plugins[plugin];
  }
  return { ...header, plugins };
}

function lockPlugin(
  { manifest, document }: RemotePlugin,
  files: LockedPlugin['files'],
): LockedPlugin {
  const { version, seq, commit, release, contentDigest, items } = manifest;
  return {
    version,
    seq,
    commit,
    contentDigest,
    files,
    ...(release && { release }),
    manifest: sha256(document.body),
    signature: document.signature.toString('base64'),
    items: Object.fromEntries(
      items.map(({ configObjectId, digest, versionId }) => [
        configObjectId,
        {
          digest,
          versionId,
        },
      ]),
    ),
  };
}

async function commitPlans(
  install: Install,
  plans: readonly PluginPlan[],
  lock: Lock,
): Promise<void> {
  const { project, objects, before } = install;
  const installDir = installDirOf(project, lock);
  const previous = rememberPrevious(install.state.previous, before, lock);
  const swaps = await stagePlugins(plans, installDir, objects);
  await objects.adoptIncoming();

  await commitChange(project, {
    swaps,
    stagingDir: stagingDir(installDir),
    lock: formatLock(lock),
    state: toText({ ...install.state, previous }),
  });

  await objects.prune(
    new Set([...Object.values(lock.plugins), ...Object.values(previous)].flatMap(digestsOf)),
  );
}

/** What a plugin was before its content last changed. */
function rememberPrevious(
  previous: ClientState['previous'],
  before: Lock | undefined,
  after: Lock,
): ClientState['previous'] {
  const changed = Object.entries(before?.plugins ?? {}).filter(
    ([plugin, { contentDigest }]) => after.plugins[plugin]?.contentDigest !== contentDigest,
  );
  return { ...previous, ...Object.fromEntries(changed) };
}

function digestsOf({ manifest, files }: LockedPlugin): Digest[] {
  const ofFiles = Object.values(files).flatMap(({ digest, remoteDigest }) =>
    remoteDigest ? [digest, remoteDigest] : [digest],
  );
  return [manifest, ...ofFiles];
}

function resultOf(
  { plugin, files }: PluginPlan,
  before: Lock | undefined,
  after: Lock,
): PluginResult {
  const from = before?.plugins[plugin]?.version;
  const to = after.plugins[plugin]?.version;
  return { plugin, files, ...(from && { from }), ...(to && { to }) };
}
