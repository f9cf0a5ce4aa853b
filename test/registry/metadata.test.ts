import { describe, expect, it } from 'vitest';
import { changedMetadata, shownMetadata } from '../../src/registry/metadata.ts';

const whole = { title: 'The forge', description: 'Where code is.', labels: { tier: 'one' } };

describe('shownMetadata', () => {
  it('gives what a document says of itself', () => {
    expect(shownMetadata('forge', whole)).toEqual({
      displayName: 'The forge',
      description: 'Where code is.',
      labels: { tier: 'one' },
    });
  });

  it('has a value also where a document says nothing', () => {
    const nothing = { displayName: 'forge', description: null, labels: {} };

    expect(shownMetadata('forge', undefined)).toEqual(nothing);
  });
});

describe('changedMetadata', () => {
  it('changes what is given, and keeps what is not', () => {
    const before = { id: 'forge', ...whole };

    expect(changedMetadata('forge', before, { description: 'Ours.' })).toEqual({
      ...before,
      description: 'Ours.',
    });
  });

  it('takes labels whole', () => {
    const labels = { zone: 'a' };

    expect(changedMetadata('forge', whole, { labels })).toEqual({ ...whole, labels });
  });

  it('takes away what is null, and labels that are none', () => {
    const change = { displayName: null, description: null, labels: {} };

    expect(changedMetadata('forge', whole, change)).toBeUndefined();
    expect(changedMetadata('forge', { id: 'forge', ...whole }, change)).toEqual({ id: 'forge' });
  });

  it.each([[undefined], [whole], [{ title: 'forge' }]])(
    'changes nothing of %o when it is written as it is shown',
    (before) => {
      const shown = shownMetadata('forge', before);

      expect(changedMetadata('forge', before, shown)).toEqual(before);
    },
  );
});
