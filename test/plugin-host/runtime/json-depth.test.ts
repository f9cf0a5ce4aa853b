import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isTooDeep, JSON_DEPTH } from '../../../src/plugin-host/runtime/json-depth.js';

const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;

const depthOf = (value: unknown): number =>
  typeof value === 'object' && value !== null
    ? 1 + Math.max(0, ...Object.values(value).map(depthOf))
    : 0;

describe('isTooDeep', () => {
  it('allows 100 levels, and no more', () => {
    expect(isTooDeep(nested(JSON_DEPTH))).toBe(false);
    expect(isTooDeep(nested(JSON_DEPTH + 1))).toBe(true);
    expect(isTooDeep('{"a":'.repeat(JSON_DEPTH + 1))).toBe(true);
  });

  it('takes no bracket in a string for one', () => {
    for (const text of ['['.repeat(500), `\\"${'['.repeat(500)}`, '\\', `"${'{'.repeat(500)}\\`]) {
      expect(isTooDeep(JSON.stringify([text, nested(3)]))).toBe(false);
    }
  });

  it('finds them behind any string', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(isTooDeep(`[${JSON.stringify(text)},${nested(JSON_DEPTH)}]`)).toBe(true);
      }),
    );
  });

  it('lets through what is not deep', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 12 }), (value) => {
        expect(isTooDeep(JSON.stringify(value))).toBe(depthOf(value) > JSON_DEPTH);
      }),
    );
  });

  it('ends on what is no JSON', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('"', '\\', '[', ']', 'a') }), (text) => {
        expect(isTooDeep(text.padEnd(200, '"'))).toBe(false);
      }),
    );
  });
});
