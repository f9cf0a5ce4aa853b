import { sha256Hex } from '../model/digest.ts';
import type { ArtifactStore } from '../registry/artifacts.ts';
import type { ChannelSpec } from '../registry/kinds.ts';
import { type ChannelState, type Resolution, resolveChannel } from './channel.ts';
import type { ActivePointer, ReleaseRow } from './publication.ts';
import type { Published } from './published.ts';
import { groupReleases, readChannels, readStatuses } from './view.ts';

export interface ResolvedChannels {
  byName: ReadonlyMap<string, { spec: ChannelSpec; resolution: Resolution; digest: string }>;
  nextChangeMs?: number;
}

/** Every channel resolved anew, against what it offered last, and stored where it changed. */
export async function resolveChannels(inputs: {
  published: Published;
  rows: readonly ReleaseRow[];
  pointers: ReadonlyMap<string, ActivePointer>;
  artifacts: ArtifactStore;
  nowMs: number;
}): Promise<ResolvedChannels> {
  const { published, artifacts, nowMs } = inputs;
  const releases = groupReleases(inputs.rows);
  const statuses = readStatuses(published);
  const byName = new Map<string, { spec: ChannelSpec; resolution: Resolution; digest: string }>();
  let nextChangeMs: number | undefined;
  for (const [name, spec] of readChannels(published)) {
    const previous = await readState(artifacts, inputs.pointers.get(name));
    const { state, nextChangeMs: at } = resolveChannel({
      name,
      spec,
      releases,
      isYanked: (plugin, version) => statuses.get(`${plugin}/${version}`)?.yanked !== undefined,
      plugins: new Set(published.records.keys()),
      previous,
      nowMs,
    });
    if (at !== undefined) nextChangeMs = Math.min(nextChangeMs ?? at, at);
    const bytes = Buffer.from(JSON.stringify(state));
    const digest = sha256Hex(bytes);
    if (!artifacts.has(digest)) await artifacts.write([bytes]);
    byName.set(name, { spec, resolution: state.offers, digest });
  }
  return { byName, ...(nextChangeMs === undefined ? {} : { nextChangeMs }) };
}

async function readState(
  artifacts: ArtifactStore,
  pointer: ActivePointer | undefined,
): Promise<ChannelState> {
  const bytes = pointer && pointer.digest !== '' ? await artifacts.read(pointer.digest) : undefined;
  if (bytes === undefined) return { offers: {}, withdrawn: {} };
  return JSON.parse(bytes.toString()) as ChannelState;
}
