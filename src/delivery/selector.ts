import { invalidField, WaymarkError } from '../model/errors.ts';
import { NAMED_RELEASE_PREFIX, versionTag } from '../model/names.ts';

/** What a client asks for: it resolves to exactly one content of a plugin. */
export type Selector =
  | { by: 'channel'; name: string }
  | { by: 'release'; id: string }
  | { by: 'commit'; oid: string };

export const ROLLING: Selector = { by: 'channel', name: 'rolling' };

const KEYS = ['channel', 'release', 'commit', 'environment'] as const;

/**
 * Reads the selector of a query; without one, the caller's enrolment decides.
 *
 * @throws {WaymarkError} `DELIVERY_SELECTOR` for two of them, `VAL_FAILED` for one that is malformed
 */
export function parseSelector(query: URLSearchParams, enrolled: string | null = null): Selector {
  const given = KEYS.filter((key) => query.has(key));
  if (given.length > 1 || given.some((key) => query.getAll(key).length > 1)) {
    throw new WaymarkError('DELIVERY_SELECTOR', `give one selector, not ${given.join(' and ')}`);
  }
  const [key] = given;
  if (key === undefined) return enrolled === null ? ROLLING : { by: 'channel', name: enrolled };
  const value = query.get(key) ?? '';
  if (value === '') throw invalidField(key, 'is empty');
  if (key === 'channel') return { by: 'channel', name: value };
  if (key === 'release') return { by: 'release', id: value };
  if (key === 'environment') {
    throw new WaymarkError('RES_NOT_FOUND', `no environment ${value} is served yet`);
  }
  if (!/^[0-9a-f]{7,40}$/.test(value)) {
    throw invalidField('commit', 'give 7 to 40 lower-case hex digits');
  }
  return { by: 'commit', oid: value };
}

/** The tags that a release's id may mean for a plugin, most specific first. */
export function tagsOf(plugin: string, id: string): string[] {
  return [id, versionTag(plugin, id), `${NAMED_RELEASE_PREFIX}${id}`];
}

/** The names nearest to one that was not found, for people who mistyped it. */
export function nearest(wanted: string, names: Iterable<string>, most = 3): string[] {
  return [...names]
    .map((name) => ({ name, distance: editDistance(wanted, name) }))
    .sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1))
    .slice(0, most)
    .map(({ name }) => name);
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitution, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
