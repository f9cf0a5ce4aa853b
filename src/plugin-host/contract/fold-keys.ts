import { ContractViolation } from './contract-violation.ts';

/**
 * The named fields of what a guest said: spelt exactly, else in any ASCII case.
 * Other fields are dropped. For fields only: the keys of maps are never folded.
 *
 * @param at where the object stands, for the message
 * @throws {ContractViolation} for a field with two spellings, neither exact
 * @see docs/spec/plugin-host.md, "Wire"
 */
export function readKeys<Name extends string>(
  object: Readonly<Record<string, unknown>>,
  names: readonly Name[],
  at = '',
): Partial<Record<Name, unknown>> {
  const spellings = new Map<string, string[]>();
  for (const key of Object.keys(object)) {
    const folded = foldCase(key);
    const known = spellings.get(folded);
    // Not a list anew for each: a guest may spell one name a hundred thousand ways.
    if (known) known.push(key);
    else spellings.set(folded, [key]);
  }
  // Without a prototype no name, `constructor` or other, is there unsaid.
  const read: Partial<Record<Name, unknown>> = Object.create(null);
  for (const name of names) {
    const key = Object.hasOwn(object, name) ? name : only(spellings.get(foldCase(name)), name, at);
    if (key !== undefined) read[name] = object[key];
  }
  return read;
}

function only(keys: readonly string[] | undefined, name: string, at: string): string | undefined {
  if (keys && keys.length > 1) {
    const where = at === '' ? '' : `${at}: `;
    const [one, other] = keys;
    throw new ContractViolation(`${where}${one} and ${other} both spell ${name}`);
  }
  return keys?.[0];
}

/** `toLowerCase` would take the Kelvin sign for a k. */
export const foldCase = (key: string): string =>
  key.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
