import { describe, expect, it } from 'vitest';
import { isNamedField, secretFields } from '../../../src/registry/server-manifest/secret-fields.ts';

const secret = { type: 'string', writeOnly: true };

describe('secretFields', () => {
  it('names fields by their place', () => {
    const schema = {
      properties: {
        url: { type: 'string' },
        token: secret,
        auth: { properties: { 'a/b': secret } },
        hooks: { items: { properties: { key: secret } } },
        headers: { additionalProperties: secret },
        pair: { prefixItems: [{}, secret] },
      },
    };

    expect(secretFields(schema)).toEqual([
      'auth/a~1b',
      'headers/*',
      'hooks/*/key',
      'pair/*',
      'token',
    ]);
  });

  it('finds them in every branch, and behind references', () => {
    const schema = {
      $defs: { key: secret },
      oneOf: [{ properties: { a: { $ref: '#/$defs/key' } } }, { properties: { b: secret } }],
      else: { properties: { c: secret } },
    };

    expect(secretFields(schema)).toEqual(['a', 'b', 'c']);
  });

  it('ends with a schema that has no end', () => {
    const schema = { properties: { next: { $ref: '#' }, other: { $ref: '#' }, key: secret } };

    expect(secretFields(schema)).toContain('next/key');
  });

  it('takes what is no schema for one without secrets', () => {
    expect(secretFields({ properties: null, items: 7, prefixItems: 'x' })).toEqual([]);
  });
});

describe('isNamedField', () => {
  it.each([
    ['token', 'token', true],
    ['token', 'tokens', false],
    ['hooks/*/key', 'hooks/0/key', true],
    ['hooks/*/key', 'hooks/0/1/key', false],
    ['hooks/*', 'hooks', false],
  ])('%s for %s: %s', (name, field, isIt) => {
    expect(isNamedField(new Set(['other', name]), field)).toBe(isIt);
  });
});
