import { describe, expect, it } from 'vitest';
import { findSecretValues } from '../../../src/registry/server-manifest/secret-values.ts';

const SECRET = { type: 'string', writeOnly: true };
const found = (schema: Record<string, unknown>, config: unknown): Record<string, unknown> =>
  Object.fromEntries(
    findSecretValues(schema, config).map(({ pointer, value }) => [`/${pointer.join('/')}`, value]),
  );

describe('findSecretValues', () => {
  it('finds writeOnly fields, however deep', () => {
    const schema = {
      properties: {
        token: SECRET,
        url: { type: 'string' },
        hooks: { items: { properties: { key: SECRET } } },
        pair: { prefixItems: [{}, SECRET], items: {} },
        headers: { additionalProperties: SECRET },
      },
    };
    const config = {
      token: 't',
      url: 'u',
      hooks: [{ key: 'k', name: 'n' }],
      pair: ['a', 'b', 'c'],
      headers: { x: 'y' },
    };

    expect(found(schema, config)).toEqual({
      '/token': 't',
      '/hooks/0/key': 'k',
      '/pair/1': 'b',
      '/headers/x': 'y',
    });
  });

  it.each([
    ['allOf', { allOf: [{}, { properties: { token: SECRET } }] }],
    ['oneOf', { oneOf: [{ properties: { token: SECRET } }, { properties: { token: {} } }] }],
    ['else', { if: {}, else: { properties: { token: SECRET } } }],
    ['dependentSchemas', { dependentSchemas: { url: { properties: { token: SECRET } } } }],
    ['$ref', { properties: { token: { $ref: '#/$defs/a~1b' } }, $defs: { 'a/b': SECRET } }],
    ['patternProperties', { patternProperties: { '^(a+)+$': SECRET } }],
  ])('looks into %s', (_, schema) => {
    expect(found(schema, { token: 't' })).toEqual({ '/token': 't' });
  });

  it('takes a whole object for a secret where the schema does', () => {
    const schema = { properties: { auth: { writeOnly: true, properties: { user: {} } } } };

    expect(found(schema, { auth: { user: 'a' } })).toEqual({ '/auth': { user: 'a' } });
  });

  it.each([
    ['a reference to elsewhere', { $ref: 'https://example.com/schema' }],
    ['a reference to nothing', { $ref: '#/$defs/constructor' }],
    ['a name that every object has', { properties: {} }],
    ['a schema that is none', { properties: { token: true }, items: 3, allOf: {} }],
  ])('finds nothing by %s', (_, schema) => {
    expect(found(schema, { token: 't', constructor: 'c' })).toEqual({});
  });

  it('comes to an end in schemas that refer to themselves', () => {
    expect(found({ allOf: [{ $ref: '#' }] }, { token: 't' })).toEqual({});
    const tree = { properties: { key: SECRET, next: { $ref: '#' } } };
    expect(found(tree, { next: { next: { key: 'k' } } })).toEqual({ '/next/next/key': 'k' });
  });

  it('gives up on a schema that would take too long', () => {
    const allOf = Array.from({ length: 500 }, () => ({ additionalProperties: { $ref: '#' } }));
    const fields = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`f${i}`, 1]));

    expect(() => findSecretValues({ allOf }, { a: fields })).toThrow(RangeError);
  });

  it.each([
    ['branches that say nothing', { items: { anyOf: Array(10_000).fill(true) } }, 'a'],
    ['a reference', { items: { $ref: `#/${'a/'.repeat(30_000)}` } }, 'a'],
    ['a name', { items: { type: 'integer' } }, 'k'.repeat(500_000)],
  ])('gives up on one that would by the length of %s', (_what, list, name) => {
    const config = { [name]: Array(20_000).fill(0) };

    expect(() => findSecretValues({ additionalProperties: list }, config)).toThrow(RangeError);
  });
});
