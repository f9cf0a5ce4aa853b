import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readYaml } from '../../src/registry/yaml-document.ts';
import { type PatchStep, patchYaml } from '../../src/registry/yaml-patch.ts';
import { patchJson } from '../support/json-patch.ts';
import { anyMembers, anyText, anyValue } from '../support/styled-yaml.ts';

const escaped = (name: string) => name.replaceAll('~', '~0').replaceAll('/', '~1');

/** Pointers to all that is in a value, and some to what is not. */
function pointersIn(value: unknown, at = ''): string[] {
  if (typeof value !== 'object' || value === null) return [at];
  const below = Object.entries(value).flatMap(([name, child]) =>
    pointersIn(child, `${at}/${escaped(name)}`),
  );
  return [at, ...below, `${at}/-`, `${at}/0`, `${at}/new`];
}

const chosenFrom = (value: unknown) => fc.constantFrom(...pointersIn(value));

function stepFor(value: unknown): fc.Arbitrary<PatchStep> {
  const path = chosenFrom(value);
  return fc.oneof(
    fc.record({ op: fc.constant('add' as const), path, value: anyValue }),
    fc.record({ op: fc.constant('replace' as const), path, value: anyValue }),
    fc.record({ op: fc.constant('remove' as const), path }),
    fc.record({ op: fc.constant('move' as const), path, from: path }),
    fc.record({ op: fc.constant('copy' as const), path, from: path }),
  );
}

function outcomeOf(value: unknown, steps: readonly PatchStep[]): { is: unknown } | 'refused' {
  try {
    return { is: patchJson(value, steps) };
  } catch {
    return 'refused';
  }
}

const valueIn = (text: string): unknown => {
  const read = readYaml(text);
  if (!read.ok) throw new Error(`${JSON.stringify(read.error)}\n${text}`);
  return read.value.value;
};

describe('patchYaml', () => {
  it('gives a text that says what RFC 6902 makes of what the text said', () => {
    const cases = anyText
      .filter((text) => readYaml(text).ok)
      .chain((text) => {
        const steps = fc.array(stepFor(valueIn(text)), { minLength: 1, maxLength: 4 });
        return fc.tuple(fc.constant(text), steps);
      });

    fc.assert(
      fc.property(cases, ([text, steps]) => {
        const patched = patchYaml(text, steps);

        const wanted = outcomeOf(valueIn(text), steps);
        expect(patched.ok ? { is: valueIn(patched.value) } : 'refused').toEqual(wanted);
      }),
      { numRuns: 300 },
    );
  });

  it('leaves every byte of what it does not touch', () => {
    const cases = anyMembers
      .filter((members) => readYaml(textOf(members)).ok)
      .chain((members) => fc.tuple(fc.constant(members), fc.constantFrom(...members), anyValue));

    fc.assert(
      fc.property(cases, ([members, { key }, value]) => {
        const path = `/${escaped(key)}`;
        const at = members.findIndex((member) => member.key === key);
        const [before, after] = [textOf(members.slice(0, at)), textOf(members.slice(at + 1))];

        const replaced = patchYaml(textOf(members), [{ op: 'replace', path, value }]);
        const removed = patchYaml(textOf(members), [{ op: 'remove', path }]);

        for (const patched of [replaced, removed]) {
          const text = patched.ok ? patched.value : '';
          expect(text.startsWith(before) && text.endsWith(after)).toBe(true);
        }
      }),
      { numRuns: 60 },
    );
  });
});

const textOf = (members: readonly { lines: string }[]): string =>
  members.map(({ lines }) => lines).join('');
