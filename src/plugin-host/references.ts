import { toPointer } from '../registry/finding.ts';

/**
 * What stands after `secretRef` anywhere in a configuration, by its JSON pointer:
 * also where a schema knows of no secret.
 */
export function referencesIn(
  value: unknown,
  segments: readonly string[] = [],
): Map<string, unknown> {
  if (typeof value !== 'object' || value === null) return new Map();
  const below = Object.entries(value).flatMap(([key, part]) => [
    ...referencesIn(part, [...segments, key]),
  ]);
  const name = Object.hasOwn(value, 'secretRef')
    ? [[toPointer(segments), (value as { secretRef: unknown }).secretRef] as const]
    : [];
  return new Map([...name, ...below]);
}
