import { describe, expect, it } from 'vitest';
import { arrangeRoutes, type Routed } from '../../src/plugin-host/arrange-routes.ts';

const hostRoutes = [
  { method: 'GET', path: '/plugins' },
  { method: 'PATCH', path: '/plugins/:id/enabled' },
];

/** Its routes as `GET /a`. */
function plugin(id: string, priority: number, ...routes: string[]): Routed {
  const split = routes.map((route) => {
    const [method = '', path = ''] = route.split(' ');
    return { method, path };
  });
  return { id, priority, routes: split };
}

const arrange = (...plugins: Routed[]) => arrangeRoutes(plugins, hostRoutes);

describe('arrangeRoutes', () => {
  it.each(['GET /plugins', 'HEAD /plugins', 'PATCH /plugins/any/enabled'])(
    'never overrides %s, which is the host’s',
    (route) => {
      const [method = '', path = ''] = route.split(' ');

      const table = arrange(plugin('greedy', 9, route, 'GET /mine'));

      expect(table.find(method, path)).toBeUndefined();
      expect(table.find('GET', '/mine')?.plugin.id).toBe('greedy');
      expect(table.diagnostics).toEqual([{ pluginId: 'greedy', route, message: 'is the host’s' }]);
    },
  );

  it('lets a plugin have another method of a path of the host’s', () => {
    expect(arrange(plugin('a', 0, 'POST /plugins')).find('POST', '/plugins')?.plugin.id).toBe('a');
  });

  it.each([
    ['the higher priority', plugin('a', 1, 'GET /x', 'GET /a'), plugin('b', 2, 'GET /x'), 'b'],
    ['the first id', plugin('b', 1, 'GET /x', 'GET /b'), plugin('a', 1, 'GET /x'), 'a'],
  ])('gives a route to %s, and leaves the other its other routes', (_why, loser, winner, id) => {
    for (const plugins of [
      [loser, winner],
      [winner, loser],
    ]) {
      const table = arrange(...plugins);

      expect(table.find('GET', '/x')?.plugin.id).toBe(id);
      expect(table.find('GET', `/${loser.id}`)?.plugin.id).toBe(loser.id);
      expect(table.diagnostics).toEqual([
        { pluginId: loser.id, route: 'GET /x', message: `is ${id}’s` },
      ]);
    }
  });

  it('answers HEAD by GET, unless it has a route of its own', () => {
    const table = arrange(plugin('a', 0, 'GET /x', 'GET /y', 'HEAD /y', 'POST /z'));

    expect(table.find('HEAD', '/x')?.route.method).toBe('GET');
    expect(table.find('HEAD', '/y')?.route.method).toBe('HEAD');
    expect(table.find('HEAD', '/z')).toBeUndefined();
  });

  it('says which methods a path has', () => {
    const table = arrange(plugin('a', 0, 'GET /x', 'POST /x', 'POST /y'), plugin('b', 0, 'PUT /x'));

    expect(table.methodsOf('/x')).toEqual(['GET', 'POST', 'PUT', 'HEAD']);
    expect(table.methodsOf('/y')).toEqual(['POST']);
    expect(table.methodsOf('/z')).toEqual([]);
    expect(table.methodsOf('/plugins/x/enabled')).toEqual(['PATCH']);
  });
});
