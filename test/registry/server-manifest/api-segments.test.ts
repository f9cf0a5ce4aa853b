import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileRoutes } from '../../../src/registry/server-manifest/api-segments.ts';
import type { ApiRoute } from '../../../src/registry/server-manifest/manifest.ts';

/** `GET items/[id]` */
function routeOf(endpoint: string): ApiRoute {
  const [method = '', path = ''] = endpoint.split(' ');
  return { method, path, auth: 'user', rateTier: 'api' };
}

const compile = (...endpoints: string[]) => compileRoutes(endpoints.map(routeOf));

/** Which route answers, and what it took out of the path. */
function found(endpoints: readonly string[], asked: string) {
  const [method = '', path = ''] = asked.split(' ');
  const match = compile(...endpoints).table.match(method, path);
  if (match.kind !== 'found') return match;
  return [`${match.route.method} ${match.route.path}`, match.params];
}

describe('compileRoutes', () => {
  it.each([
    ['a shape and method twice', ['GET items/[id]', 'GET items/[slug]'], 'GET items/[id]'],
    ['a path twice', ['GET items', 'GET items'], 'GET items'],
    ['two rests', ['GET [...all]', 'GET [...rest]'], 'GET [...all]'],
  ])('refuses %s, and keeps the first', (_what, endpoints, first) => {
    const { problems } = compile(...endpoints);

    expect(problems).toEqual([{ index: 1, message: `is ${first} a second time` }]);
    expect(found(endpoints, `GET ${first.slice(4).replace(/\[.*\]/, '7')}`)).toEqual([
      first,
      expect.anything(),
    ]);
  });

  it.each([
    ['', 'has an empty segment'],
    ['/items', 'has an empty segment'],
    ['items/', 'has an empty segment'],
    ['items//mine', 'has an empty segment'],
    ['items/..', 'has the segment ..'],
    ['items/.', 'has the segment .'],
    ['items/a b', 'has the segment a b'],
    ['items/%41', 'has the segment %41'],
    ['items/ä', 'has the segment ä'],
    ['items/:id', 'has the segment :id'],
    ['items/[]', 'has the segment []'],
    ['items/[1st]', 'has the segment [1st]'],
    ['items/[[...all]]', 'has the segment [[...all]]'],
    ['items/[id]x', 'has the segment [id]x'],
    ['[...all]/items', '[...all] must be the last segment'],
    ['[id]/[id]', 'has two parameters id'],
  ])('refuses the path "%s"', (path, message) => {
    const route = { ...routeOf('GET items'), path };

    expect(compileRoutes([route]).problems).toEqual([{ index: 0, message }]);
  });

  it('takes one shape with several methods, each with its own names', () => {
    const endpoints = ['GET items/[id]', 'PUT items/[slug]'];

    expect(compile(...endpoints).problems).toEqual([]);
    expect(found(endpoints, 'GET items/7')).toEqual(['GET items/[id]', { id: '7' }]);
    expect(found(endpoints, 'PUT items/7')).toEqual(['PUT items/[slug]', { slug: '7' }]);
  });

  it('says which endpoints there are', () => {
    const { table } = compile('GET items/[id]', 'POST items');

    expect(table.endpoints).toEqual(['GET items/[id]', 'POST items']);
  });
});

describe('match', () => {
  const routes = [
    'GET files/[...rest]',
    'GET items/[id]',
    'GET items/mine',
    'GET items/[id]/edit',
    'GET [kind]/[id]',
    'POST items',
  ];

  it.each([
    ['GET items/123', 'GET items/[id]', { id: '123' }],
    ['GET items/mine', 'GET items/mine', {}],
    ['GET items/mine/edit', 'GET items/[id]/edit', { id: 'mine' }],
    ['GET things/7', 'GET [kind]/[id]', { kind: 'things', id: '7' }],
    ['GET files/a', 'GET files/[...rest]', { rest: ['a'] }],
    ['GET files/a/b/c', 'GET files/[...rest]', { rest: ['a', 'b', 'c'] }],
  ])('prefers a literal to a name, and a name to a rest: %s', (asked, endpoint, params) => {
    // The order in which they are declared counts for nothing.
    for (const endpoints of [routes, routes.toReversed()]) {
      expect(found(endpoints, asked)).toEqual([endpoint, params]);
    }
  });

  it.each([
    ['a%20b', 'a b'],
    ['a%2Fb', 'a/b'],
    ['a%252Fb', 'a%2Fb'],
    ['%C3%A4', 'ä'],
    ['a+b', 'a+b'],
    ['__proto__', '__proto__'],
  ])('decodes a parameter once: %s', (sent, id) => {
    expect(found(routes, `GET items/${sent}`)).toEqual(['GET items/[id]', { id }]);
  });

  it('gives a parameter of any name as the caller’s own', () => {
    const match = compile('GET [__proto__]').table.match('GET', 'x');

    expect(match.kind === 'found' && Object.entries(match.params)).toEqual([['__proto__', 'x']]);
  });

  it.each([
    'items/',
    'items/7/',
    'items//edit',
    'items/..',
    'items/%2e%2e',
    'items/.',
    'items/%00',
  ])('finds nothing at %s', (path) => {
    expect(found(routes, `GET ${path}`)).toEqual({ kind: 'none' });
  });

  it.each(['items/%', 'items/%zz', 'items/%ff'])(
    'finds nothing at %s, which is no UTF-8',
    (path) => {
      expect(found(routes, `GET ${path}`)).toEqual({ kind: 'none' });
    },
  );

  it('finds nothing where a rest would be empty', () => {
    expect(found(['GET files/[...rest]'], 'GET files')).toEqual({ kind: 'none' });
  });

  it('answers another method with those that there are', () => {
    expect(found(routes, 'DELETE items/7')).toEqual({
      kind: 'other-method',
      allow: ['GET', 'HEAD'],
    });
    expect(found(routes, 'GET items')).toEqual({ kind: 'other-method', allow: ['POST'] });
  });

  it('takes HEAD for GET, unless there is one', () => {
    expect(found(routes, 'HEAD items/7')).toEqual(['GET items/[id]', { id: '7' }]);
    expect(found(['GET items', 'HEAD items'], 'HEAD items')).toEqual(['HEAD items', {}]);
    expect(found(routes, 'HEAD items')).toEqual({ kind: 'other-method', allow: ['POST'] });
  });

  it('does not depend on the order of what it was made from', () => {
    const segment = fc.constantFrom('a', 'b', '[x]');
    const path = fc.array(segment, { minLength: 1, maxLength: 3 }).map(unique);
    const sent = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 3 });

    fc.assert(
      fc.property(fc.uniqueArray(path, { maxLength: 6 }), sent, (paths, parts) => {
        const endpoints = paths.map((one) => `GET ${one}`);
        const asked = `GET ${parts.join('/')}`;

        expect(found(endpoints.toReversed(), asked)).toEqual(found(endpoints, asked));
      }),
    );
  });
});

/** `[x]/[x]` → `[x0]/[x1]` */
const unique = (segments: readonly string[]): string =>
  segments.map((one, i) => one.replace('x', `x${i}`)).join('/');
