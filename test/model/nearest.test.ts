import { describe, expect, it } from 'vitest';
import { findNearest } from '../../src/model/nearest.ts';

describe('findNearest', () => {
  const known = ['description', 'body', 'bodyFrom', 'license', 'allowedTools'];

  it.each([
    ['descripton', 'description'],
    ['desciption', 'description'],
    ['bodyform', 'bodyFrom'],
    ['licence', 'license'],
    ['allowed_tools', 'allowedTools'],
    ['Body', 'body'],
  ])('%s → %s', (word, nearest) => {
    expect(findNearest(word, known)).toBe(nearest);
  });

  it.each(['colour', 'x', '', 'a'.repeat(10_000)])('finds nothing near %s', (word) => {
    expect(findNearest(word, known)).toBeUndefined();
  });
});
