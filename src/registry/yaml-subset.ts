/** A letter first, so that no number is one, and short enough for YAML's limit of 1,024. */
export const KEY = '[A-Za-z][A-Za-z0-9_-]{0,99}';

export const MAX_DEPTH = 16;
/** In a whole document. */
export const MAX_PAIRS = 1_000;

/** Thrown when a text leaves the subset. Made once: a stack trace would cost more than the reading. */
export const NOT_SIMPLE = new Error('not in the simple subset of YAML');

export interface Budget {
  pairs: number;
}

export function put(
  map: Record<string, unknown>,
  key: string,
  value: unknown,
  budget: Budget,
): void {
  if (Object.hasOwn(map, key) || --budget.pairs < 0) throw NOT_SIMPLE;
  map[key] = value;
}
