import { sha256Hex } from '../model/digest.ts';
import { invalidField, WaymarkError } from '../model/errors.ts';
import { diffObjects, type ObjectDiff } from './object-diff.ts';
import { findBase } from './pinned.ts';
import { type Asker, type Choice, isChoiceYanked, resolveAll } from './resolve.ts';
import type { Selector } from './selector.ts';
import type { OrgDelivery } from './service.ts';
import { isYanked, type View } from './view.ts';

export interface InstalledPlugin {
  pluginId: string;
  version?: string;
  commit?: string;
  contentDigest?: string;
  items?: { configObjectId: string; digest: string; state?: string }[];
}

export type UpdateOp = 'install' | 'update' | 'remove' | 'rollback';
export type UpdateReason =
  | 'new_release'
  | 'new_commit'
  | 'required'
  | 'access_revoked'
  | 'yanked'
  | 'rollback'
  | 'drift'
  | 'plugin_deleted';

export interface Update {
  pluginId: string;
  op: UpdateOp;
  reason: UpdateReason;
  from?: { version?: string; commit?: string; contentDigest?: string };
  to?: { version: string; commit: string; contentDigest: string };
  items: ObjectDiff;
  download?: { full: string; delta?: string; fullSize: number; deltaSize?: number };
}

export interface UpdateAnswer {
  index: { channel: string; sequence: number; sha256: string };
  updates: Update[];
  unchanged: string[];
  nextCheckAfterSec: number;
}

const NO_ITEMS: ObjectDiff = { added: [], changed: [], removed: [] };
const CHECK_AFTER_SEC = 300;
/** States that differ from what was delivered, and which a policy of `deny` repairs. */
const DRIFTED = new Set(['modified', 'conflict', 'suppressed', 'orphaned', 'collision']);

/**
 * What a client should change. The work follows what the request names and
 * what differs, never the size of the registry: digests are compared first.
 */
export async function checkUpdates(
  delivery: OrgDelivery,
  view: View,
  asker: Asker,
  request: { installed: readonly InstalledPlugin[]; selector: Selector; seesDiagnostics: boolean },
): Promise<UpdateAnswer> {
  const { installed, selector } = request;
  const choices = await resolveAll(delivery.runtime, view, selector, asker);
  const updates: Update[] = [];
  const unchanged: string[] = [];
  const seen = new Set<string>();
  for (const plugin of installed) {
    seen.add(plugin.pluginId);
    const choice = choices.get(plugin.pluginId);
    if (choice && isCurrent(plugin, choice, view)) unchanged.push(plugin.pluginId);
    else updates.push(await updateOf(delivery, view, asker, plugin, choice, selector));
  }
  updates.push(...(await requiredInstalls(delivery, view, choices, seen, selector)));
  const index = await indexOf(delivery, view, asker, selector, request.seesDiagnostics);
  return { index, updates, unchanged, nextCheckAfterSec: nextCheckFor(asker) };
}

function isCurrent(plugin: InstalledPlugin, choice: Choice, view: View): boolean {
  const { contentDigest, version, commit, items } = plugin;
  const isSame =
    contentDigest !== undefined
      ? contentDigest === choice.contentDigest
      : version !== undefined
        ? version === choice.version
        : commit === choice.commit;
  return isSame && !(items && repairsDrift(view, choice) && items.some(isDrifted));
}

const isDrifted = ({ state }: { state?: string }): boolean =>
  state !== undefined && DRIFTED.has(state);

function repairsDrift(view: View, { plugin }: Choice): boolean {
  return view.published.records.get(plugin)?.content.policy.override === 'deny';
}

async function updateOf(
  delivery: OrgDelivery,
  view: View,
  asker: Asker,
  plugin: InstalledPlugin,
  choice: Choice | undefined,
  selector: Selector,
): Promise<Update> {
  const { pluginId, version, commit, contentDigest } = plugin;
  const from = {
    ...(version === undefined ? {} : { version }),
    ...(commit === undefined ? {} : { commit }),
    ...(contentDigest === undefined ? {} : { contentDigest }),
  };
  if (!choice)
    return { pluginId, op: 'remove', reason: whyGone(view, asker, plugin), from, items: NO_ITEMS };
  const { op, reason } = whatFor(view, plugin, choice);
  return {
    pluginId,
    op,
    reason,
    from,
    ...(await target(delivery, view, choice, plugin, selector)),
  };
}

/**
 * What is hidden answers as what never was: a stranger who guesses at ids learns nothing. So
 * `plugin_deleted` is said only of what was here within a day, or released.
 */
function whyGone(view: View, asker: Asker, { pluginId, version }: InstalledPlugin): UpdateReason {
  const isVisible = view.access.roleOn(pluginId, asker) !== undefined;
  if (!isVisible || !hasBeenHere(view, pluginId)) return 'access_revoked';
  const isHere = view.published.records.has(pluginId);
  const wasYanked = isHere && version !== undefined && isYanked(view, pluginId, version);
  return wasYanked ? 'yanked' : 'plugin_deleted';
}

const hasBeenHere = ({ published, releases }: View, id: string): boolean =>
  published.records.has(id) ||
  releases.has(id) ||
  published.replaced.some(({ plugin }) => plugin === id);

function whatFor(
  view: View,
  plugin: InstalledPlugin,
  choice: Choice,
): { op: UpdateOp; reason: UpdateReason } {
  const { pluginId, version, contentDigest } = plugin;
  if (contentDigest === choice.contentDigest) return { op: 'update', reason: 'drift' };
  const installed = view.releases
    .get(pluginId)
    ?.find((row) => row.version === version || row.contentDigest === contentDigest);
  if (installed && choice.release && installed.seq > choice.seq) {
    const wasYanked = isYanked(view, pluginId, installed.version);
    return { op: 'rollback', reason: wasYanked ? 'yanked' : 'rollback' };
  }
  return { op: 'update', reason: choice.release ? 'new_release' : 'new_commit' };
}

async function target(
  delivery: OrgDelivery,
  view: View,
  choice: Choice,
  plugin: InstalledPlugin | undefined,
  selector: Selector,
) {
  const record = await delivery.recordOf(choice);
  const { contentDigest, contentBytes, objects } = record.content;
  const since = plugin?.contentDigest ?? plugin?.commit ?? releasedDigest(view, plugin);
  const base = since && (await findBase(delivery.runtime, view, choice.plugin, since));
  const items = base ? diffObjects(base.content, record) : againstItems(record, plugin?.items);
  const pin = `plugins/${choice.plugin}/download?contentDigest=${contentDigest}${selectorQuery(selector)}`;
  const changed = new Set(
    [...items.added, ...items.changed].map(({ configObjectId }) => configObjectId),
  );
  const deltaSize = objects
    .filter(({ id }) => changed.has(id))
    .reduce((sum, { files }) => sum + files.reduce((bytes, { size }) => bytes + size, 0), 0);
  return {
    to: { version: choice.version, commit: choice.commit, contentDigest },
    items,
    download: {
      full: pin,
      fullSize: contentBytes,
      ...(base ? { delta: `${pin}&since=${base.content.contentDigest}`, deltaSize } : {}),
    },
  };
}

const releasedDigest = (view: View, plugin: InstalledPlugin | undefined): string | undefined =>
  plugin &&
  view.releases.get(plugin.pluginId)?.find(({ version }) => version === plugin.version)
    ?.contentDigest;

/** Without a base to compare with, what the client says it has. */
function againstItems(
  record: Parameters<typeof diffObjects>[1],
  items: InstalledPlugin['items'],
): ObjectDiff {
  const whole = diffObjects(undefined, record);
  if (!items) return whole;
  const have = new Map(items.map(({ configObjectId, digest }) => [configObjectId, digest]));
  const known = new Set(whole.added.map(({ configObjectId }) => configObjectId));
  return {
    added: whole.added.filter(({ configObjectId }) => !have.has(configObjectId)),
    changed: whole.added.flatMap(({ configObjectId, toDigest, versionId }) => {
      const fromDigest = have.get(configObjectId);
      if (fromDigest === undefined || fromDigest === toDigest) return [];
      return [{ configObjectId, fromDigest, toDigest, versionId }];
    }),
    removed: items
      .filter(({ configObjectId }) => !known.has(configObjectId))
      .map(({ configObjectId, digest }) => ({ configObjectId, fromDigest: digest })),
  };
}

async function requiredInstalls(
  delivery: OrgDelivery,
  view: View,
  choices: ReadonlyMap<string, Choice>,
  seen: ReadonlySet<string>,
  selector: Selector,
): Promise<Update[]> {
  const updates: Update[] = [];
  for (const id of requiredPlugins(view)) {
    const choice = choices.get(id);
    if (!choice || seen.has(id) || isChoiceYanked(view, choice)) continue;
    const to = await target(delivery, view, choice, undefined, selector);
    updates.push({ pluginId: id, op: 'install', reason: 'required', ...to });
  }
  return updates;
}

const requiredByPublication = new WeakMap<object, readonly string[]>();

/** Found once for each publication, not for each request. */
function requiredPlugins({ published }: View): readonly string[] {
  const known = requiredByPublication.get(published);
  if (known) return known;
  const ids = [...published.records]
    .filter(([, { content }]) => content.policy.mode === 'required')
    .map(([id]) => id);
  requiredByPublication.set(published, ids);
  return ids;
}

async function indexOf(
  delivery: OrgDelivery,
  view: View,
  asker: Asker,
  selector: Selector,
  seesDiagnostics: boolean,
) {
  const channel = selector.by === 'channel' ? selector.name : 'rolling';
  const { body } = await delivery.index(view, channel, asker, seesDiagnostics);
  let facts = factsByIndex.get(body);
  if (!facts) {
    const { sequence } = JSON.parse(body.toString()) as { sequence: number };
    facts = { channel, sequence, sha256: sha256Hex(body) };
    factsByIndex.set(body, facts);
  }
  return facts;
}

/** What an answer says of an index, made once for each signed body. */
const factsByIndex = new WeakMap<Buffer, UpdateAnswer['index']>();

function selectorQuery(selector: Selector): string {
  if (selector.by === 'channel') return `&channel=${encodeURIComponent(selector.name)}`;
  if (selector.by === 'release') return `&release=${encodeURIComponent(selector.id)}`;
  return `&commit=${selector.oid}`;
}

/** Up to a fifth less, for each client its own, so that those that began together part. */
function nextCheckFor({ id }: Asker): number {
  const share = Number.parseInt(sha256Hex(id).slice(0, 8), 16) / 2 ** 32;
  return Math.ceil(CHECK_AFTER_SEC * (1 - share * 0.2));
}

/** @throws {WaymarkError} `VAL_FAILED` with every field at fault */
export function parseInstalled(value: unknown): InstalledPlugin[] | undefined {
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) throw invalidField('installed', 'is no list');
  const errors = value.flatMap((plugin: unknown, i) => {
    const one = plugin as Partial<InstalledPlugin> | null;
    const field = `installed[${i}].pluginId`;
    if (typeof one?.pluginId !== 'string')
      return [{ field, message: 'is missing', code: 'required' }];
    const isBad = (['version', 'commit', 'contentDigest'] as const).find(
      (key) => one[key] !== undefined && typeof one[key] !== 'string',
    );
    if (isBad) return [{ field: `installed[${i}].${isBad}`, message: 'is no text', code: 'type' }];
    if (one.items !== undefined && !Array.isArray(one.items)) {
      return [{ field: `installed[${i}].items`, message: 'is no list', code: 'type' }];
    }
    return [];
  });
  if (errors.length > 0) {
    throw new WaymarkError('VAL_FAILED', 'the installed plugins are malformed', {
      validationErrors: errors,
    });
  }
  return value as InstalledPlugin[];
}

/** `{channel}`, `{release}` or `{commit}`, as a query would have it. */
export function selectorFields(value: unknown): URLSearchParams {
  if (value === undefined || value === null) return new URLSearchParams();
  if (typeof value === 'string') return new URLSearchParams(value);
  if (typeof value !== 'object') throw invalidField('selector', 'is no selector');
  const fields = Object.entries(value).filter(([, text]) => typeof text === 'string');
  return new URLSearchParams(fields as [string, string][]);
}
