import { createHash } from 'node:crypto';
import { compare, prerelease, satisfies } from 'semver';
import type { ChannelSpec } from '../registry/kinds.ts';
import type { ReleaseRow } from './publication.ts';

/** What a channel offers of one plugin. */
export interface Offer {
  tag: string;
  seq: number;
  /** Given to the clients that the rollout has not reached. */
  previousTag?: string;
  previousSeq?: number;
  /** 0–100. */
  rolloutPercent: number;
  /** The highest seq that this channel ever offered, and why it fell back from there. */
  peakSeq: number;
  cause?: { kind: 'yank' | 'channel'; id: string };
}

/** Plugin id → offer. */
export type Resolution = Readonly<Record<string, Offer>>;

/** The stored form of a channel. */
export interface ChannelState {
  offers: Resolution;
  /** The last offer of plugins that have none now: when one comes back lower, clients must be told why. */
  withdrawn: Resolution;
}

export interface ChannelInputs {
  name: string;
  spec: ChannelSpec;
  releases: ReadonlyMap<string, readonly ReleaseRow[]>;
  isYanked: (plugin: string, version: string) => boolean;
  /** Plugins that exist on `main`: a deleted one is offered no more. */
  plugins: ReadonlySet<string>;
  previous: ChannelState;
  nowMs: number;
}

/** The highest admitted release of every plugin, and when the answer will next change by itself. */
export function resolveChannel(inputs: ChannelInputs): {
  state: ChannelState;
  nextChangeMs?: number;
} {
  const offers: Record<string, Offer> = {};
  let nextChangeMs: number | undefined;
  for (const [plugin, releases] of [...inputs.releases].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (!inputs.plugins.has(plugin)) continue;
    const rule = { ...inputs.spec, ...ownRule(inputs.spec, plugin) };
    const ageMs = (rule.minimumAgeSec ?? 0) * 1000;
    const admitted = releases.filter((release) => isAdmitted(release, rule, inputs));
    const ripe = admitted.filter(
      ({ publishedAt }) => Date.parse(publishedAt) + ageMs <= inputs.nowMs,
    );
    for (const { publishedAt } of admitted) {
      const at = Date.parse(publishedAt) + ageMs;
      if (at > inputs.nowMs) nextChangeMs = Math.min(nextChangeMs ?? at, at);
    }
    const [best, before] = ripe.sort((a, b) => compare(b.version, a.version));
    if (best) offers[plugin] = offer(inputs, plugin, best, before, rule.rolloutPercent ?? 100);
  }
  const before = Object.entries({ ...inputs.previous.withdrawn, ...inputs.previous.offers });
  const withdrawn = Object.fromEntries(before.filter(([plugin]) => !Object.hasOwn(offers, plugin)));
  return { state: { offers, withdrawn }, ...(nextChangeMs === undefined ? {} : { nextChangeMs }) };
}

/** A plugin may be called `constructor`. */
const ownRule = ({ plugins = {} }: ChannelSpec, plugin: string) =>
  Object.hasOwn(plugins, plugin) ? plugins[plugin] : undefined;

function isAdmitted(
  { plugin, version }: ReleaseRow,
  rule: Pick<ChannelSpec, 'range' | 'includePrerelease'>,
  { isYanked }: ChannelInputs,
): boolean {
  if (isYanked(plugin, version)) return false;
  const includePrerelease = rule.includePrerelease ?? false;
  if (!includePrerelease && prerelease(version)) return false;
  return rule.range === undefined || satisfies(version, rule.range, { includePrerelease });
}

function offer(
  { name, previous, isYanked }: ChannelInputs,
  plugin: string,
  best: ReleaseRow,
  before: ReleaseRow | undefined,
  rolloutPercent: number,
): Offer {
  const last = [previous.offers, previous.withdrawn].find((all) => Object.hasOwn(all, plugin))?.[
    plugin
  ];
  const peakSeq = Math.max(last?.peakSeq ?? 0, best.seq);
  const cause = last && best.seq < peakSeq ? causeOf(last, best, name, isYanked) : undefined;
  return {
    tag: best.tag,
    seq: best.seq,
    ...(before ? { previousTag: before.tag, previousSeq: before.seq } : {}),
    rolloutPercent,
    peakSeq,
    ...(cause ? { cause } : {}),
  };
}

/** Why a channel offers less than it did: what took the last offer away, or else what did before. */
function causeOf(
  last: Offer,
  best: ReleaseRow,
  channel: string,
  isYanked: ChannelInputs['isYanked'],
): NonNullable<Offer['cause']> {
  const isWithdrawn = last.tag !== best.tag;
  const lastVersion = last.tag.slice(best.plugin.length + '--v'.length);
  if (isWithdrawn && isYanked(best.plugin, lastVersion)) return { kind: 'yank', id: last.tag };
  const isLower = best.seq < last.seq;
  return (isLower ? undefined : last.cause) ?? { kind: 'channel', id: channel };
}

/** Whether a client is among the first `percent`. The same client answers the same for one release. */
export function isReached(offer: Offer, channel: string, clientId: string): boolean {
  if (offer.rolloutPercent >= 100) return true;
  const hash = createHash('sha256').update(`${channel}\0${offer.tag}\0${clientId}`).digest();
  return (hash.readUInt32BE(0) % 10_000) / 100 < offer.rolloutPercent;
}
