import { describe, expect, it } from 'vitest';
import {
  menuOf,
  type Registration,
  readRoutes,
} from '../../../src/plugin-host/contract/management-path.ts';

const read = (asked: Partial<Registration>, isUnconfined = false) =>
  readRoutes({ routes: [], resources: [], ...asked }, { pluginId: 'example', isUnconfined });

const readRoute = (method: string, path: string, isUnconfined = false) =>
  read({ routes: [{ method, path }] }, isUnconfined);

const readPage = (path: string) => read({ resources: [{ path }] });

describe('readRoutes', () => {
  it.each([
    ['get', 'GET'],
    [' Post\t', 'POST'],
    ['', 'GET'],
    ['  ', 'GET'],
    ['hEAD', 'HEAD'],
    ['put', 'PUT'],
    ['patch', 'PATCH'],
    ['delete', 'DELETE'],
  ])('takes the method "%s" for %s', (given, method) => {
    expect(readRoute(given, '/plugins/example/a').routes).toEqual([
      { method, path: '/plugins/example/a' },
    ]);
  });

  it('takes a route without a method for GET', () => {
    expect(read({ routes: [{ path: '/plugins/example/a' }] }).routes).toEqual([
      { method: 'GET', path: '/plugins/example/a' },
    ]);
  });

  it.each(['OPTIONS', 'TRACE', 'CONNECT', 'GET POST', '*'])('refuses the method %s', (method) => {
    const { routes, refused } = readRoute(method, '/plugins/example/a');

    expect(routes).toEqual([]);
    expect(refused).toEqual([
      {
        route: `${method} /plugins/example/a`,
        reason: 'its method is none of GET, HEAD, POST, PUT, PATCH, DELETE',
      },
    ]);
  });

  it.each([
    '/plugins/example/a',
    'plugins/example/a',
    ' /plugins/example/a\n',
    '/plugins/example/a/',
    '/v0/management/plugins/example/a',
    'v0/management/plugins/example/a/',
  ])('has one form of a route’s path: "%s"', (given) => {
    expect(readRoute('GET', given).routes).toEqual([{ method: 'GET', path: '/plugins/example/a' }]);
  });

  it.each([
    '/a',
    'a/',
    '/v0/resource/plugins/example/a',
    'v0/resource/plugins/example/a',
    '/plugins/example/a',
    ' /plugins/example/a/ ',
  ])('has one form of a page’s path: "%s"', (given) => {
    expect(readPage(given).pages).toEqual([{ path: '/a' }]);
  });

  const REFUSED: [string, string][] = [
    ['a b', 'has whitespace in it'],
    ['a\tb', 'has whitespace in it'],
    ['a\u00a0b', 'has whitespace in it'],
    ['a\u0000b', 'has a control character in it'],
    ['a\u007fb', 'has a control character in it'],
    ['ä', 'is not ASCII'],
    ['a:b', 'has one of : * \\ % ? # in it'],
    [':id', 'has one of : * \\ % ? # in it'],
    ['*', 'has one of : * \\ % ? # in it'],
    ['a\\b', 'has one of : * \\ % ? # in it'],
    ['a%2fb', 'has one of : * \\ % ? # in it'],
    ['a?b', 'has one of : * \\ % ? # in it'],
    ['a#b', 'has one of : * \\ % ? # in it'],
    ['../b', 'has .. in it'],
    ['a..b', 'has .. in it'],
    ['./b', 'has a dot as a segment'],
    ['a/.', 'has a dot as a segment'],
    ['a//b', 'has // in it'],
    ['a//', 'has // in it'],
    ['x'.repeat(201), 'is longer than 200 characters'],
  ];

  it.each(REFUSED)('refuses the path "%s": %s', (given, reason) => {
    const route = readRoute('GET', `/plugins/example/${given}`);
    const page = readPage(given);
    const unconfined = readRoute('GET', `/${given}`, true);

    expect([route.routes, page.pages, unconfined.routes]).toEqual([[], [], []]);
    for (const { refused } of [route, page, unconfined]) {
      expect(refused.map((one) => one.reason)).toEqual([reason]);
    }
  });

  it.each(['', '/', '/v0/resource/plugins/example', '/plugins/example/'])(
    'refuses an empty page: "%s"',
    (path) => {
      expect(readPage(path)).toMatchObject({ pages: [], refused: [{ reason: 'is empty' }] });
    },
  );

  it('takes a path of 200 characters', () => {
    const path = `/${'x'.repeat(199)}`;

    expect(readPage(path).pages).toEqual([{ path }]);
  });

  it.each([
    '/other',
    '/plugins',
    '/plugins/example',
    '/plugins/example/',
    '/plugins/another/a',
    '/plugins/example-2/a',
    '/v0/management/v0/management/plugins/example/a',
    '/v0/managementplugins/example/a',
  ])('keeps routes below the plugin’s own place: %s', (path) => {
    expect(readRoute('GET', path)).toMatchObject({
      routes: [],
      refused: [{ reason: 'is not below /plugins/example/' }],
    });
  });

  it.each(['/other', '/plugins', '/plugins/another/a'])(
    'lets an unconfined plugin have %s',
    (path) => {
      expect(readRoute('GET', path, true).routes).toEqual([{ method: 'GET', path }]);
    },
  );

  it('keeps the first of two routes, and of two pages', () => {
    const { routes, pages, refused } = read({
      routes: [
        { method: 'POST', path: '/plugins/example/a', description: 'First.' },
        { method: 'post', path: 'plugins/example/a/', description: 'Second.' },
      ],
      resources: [
        { path: '/a', menu: 'First' },
        { path: 'a/', menu: 'Second' },
      ],
    });

    expect(routes).toEqual([{ method: 'POST', path: '/plugins/example/a', description: 'First.' }]);
    expect(pages).toEqual([{ path: '/a', menu: 'First' }]);
    expect(refused).toEqual([]);
  });

  it.each(['/plugins/example/a', '/v0/management/plugins/example/a/', '/a'])(
    'makes a page, and no route, of a GET with a menu: %s',
    (path) => {
      const { routes, pages } = read({ routes: [{ method: 'get', path, menu: ' Status ' }] });

      expect([routes, pages]).toEqual([[], [{ path: '/a', menu: 'Status' }]]);
    },
  );

  it('lets a declared page win against a GET with a menu', () => {
    const { routes, pages } = read({
      routes: [{ method: 'GET', path: '/plugins/example/a', menu: 'Old' }],
      resources: [{ path: '/a', menu: 'New' }],
    });

    expect([routes, pages]).toEqual([[], [{ path: '/a', menu: 'New' }]]);
  });

  it('makes no page of a GET whose menu is blank, nor of another method', () => {
    const { routes, pages } = read({
      routes: [
        { method: 'GET', path: '/plugins/example/a', menu: ' ' },
        { method: 'POST', path: '/plugins/example/a', menu: 'Save' },
      ],
    });

    expect(pages).toEqual([]);
    expect(routes).toEqual([
      { method: 'GET', path: '/plugins/example/a' },
      { method: 'POST', path: '/plugins/example/a', menu: 'Save' },
    ]);
  });
});

describe('menuOf', () => {
  const pages = [{ path: '/a', menu: 'Status', description: 'How it goes.' }, { path: '/b' }];

  it('has the pages with a title', () => {
    expect(menuOf({ id: 'example', pages })).toEqual([
      { title: 'Status', description: 'How it goes.', href: '/v0/resource/plugins/example/a' },
    ]);
  });

  it('names the organisation where there are several', () => {
    expect(menuOf({ id: 'example', pages }, 'acme')[0]?.href).toBe(
      '/v0/resource/orgs/acme/plugins/example/a',
    );
  });
});
