import canonicalize from 'canonicalize';
import type { Published } from '../delivery/published.ts';
import type { OrgRuntime } from '../delivery/runtime.ts';
import { lastChange } from '../git/history.ts';
import { toTime } from '../model/clock.ts';
import { sha256Hex } from '../model/digest.ts';
import type { Binding } from './binding.ts';
import { type BindingEntry, placeOf } from './binding-place.ts';
import { configSchemaOf } from './config-schema.ts';
import { type Config, maskSecrets } from './contract/secrets-in-config.ts';
import type { HostedPlugin } from './hosted-plugin.ts';

/** A binding's configuration as it may be seen: `***` for what is secret. */
export const shownConfig = (plugin: HostedPlugin | undefined, { config, type }: Binding): Config =>
  maskSecrets((plugin && configSchemaOf(plugin.manifest, type)) ?? {}, config);

/** Of a binding, for `If-Match`: another whenever git says something else of it. */
export const versionOf = (entry: BindingEntry): string => sha256Hex(canonicalize(entry)!);

/** As `versionOf`, of the registry that is served. */
export const servedVersion = (published: Published, binding: Binding): string =>
  versionOf(placeOf(published, binding).entry ?? {});

export interface LastWrite {
  updatedAt: string | null;
  /** As git names its author. */
  updatedBy: string | null;
}

const known = new WeakMap<Published, Map<string, Promise<LastWrite>>>();

/** Of a binding's document. Looked up once for each commit that is served. */
export function lastWriteOf(runtime: OrgRuntime, path: string): Promise<LastWrite> {
  const { published } = runtime.view;
  const byPath = known.get(published) ?? new Map<string, Promise<LastWrite>>();
  known.set(published, byPath);
  const found = byPath.get(path) ?? readLastWrite(runtime, published.commit, path);
  byPath.set(path, found);
  found.catch(() => byPath.delete(path));
  return found;
}

async function readLastWrite(
  { repo, pool }: OrgRuntime,
  head: string,
  path: string,
): Promise<LastWrite> {
  const commit = await lastChange(repo, head, path);
  if (commit === undefined) return { updatedAt: null, updatedBy: null };
  const { author } = await pool.readCommit(commit);
  return { updatedAt: toTime(author.atSec * 1000), updatedBy: author.name };
}
