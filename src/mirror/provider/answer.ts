import { toTime } from '../../model/clock.ts';
import { isOid } from '../../model/names.ts';
import { ProviderError } from './port.ts';

/** An answer's value at a path; undefined where there is none. */
function at(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (inner, name) => (inner as Record<string, unknown> | null | undefined)?.[name],
    value,
  );
}

const misread = (path: readonly string[]): ProviderError =>
  new ProviderError('failed', `its answer has no ${path.join('.')}`);

/** @throws {ProviderError} for an answer that has none, as the others here */
export function textAt(value: unknown, ...path: string[]): string {
  const found = at(value, path);
  if (typeof found === 'string') return found;
  throw misread(path);
}

export const textOrNullAt = (value: unknown, ...path: string[]): string | null =>
  (at(value, path) ?? null) === null ? null : textAt(value, ...path);

/** What is handed to git must be no more than the name of an object. */
export function oidAt(value: unknown, ...path: string[]): string {
  const oid = textAt(value, ...path);
  if (isOid(oid)) return oid;
  throw misread(path);
}

export function oidOrNullAt(value: unknown, ...path: string[]): string | null {
  const oid = at(value, path);
  return typeof oid === 'string' && isOid(oid) ? oid : null;
}

export function numberAt(value: unknown, ...path: string[]): number {
  const found = at(value, path);
  if (Number.isSafeInteger(found)) return found as number;
  throw misread(path);
}

export const isTrueAt = (value: unknown, ...path: string[]): boolean => at(value, path) === true;

/** A time of whatever zone, as ours: RFC 3339 in UTC. */
export function timeAt(value: unknown, ...path: string[]): string {
  const ms = Date.parse(textAt(value, ...path));
  if (Number.isFinite(ms)) return toTime(ms);
  throw misread(path);
}

export const timeOrNullAt = (value: unknown, ...path: string[]): string | null =>
  textOrNullAt(value, ...path) === null ? null : timeAt(value, ...path);

export function listIn(value: unknown): unknown[] {
  if (Array.isArray(value)) return value as unknown[];
  throw new ProviderError('failed', 'its answer is no list');
}

/** One that cannot be read, such as one whose branch never had a commit, hides no other. */
export function readEach<T>(values: readonly unknown[], read: (value: unknown) => T): T[] {
  const found: T[] = [];
  let fault: ProviderError | undefined;
  for (const value of values) {
    try {
      found.push(read(value));
    } catch (error) {
      if (!(error instanceof ProviderError)) throw error;
      fault = error;
    }
  }
  if (found.length === 0 && fault) throw fault;
  return found;
}
