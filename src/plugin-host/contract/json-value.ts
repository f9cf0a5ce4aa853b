const DEEPEST = 100;
/** It stands in the pointer of everything below it. */
const LONGEST_NAME = 1000;

/**
 * What of a parsed body no recursion could stand, or would change what it is
 * copied to. Found without recursion.
 */
export function findValueFault(value: unknown): string | undefined {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    const objects = level.filter((item) => typeof item === 'object' && item !== null) as object[];
    if (objects.length > 0 && depth >= DEEPEST) return `nests more than ${DEEPEST} deep`;
    if (objects.some((item) => Object.hasOwn(item, '__proto__'))) {
      return 'has the key __proto__';
    }
    if (objects.some(hasLongName)) return `has a name of more than ${LONGEST_NAME} characters`;
    level = objects.flatMap((item) => Object.values(item) as unknown[]);
  }
  return undefined;
}

const hasLongName = (item: object): boolean =>
  !Array.isArray(item) && Object.keys(item).some((name) => name.length > LONGEST_NAME);
