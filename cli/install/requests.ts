import semver from 'semver';
import { isPluginId, parseVersionTag } from '../../src/model/names.ts';
import type { Delivery, ReleaseListing } from '../delivery.ts';
import { Failure, UsageError } from '../errors.ts';
import type { Index, IndexEntry } from '../trust/index-document.ts';
import type { LockedPlugin } from './lock.ts';

/** Whatever the channel says. */
export const NEWEST = '*';

/**
 * Reads `sales`, `sales@^1.2`, `sales@1.4.0` or `sales--v1.4.0`.
 *
 * @throws {UsageError}
 */
export function parseRequest(text: string): { plugin: string; range: string } {
  const at = text.indexOf('@');
  const [name, wish] = at < 0 ? [text, text] : [text.slice(0, at), text.slice(at + 1)];
  const tag = parseVersionTag(wish);
  const plugin = at < 0 ? (tag?.plugin ?? name) : name;
  const range = tag?.version ?? (at < 0 ? NEWEST : wish);
  if (!isPluginId(plugin)) throw new UsageError(`${JSON.stringify(plugin)} is no plugin id`);
  if (range !== NEWEST && semver.validRange(range) === null) {
    throw new UsageError(`${JSON.stringify(wish)} is neither a version nor a range, such as ^1.2`);
  }
  return { plugin, range };
}

/** What a request comes to at one moment. */
export type Resolution =
  | { kind: 'channel'; entry: IndexEntry }
  | { kind: 'release'; version: string }
  /** What is installed stays as it is. */
  | { kind: 'installed' };

export interface Asked {
  plugin: string;
  range: string;
  index: Index;
  installed: LockedPlugin | undefined;
  delivery: Delivery;
  warn: (line: string) => void;
}

/** Undefined when the channel does not have the plugin. @throws {Failure} when no version fits */
export async function resolveRequest(asked: Asked): Promise<Resolution | undefined> {
  const { plugin, range, index, installed } = asked;
  const entry = index.plugins.get(plugin);
  if (semver.valid(range)) {
    return installed?.version === range
      ? { kind: 'installed' }
      : { kind: 'release', version: range };
  }
  if (!entry) return undefined;
  if (range === NEWEST || semver.satisfies(entry.version, range)) return { kind: 'channel', entry };
  return resolveRange(asked);
}

async function resolveRange({
  plugin,
  range,
  installed,
  delivery,
  warn,
}: Asked): Promise<Resolution> {
  const releases = (await delivery.releases(plugin)).filter(({ yanked }) => !yanked);
  const best = highest(releases, range);
  if (!best) throw new Failure(noneFits(plugin, range, releases));
  // This list is not signed: going back on its word alone would let it hide a release.
  if (installed && semver.satisfies(installed.version, range) && installed.seq > best.seq) {
    warn(
      `${plugin} ${installed.version} is no longer listed, and stays. ` +
        `To go back: waymark add ${plugin}@${best.version}`,
    );
    return { kind: 'installed' };
  }
  return installed?.version === best.version
    ? { kind: 'installed' }
    : { kind: 'release', version: best.version };
}

function highest(releases: readonly ReleaseListing[], range: string): ReleaseListing | undefined {
  const version = semver.maxSatisfying(
    releases.map((release) => release.version),
    range,
  );
  return releases.find((release) => release.version === version);
}

function noneFits(plugin: string, range: string, releases: readonly ReleaseListing[]): string {
  const known = releases.slice(0, 5).map(({ version }) => version);
  const has = known.length > 0 ? `it has ${known.join(', ')}` : 'it has none';
  return `no release of ${plugin} fits ${range}: ${has}`;
}
