import { join } from 'node:path';
import type { Update } from '../delivery.ts';
import { Failure, VerificationError } from '../errors.ts';
import { reasonOf } from '../http.ts';
import { version as clientVersion } from '../package.ts';
import { applyInstall, type InstallResult } from './apply.ts';
import { type ClientState, seenOf } from './client-state.ts';
import { fetchContent, fetchPlugin, type PluginTerms, type RemotePlugin } from './fetch-plugin.ts';
import { openLocalFolder } from './local-folder.ts';
import type { Lock } from './lock.ts';
import { openObjects } from './objects.ts';
import type { OnConflict } from './plan.ts';
import { reportInstalled, reportPlugin } from './report.ts';
import { NEWEST, resolveRequest } from './requests.ts';
import { refreshTrust, type Session, type Trust } from './session.ts';
import { installDirOf, type Placement, placeInstall } from './targets.ts';

export interface SyncOptions {
  target?: string | undefined;
  dir?: string | undefined;
  dryRun?: boolean | undefined;
  onConflict?: OnConflict | undefined;
  /** Plugin → range, on top of what the lock asks for. */
  add?: Readonly<Record<string, string>>;
}

/**
 * Brings the project to what its channel and requests say: verify everything,
 * then stage, exchange, record, report. Until all is verified nothing is written.
 *
 * @see docs/spec/client.md, "Sync"
 */
export async function sync(session: Session, options: SyncOptions): Promise<InstallResult> {
  const { project, lock: before } = session;
  const placement = placeInstall(project, options, before);
  const trust = await refreshTrust(session);
  const updates = await askForUpdates(session);
  const requested = {
    ...before?.requested,
    ...requiredIn(updates, trust, session),
    ...options.add,
  };

  const objects = openObjects(project);
  try {
    const wanted = { session, trust, objects, layout: placement.target, updates };
    const remotes = await fetchAll(wanted, requested, options.dryRun ?? false);
    const result = await applyInstall({
      project,
      objects,
      before,
      remotes: remotes.plugins,
      header: composeHeader(session, trust, placement, withoutRemoved(requested, remotes.plugins)),
      state: advanceState(session, trust, remotes.repoUid),
      onConflict: options.onConflict ?? 'keep',
      dryRun: options.dryRun ?? false,
    });
    if (!options.dryRun) await reportState(session, result.lock);
    return result;
  } finally {
    await objects.discardIncoming();
  }
}

/** The server's word on why something should change: advice, never proof. */
async function askForUpdates({ delivery, enrolment, lock, output }: Session): Promise<Update[]> {
  const installed = Object.entries(lock?.plugins ?? {}).map(([id, p]) => reportPlugin(id, p));
  try {
    return await delivery.checkUpdates(enrolment.clientId, installed);
  } catch (error) {
    output.warn(`no advice on updates: ${reasonOf(error)}`);
    return [];
  }
}

function requiredIn(updates: readonly Update[], { index }: Trust, { lock, output }: Session) {
  const required = updates.filter(
    ({ op, reason, pluginId }) =>
      op === 'install' &&
      reason === 'required' &&
      index.plugins.has(pluginId) &&
      !(pluginId in (lock?.requested ?? {})),
  );
  for (const { pluginId } of required) output.say(`${pluginId} is required by your organisation`);
  return Object.fromEntries(required.map(({ pluginId }) => [pluginId, NEWEST]));
}

type Wanted = Pick<PluginTerms, 'session' | 'trust' | 'objects' | 'layout'> & {
  updates: readonly Update[];
};

interface Fetched {
  /** Undefined for what must be uninstalled. */
  plugins: Map<string, RemotePlugin | undefined>;
  repoUid: string | undefined;
}

async function fetchAll(
  wanted: Wanted,
  requested: Readonly<Record<string, string>>,
  dryRun: boolean,
): Promise<Fetched> {
  const plugins: Fetched['plugins'] = new Map();
  let { repoUid } = wanted.session.state;
  for (const [plugin, range] of Object.entries(requested)) {
    const installed = wanted.session.lock?.plugins[plugin];
    const terms: PluginTerms = { ...wanted, plugin, installed, repoUid };
    const remote = await findRemote(terms, range, wanted.updates);
    if (remote && !dryRun) await fetchContent(terms, remote);
    plugins.set(plugin, remote);
    repoUid ??= remote?.tagged?.repoUid;
  }
  return { plugins, repoUid };
}

async function findRemote(
  terms: PluginTerms,
  range: string,
  updates: readonly Update[],
): Promise<RemotePlugin | undefined> {
  const { plugin, installed, session, trust } = terms;
  const { delivery, output } = session;
  const { index } = trust;
  const removal = updates.find(({ pluginId, op }) => pluginId === plugin && op === 'remove');
  if (installed && removal && !index.plugins.has(plugin)) {
    output.warn(`${plugin} is withdrawn: ${removal.reason.replaceAll('_', ' ')}`);
    return undefined;
  }
  const warn = output.warn.bind(output);
  const resolution = await resolveRequest({ plugin, range, index, installed, delivery, warn });
  if (resolution) return fetchPlugin(terms, resolution);
  if (installed) {
    const message = `index: ${plugin} is no longer in it, and the server does not say why`;
    throw new VerificationError('RELEASE_VANISHED', message);
  }
  throw new Failure(notListed(plugin, trust));
}

function notListed(plugin: string, { index }: Trust): string {
  const known = [...index.plugins.keys()];
  const offer =
    known.length > 0 ? `It has ${known.slice(0, 20).join(', ')}` : 'It has none for you';
  return `the channel ${index.channel} has no plugin ${plugin}. ${offer}`;
}

function withoutRemoved(
  requested: Readonly<Record<string, string>>,
  plugins: Fetched['plugins'],
): Record<string, string> {
  return Object.fromEntries(Object.entries(requested).filter(([plugin]) => plugins.get(plugin)));
}

function composeHeader(
  { enrolment }: Session,
  { root, index }: Trust,
  placement: Placement,
  requested: Record<string, string>,
): Omit<Lock, 'plugins'> {
  const { roles } = root;
  return {
    lockVersion: 1,
    org: root.org,
    orgUid: root.orgUid,
    rootVersion: root.version,
    channel: enrolment.channel,
    sequence: index.sequence,
    keys: {
      root: roles.root.keyids,
      release: roles.release.keyids,
      index: roles.index.keyids,
    },
    ...placement,
    requested,
  };
}

/** From here on nothing older is accepted. */
function advanceState(
  { state }: Session,
  { trusted, index }: Trust,
  repoUid?: string,
): ClientState {
  const seen = seenOf(state, index.channel);
  const listed = [...index.plugins].map(([id, { seq, contentDigest }]) => [
    id,
    { seq, contentDigest },
  ]);
  // What is no longer listed is remembered too: it could come back as an older one.
  const plugins = { ...seen.plugins, ...Object.fromEntries(listed) };
  const channels = { ...state.channels, [index.channel]: { sequence: index.sequence, plugins } };
  return { ...state, root: trusted, channels, ...(repoUid && { repoUid }) };
}

/** The install is done whether or not the server hears of it; the next run tells it again. */
async function reportState(
  { project, enrolment, delivery, output }: Session,
  lock: Lock,
): Promise<void> {
  const installDir = installDirOf(project, lock);
  const { channel, sequence } = lock;
  try {
    const plugins = await Promise.all(
      Object.entries(lock.plugins).map(async ([id, plugin]) =>
        reportInstalled(id, plugin, await openLocalFolder(join(installDir, id))),
      ),
    );
    const report = { index: { channel, sequence }, plugins, errors: [], clientVersion };
    await delivery.reportState(enrolment.clientId, report);
  } catch (error) {
    output.warn(`the server was not told what is installed here: ${reasonOf(error)}`);
  }
}
