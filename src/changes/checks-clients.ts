import { Access } from '../delivery/access.ts';
import { type Offer, resolveChannel } from '../delivery/channel.ts';
import { readChannels, readStatuses, type View } from '../delivery/view.ts';
import type { Snapshot } from '../registry/snapshot.ts';

/** One plugin that the clients of one channel would receive otherwise than now. */
export interface ClientChange {
  channel: string;
  plugin: string;
  /** `access`: the same content, for others. */
  change: 'added' | 'removed' | 'updated' | 'access';
  before: Received | null;
  after: Received | null;
  /** Who sees it: `everyone`, `team:…`, `user:…`; administrators do in any case. */
  audience: { before: readonly string[]; after: readonly string[] };
}

export interface Received {
  contentDigest: string;
  /** On a channel of releases. */
  version?: string;
  rolloutPercent?: number;
}

type Receipts = ReadonlyMap<string, Received>;

/**
 * What each channel's clients would receive after a change, where it differs:
 * `rolling` first, then the channels of either registry by name.
 *
 * @param view whose releases channels choose from; none before the first commit is served
 */
export function clientChanges(
  view: View | undefined,
  before: Snapshot,
  after: Snapshot,
  nowMs: number,
): ClientChange[] {
  const audiences = { before: new Access(before.config), after: new Access(after.config) };
  const [old, next] = [before, after].map((one) => receiptsByChannel(view, one, nowMs)) as [
    Map<string, Receipts>,
    Map<string, Receipts>,
  ];
  const released = [...new Set([...old.keys(), ...next.keys()])].sort();
  return [['rolling', rollingReceipts(before), rollingReceipts(after)] as const]
    .concat(released.map((name) => [name, old.get(name) ?? NONE, next.get(name) ?? NONE] as never))
    .flatMap(([channel, from, to]) => differences(channel, from, to, audiences));
}

const NONE: Receipts = new Map();

const rollingReceipts = ({ contents }: Snapshot): Receipts =>
  new Map([...contents].map(([plugin, { contentDigest }]) => [plugin, { contentDigest }]));

function receiptsByChannel(
  view: View | undefined,
  snapshot: Snapshot,
  nowMs: number,
): Map<string, Receipts> {
  const statuses = readStatuses(snapshot);
  const plugins = new Set(snapshot.contents.keys());
  const isYanked = (plugin: string, version: string) =>
    statuses.get(`${plugin}/${version}`)?.yanked !== undefined;
  const receipts = new Map<string, Receipts>();
  for (const [name, spec] of readChannels(snapshot)) {
    const previous = { offers: view?.channels.get(name)?.resolution ?? {}, withdrawn: {} };
    const releases = view?.releases ?? new Map();
    const inputs = { name, spec, releases, isYanked, plugins, previous, nowMs };
    const { offers } = resolveChannel(inputs).state;
    const received = Object.entries(offers).flatMap(([plugin, offer]) => {
      const release = releaseOf(view, plugin, offer);
      return release ? [[plugin, release] as const] : [];
    });
    receipts.set(name, new Map(received));
  }
  return receipts;
}

function releaseOf(
  view: View | undefined,
  plugin: string,
  { tag, rolloutPercent }: Offer,
): Received | undefined {
  const row = view?.releasesByTag.get(tag)?.find((one) => one.plugin === plugin);
  return row && { contentDigest: row.contentDigest, version: row.version, rolloutPercent };
}

function differences(
  channel: string,
  from: Receipts,
  to: Receipts,
  audiences: { before: Access; after: Access },
): ClientChange[] {
  const plugins = [...new Set([...from.keys(), ...to.keys()])].sort();
  return plugins.flatMap((plugin) => {
    const [before, after] = [from.get(plugin) ?? null, to.get(plugin) ?? null];
    const audience = {
      before: before ? audiences.before.audienceOf(plugin) : [],
      after: after ? audiences.after.audienceOf(plugin) : [],
    };
    const change = kindOf(before, after, audience);
    return change ? [{ channel, plugin, change, before, after, audience }] : [];
  });
}

function kindOf(
  before: Received | null,
  after: Received | null,
  audience: ClientChange['audience'],
): ClientChange['change'] | undefined {
  if (!before) return 'added';
  if (!after) return 'removed';
  if (JSON.stringify(before) !== JSON.stringify(after)) return 'updated';
  return audience.before.join() === audience.after.join() ? undefined : 'access';
}
