import { invalidField } from '../../model/errors.ts';

/** What came with a callback: JSON, and nothing of it is known. */
export type Params = Readonly<Record<string, unknown>>;

/** @throws {WaymarkError} `VAL_FAILED`, as all of these */
export function textIn(params: Params, field: string, most = 65_536): string {
  const value = params[field];
  if (typeof value === 'string' && value.length <= most) return value;
  throw invalidField(field, `must be a text of at most ${most} characters`, 'type');
}

export const maybeTextIn = (params: Params, field: string, most?: number): string | undefined =>
  isAbsent(params, field) ? undefined : textIn(params, field, most);

export function numberIn(params: Params, field: string, least: number, most: number): number {
  const value = params[field];
  if (typeof value === 'number' && value >= least && value <= most) return value;
  throw invalidField(field, `must be a number from ${least} to ${most}`, 'range');
}

export const maybeNumberIn = (
  params: Params,
  field: string,
  least: number,
  most: number,
): number | undefined =>
  isAbsent(params, field) ? undefined : numberIn(params, field, least, most);

export function maybeMapIn(params: Params, field: string): Params | undefined {
  const value = params[field];
  if (isAbsent(params, field)) return undefined;
  if (isMap(value)) return value;
  throw invalidField(field, 'must be an object', 'type');
}

export const isMap = (value: unknown): value is Params =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isAbsent = (params: Params, field: string): boolean => (params[field] ?? null) === null;
