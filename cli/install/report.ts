import { contentDigest } from '../../src/model/digest.ts';
import type { LocalFolder } from './local-folder.ts';
import type { LockedFile, LockedPlugin } from './lock.ts';
import type { SettledState } from './states.ts';

/** What the server is told of one installed plugin; also what check-updates compares. */
export interface PluginReport {
  pluginId: string;
  version: string;
  contentDigest: string;
  items: ItemReport[];
}

export interface ItemReport {
  configObjectId: string;
  digest: string;
  state: SettledState;
  /** Of the files as they are here, where they differ from those delivered. */
  overrideDigest?: string;
}

export function reportPlugin(
  pluginId: string,
  { version, contentDigest, items, files }: LockedPlugin,
): PluginReport {
  return {
    pluginId,
    version,
    contentDigest,
    items: Object.entries(items).map(([configObjectId, { digest }]) => ({
      configObjectId,
      digest,
      state: stateOfItem(filesOf(files, configObjectId)),
    })),
  };
}

/** The same, with the digests of what the user made of it. */
export async function reportInstalled(
  pluginId: string,
  plugin: LockedPlugin,
  local: LocalFolder | undefined,
): Promise<PluginReport> {
  const report = reportPlugin(pluginId, plugin);
  for (const item of report.items) {
    if (item.state !== 'modified' && item.state !== 'conflict') continue;
    const files = filesOf(plugin.files, item.configObjectId).map(([path]) => path);
    item.overrideDigest = await localDigest(files, local);
  }
  return report;
}

async function localDigest(paths: string[], local: LocalFolder | undefined): Promise<string> {
  const found = await Promise.all(
    paths.map(async (path) => {
      const identity = await local?.identify(path);
      return identity ? [{ path, ...identity }] : [];
    }),
  );
  return contentDigest(found.flat());
}

const filesOf = (files: LockedPlugin['files'], objectId: string): [string, LockedFile][] =>
  Object.entries(files).filter(([, file]) => file.objectId === objectId);

/** An object is in the state of its worst file. */
const WORST_FIRST: readonly SettledState[] = [
  'conflict',
  'modified',
  'orphaned',
  'suppressed',
  'converged',
];

function stateOfItem(files: readonly [string, LockedFile][]): SettledState {
  const states = new Set(files.map(([, { state }]) => state));
  return WORST_FIRST.find((state) => states.has(state)) ?? 'updated';
}
