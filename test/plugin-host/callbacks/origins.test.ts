import { describe, expect, it } from 'vitest';
import { originsOf } from '../../../src/plugin-host/callbacks/origins.ts';

describe('originsOf', () => {
  it('finds every URL of a configuration, by its origin', () => {
    const config = {
      endpoint: 'https://API.example.com:443/v3',
      hooks: [{ url: 'http://hooks.example.com:8080/a' }, { url: 'https://api.example.com/b' }],
      other: 'ftp://files.example.com',
      text: 'see https://example.com',
      number: 7,
      nothing: null,
    };

    expect(originsOf(config)).toEqual(['http://hooks.example.com:8080', 'https://api.example.com']);
    expect(originsOf({})).toEqual([]);
  });
});
