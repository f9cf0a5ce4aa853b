import { ContractViolation } from './contract-violation.ts';
import { readKeys } from './fold-keys.ts';

/**
 * Readers of what a guest said. Each takes a value and where it stood, such as
 * `results[3].score`, and throws {@link ContractViolation} for any other shape.
 */
export type Read<T> = (value: unknown, at: string) => T;

export type JsonMap = Readonly<Record<string, unknown>>;

export const violation = (at: string, fault: string): ContractViolation =>
  new ContractViolation(`${at} ${fault}`);

export const mapAt: Read<JsonMap> = (value, at) => {
  if (!isMap(value)) throw violation(at, 'is no object');
  return value;
};

export const flagAt: Read<boolean> = (value, at) => {
  if (typeof value !== 'boolean') throw violation(at, 'is neither true nor false');
  return value;
};

/** Of at most `limit` UTF-16 units. */
export const textAt =
  (limit: number): Read<string> =>
  (value, at) => {
    if (typeof value !== 'string') throw violation(at, 'is no text');
    if (value.length > limit) throw violation(at, `has more than ${limit} characters`);
    return value;
  };

/** Not blank, and without the white space around it. */
export const wordAt =
  (limit: number): Read<string> =>
  (value, at) => {
    const word = textAt(limit)(value, at).trim();
    if (word === '') throw violation(at, 'is blank');
    return word;
  };

export const numberAt =
  (least: number, most: number): Read<number> =>
  (value, at) => {
    if (typeof value === 'number' && value >= least && value <= most) return value;
    throw violation(at, `is no number from ${least} to ${most}`);
  };

export const oneOf =
  <T extends string>(words: readonly T[]): Read<T> =>
  (value, at) => {
    const word = words.find((known) => known === value);
    if (word === undefined) throw violation(at, `is none of ${words.join(', ')}`);
    return word;
  };

/** RFC 3339, as it was written. */
export const timeAt: Read<string> = (value, at) => {
  const time = textAt(40)(value, at);
  const isTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/.test(time) && !Number.isNaN(Date.parse(time));
  if (!isTime) throw violation(at, 'is no RFC 3339 time');
  return time;
};

/** None and null are an empty list. */
export const listAt =
  <T>(limit: number, read: Read<T>): Read<T[]> =>
  (value, at) => {
    if (value === undefined || value === null) return [];
    if (!Array.isArray(value)) throw violation(at, 'is no list');
    if (value.length > limit) throw violation(at, `has ${value.length} items: at most ${limit}`);
    return value.map((item, i) => read(item, `${at}[${i}]`));
  };

/** What `read` makes of the named fields, in whatever case they were written. */
export const fieldsAt =
  <Name extends string, T>(
    names: readonly Name[],
    read: (fields: Partial<Record<Name, unknown>>, at: (name: Name) => string) => T,
  ): Read<T> =>
  (value, at) =>
    read(readKeys(mapAt(value, at), names, at), (name) => (at === '' ? name : `${at}.${name}`));

/** `{[name]: value}`, or nothing for one that is missing or null: to be spread. */
export function optional<Name extends string, T>(
  name: Name,
  value: unknown,
  at: string,
  read: Read<T>,
): { [K in Name]?: T } {
  if (value === undefined || value === null) return {};
  return { [name]: read(value, at) } as { [K in Name]?: T };
}

const isMap = (value: unknown): value is JsonMap =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
