import { WaymarkError } from '../model/errors.ts';
import { findCommit } from '../release/publish.ts';
import type { Principal } from './access.ts';
import { isReached } from './channel.ts';
import type { ReleaseRow } from './publication.ts';
import type { PluginRecord } from './record.ts';
import type { OrgRuntime } from './runtime.ts';
import { nearest, type Selector, tagsOf } from './selector.ts';
import { isYanked, type View } from './view.ts';

/** Who asks for content. `id` decides the rollout bucket. */
export interface Asker extends Principal {
  id: string;
}

/** One plugin as a selector resolves it, before its record is read. */
export interface Choice {
  plugin: string;
  version: string;
  seq: number;
  /** The last commit that changed the plugin, or the release's. */
  commit: string;
  contentDigest: string;
  release?: ReleaseRow;
  /** Rolling content has its record at hand. */
  record?: PluginRecord;
}

export const rollingVersion = ({ content, seq }: PluginRecord): string =>
  `${content.declaredVersion ?? '0.0.0'}-dev.${seq}`;

/**
 * One that is not granted answers as one that never was: `defaultAccess` would
 * otherwise tell them apart.
 *
 * @throws {WaymarkError} `RES_NOT_FOUND`
 */
export function checkVisible(view: View, plugin: string, asker: Asker): void {
  const isThere = view.published.records.has(plugin) || view.releases.has(plugin);
  if (!isThere || !view.access.roleOn(plugin, asker)) throw notVisible(view, plugin, asker);
}

const notVisible = (view: View, plugin: string, asker: Asker): WaymarkError => {
  const names = [...view.published.records.keys()].filter((id) => view.access.roleOn(id, asker));
  const details = { nearest: nearest(plugin, names) };
  return new WaymarkError('RES_NOT_FOUND', `no plugin ${plugin}`, { details });
};

export const fromRecord = (record: PluginRecord): Choice => ({
  plugin: record.content.id,
  version: rollingVersion(record),
  seq: record.seq,
  commit: record.commit,
  contentDigest: record.content.contentDigest,
  record,
});

export const fromRelease = (release: ReleaseRow): Choice => ({
  plugin: release.plugin,
  version: release.version,
  seq: release.seq,
  commit: release.commit,
  contentDigest: release.contentDigest,
  release,
});

/** What a channel gives an asker, by plugin. Cached by {@link ChannelTables}. */
function channelTable(view: View, name: string, asker: Asker): Map<string, Choice> {
  const table = new Map<string, Choice>();
  if (name === 'rolling') {
    for (const [id, record] of view.published.records) {
      if (view.access.roleOn(id, asker)) table.set(id, fromRecord(record));
    }
    return table;
  }
  for (const [id, offer] of Object.entries(channelOf(view, name).resolution)) {
    if (!view.access.roleOn(id, asker)) continue;
    const isNew = offer.previousTag === undefined || isReached(offer, name, asker.id);
    const [row] = view.releasesByTag.get(isNew ? offer.tag : offer.previousTag!) ?? [];
    if (row) table.set(id, fromRelease(row));
  }
  return table;
}

export function channelOf(view: View, name: string) {
  const channel = view.channels.get(name);
  if (channel) return channel;
  const details = { nearest: nearest(name, ['rolling', ...view.channels.keys()]) };
  throw new WaymarkError('RES_NOT_FOUND', `no channel ${name}`, { details });
}

const tablesByView = new WeakMap<View, Map<string, ReadonlyMap<string, Choice>>>();

/** The table for one asker, made once for each view, channel and visibility class. */
export function resolveChannelFor(
  view: View,
  name: string,
  asker: Asker,
): ReadonlyMap<string, Choice> {
  let tables = tablesByView.get(view);
  if (!tables) {
    tables = new Map();
    tablesByView.set(view, tables);
  }
  const key = `${name}\n${view.access.classOf(asker)}\n${bucketsOf(view, name, asker)}`;
  let table = tables.get(key);
  if (!table) {
    table = channelTable(view, name, asker);
    tables.set(key, table);
  }
  return table;
}

/** Which of a channel's partial rollouts have reached the asker. */
function bucketsOf(view: View, name: string, asker: Asker): string {
  if (name === 'rolling') return '';
  const { resolution } = channelOf(view, name);
  return Object.values(resolution)
    .filter(({ rolloutPercent, previousTag }) => rolloutPercent < 100 && previousTag !== undefined)
    .map((offer) => (isReached(offer, name, asker.id) ? '1' : '0'))
    .join('');
}

/**
 * One plugin by selector, for somebody who may have it.
 *
 * @throws {WaymarkError} `RES_NOT_FOUND`, also for a plugin that the asker may not see
 */
export async function resolvePlugin(
  runtime: OrgRuntime,
  view: View,
  plugin: string,
  selector: Selector,
  asker: Asker,
): Promise<Choice> {
  checkVisible(view, plugin, asker);
  switch (selector.by) {
    case 'channel': {
      const choice = resolveChannelFor(view, selector.name, asker).get(plugin);
      if (choice) return choice;
      if (!view.published.records.has(plugin)) throw notVisible(view, plugin, asker);
      throw new WaymarkError(
        'RES_NOT_FOUND',
        `channel ${selector.name} has no release of ${plugin}`,
      );
    }
    case 'release':
      return fromRelease(findReleaseById(view, plugin, selector.id));
    case 'commit':
      return await resolveCommit(runtime, view, plugin, selector.oid);
  }
}

export function findReleaseById(view: View, plugin: string, id: string): ReleaseRow {
  for (const tag of tagsOf(plugin, id)) {
    const row = view.releasesByTag.get(tag)?.find((release) => release.plugin === plugin);
    if (row) return row;
  }
  const versions = (view.releases.get(plugin) ?? []).map(({ version }) => version);
  const details = { nearest: nearest(id, versions) };
  throw new WaymarkError('RES_NOT_FOUND', `${plugin} has no release ${id}`, { details });
}

async function resolveCommit(runtime: OrgRuntime, view: View, plugin: string, text: string) {
  const released = [...view.releasesByTag.values()]
    .flat()
    .find(({ commit }) => commit.startsWith(text));
  const oid = released?.commit ?? (await findCommit(runtime, text));
  const record = await runtime.recordAt(plugin, oid);
  if (!record) throw new WaymarkError('RES_NOT_FOUND', `no plugin ${plugin} at commit ${text}`);
  return fromRecord(record);
}

/** All that a selector gives an asker, by plugin id. */
export async function resolveAll(
  runtime: OrgRuntime,
  view: View,
  selector: Selector,
  asker: Asker,
): Promise<ReadonlyMap<string, Choice>> {
  if (selector.by === 'channel') return resolveChannelFor(view, selector.name, asker);
  const found = new Map<string, Choice>();
  if (selector.by === 'commit') {
    const oid = await findCommit(runtime, selector.oid);
    const published = await runtime.publishedAt(oid);
    for (const [id, record] of published?.records ?? []) {
      if (view.access.roleOn(id, asker)) found.set(id, fromRecord(record));
    }
    return found;
  }
  const rows = tagsOf('', selector.id).flatMap((tag) => view.releasesByTag.get(tag) ?? []);
  const byVersion = [...view.releases.values()]
    .flat()
    .filter(({ version }) => version === selector.id);
  for (const row of rows.length > 0 ? rows : byVersion) {
    if (view.access.roleOn(row.plugin, asker)) found.set(row.plugin, fromRelease(row));
  }
  if (found.size > 0) return found;
  const details = { nearest: nearest(selector.id, view.releasesByTag.keys()) };
  throw new WaymarkError('RES_NOT_FOUND', `no release ${selector.id}`, { details });
}

export const isChoiceYanked = (view: View, { release }: Choice): boolean =>
  release !== undefined && isYanked(view, release.plugin, release.version);
