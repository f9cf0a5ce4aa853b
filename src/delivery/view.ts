import { rcompare } from 'semver';
import type { Org } from '../identity/org.ts';
import type { Diagnostic } from '../model/diagnostic.ts';
import type { ChannelSpec, ReleaseStatusSpec } from '../registry/kinds.ts';
import { documentsOf } from '../registry/snapshot.ts';
import { Access } from './access.ts';
import type { Resolution } from './channel.ts';
import type { ReleaseRow } from './publication.ts';
import type { Published } from './published.ts';

export type Encryption = 'required' | 'preferred' | 'off';

/** What a channel serves: its resolution and the sequence of its index. */
export interface ChannelView {
  spec: ChannelSpec;
  resolution: Resolution;
  sequence: number;
}

/**
 * All that requests to one org are answered from. Immutable, swapped whole:
 * a request keeps the one that it began with.
 */
export interface View {
  org: Org;
  /** Activations: `X-Waymark-Seq`, and the sequence of the rolling index. */
  sequence: number;
  desired: string;
  /** Of the root that documents are signed under: a rotation swaps the view. */
  rootVersion: number;
  diagnostics: readonly Diagnostic[];
  published: Published;
  access: Access;
  encryption: Encryption;
  /** By plugin, highest version first. */
  releases: ReadonlyMap<string, readonly ReleaseRow[]>;
  /** By tag; a named release has a row for each of its plugins. */
  releasesByTag: ReadonlyMap<string, readonly ReleaseRow[]>;
  channels: ReadonlyMap<string, ChannelView>;
  /** By `<plugin>/<version>`, or a named release's name. */
  statuses: ReadonlyMap<string, ReleaseStatusSpec>;
}

export function groupReleases(rows: readonly ReleaseRow[]): Map<string, ReleaseRow[]> {
  const versions = rows.filter(({ tag, plugin }) => tag.startsWith(`${plugin}--v`));
  const groups = Map.groupBy(versions, ({ plugin }) => plugin);
  for (const group of groups.values()) group.sort((a, b) => rcompare(a.version, b.version));
  return groups;
}

export function readStatuses(published: Pick<Published, 'config'>): Map<string, ReleaseStatusSpec> {
  return new Map(
    documentsOf(published, 'ReleaseStatus').map(({ name, parent, spec }) => [
      parent === undefined ? name : `${parent}/${name}`,
      spec,
    ]),
  );
}

/** The channels that files define, and `stable`, which is there without one. */
export function readChannels(published: Pick<Published, 'config'>): Map<string, ChannelSpec> {
  const channels = new Map<string, ChannelSpec>([['stable', {}]]);
  for (const { name, spec } of documentsOf(published, 'Channel')) channels.set(name, spec);
  channels.delete('rolling');
  return channels;
}

export function readEncryption(published: Published): Encryption {
  const [registry] = documentsOf(published, 'Registry');
  return registry?.spec.delivery?.encryption ?? 'preferred';
}

export function createView(
  parts: Omit<View, 'access' | 'encryption' | 'statuses' | 'releases' | 'releasesByTag'> & {
    rows: readonly ReleaseRow[];
  },
): View {
  const { rows, ...rest } = parts;
  return {
    ...rest,
    access: new Access(rest.published.config),
    encryption: readEncryption(rest.published),
    statuses: readStatuses(rest.published),
    releases: groupReleases(rows),
    releasesByTag: Map.groupBy(rows, ({ tag }) => tag),
  };
}

export const isYanked = (
  { statuses }: Pick<View, 'statuses'>,
  plugin: string,
  version: string,
): boolean => statuses.get(`${plugin}/${version}`)?.yanked !== undefined;
