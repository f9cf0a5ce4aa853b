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

/** Plugin → offer, by plugin id. The stored form of a channel. */
export type Resolution = Readonly<Record<string, Offer>>;

export interface ChannelInputs {
  name: string;
  spec: ChannelSpec;
  releases: ReadonlyMap<string, readonly ReleaseRow[]>;
  isYanked(plugin: string, version: string): boolean;
  /** Plugins that exist on `main`: a deleted one is offered no more. */
  plugins: ReadonlySet<string>;
  previous: Resolution;
  nowMs: number;
}

/** The highest admitted release of every plugin, and when the answer will next change by itself. */
export function resolveChannel(inputs: ChannelInputs): {
  resolution: Resolution;
  nextChangeMs?: number;
} {
  const resolution: Record<string, Offer> = {};
  let nextChangeMs: number | undefined;
  for (const [plugin, releases] of [...inputs.releases].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (!inputs.plugins.has(plugin)) continue;
    const rule = { ...inputs.spec, ...inputs.spec.plugins?.[plugin] };
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
    if (best) resolution[plugin] = offer(inputs, plugin, best, before, rule.rolloutPercent ?? 100);
  }
  return { resolution, ...(nextChangeMs === undefined ? {} : { nextChangeMs }) };
}

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
  const last = previous[plugin];
  const peakSeq = Math.max(last?.peakSeq ?? 0, best.seq);
  const isLower = best.seq < peakSeq;
  const lostVersion = last?.tag.slice(plugin.length + '--v'.length);
  const wasYanked =
    lostVersion !== undefined && last?.tag !== best.tag && isYanked(plugin, lostVersion);
  const cause = wasYanked
    ? { kind: 'yank' as const, id: last!.tag }
    : (last?.cause ?? { kind: 'channel' as const, id: name });
  return {
    tag: best.tag,
    seq: best.seq,
    ...(before ? { previousTag: before.tag, previousSeq: before.seq } : {}),
    rolloutPercent,
    peakSeq,
    ...(isLower ? { cause } : {}),
  };
}

/** Whether a client is among the first `percent`. The same client answers the same for one release. */
export function isReached(offer: Offer, channel: string, clientId: string): boolean {
  if (offer.rolloutPercent >= 100) return true;
  const hash = createHash('sha256').update(`${channel}\0${offer.tag}\0${clientId}`).digest();
  return (hash.readUInt32BE(0) % 10_000) / 100 < offer.rolloutPercent;
}
