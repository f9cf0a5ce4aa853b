import type { ManagementRoute } from './hosted-plugin.ts';

/** Of the host itself; `:id` in its path stands for one segment. */
export interface HostRoute {
  method: string;
  path: string;
}

/** Whose routes are arranged. */
export interface Routed {
  id: string;
  priority: number;
  routes: readonly ManagementRoute[];
}

/** A route that another has taken, which its plugin does without. */
export interface RouteDiagnostic {
  pluginId: string;
  route: string;
  message: string;
}

export interface RouteTable<P extends Routed> {
  find(method: string, path: string): { plugin: P; route: ManagementRoute } | undefined;
  /** The methods that a path has, the host's among them, and HEAD with GET; none for nobody's. */
  methodsOf(path: string): readonly string[];
  diagnostics: readonly RouteDiagnostic[];
}

/** One table of all: the host's routes win, then the higher priority, then the id that sorts first. */
export function arrangeRoutes<P extends Routed>(
  plugins: readonly P[],
  hostRoutes: readonly HostRoute[],
): RouteTable<P> {
  const taken = new Map<string, { plugin: P; route: ManagementRoute }>();
  const diagnostics: RouteDiagnostic[] = [];
  const own = hostRoutes.map(({ method, path }) => ({ method, pattern: patternOf(path) }));

  for (const plugin of [...plugins].sort(byPrecedence)) {
    for (const route of plugin.routes) {
      const key = `${route.method} ${route.path}`;
      const isHosts = own.some((one) => answers(one.method, route) && one.pattern.test(route.path));
      const holder = isHosts ? 'the host' : taken.get(key)?.plugin.id;
      if (holder === undefined) taken.set(key, { plugin, route });
      else diagnostics.push({ pluginId: plugin.id, route: key, message: `is ${holder}’s` });
    }
  }

  return {
    find: (method, path) =>
      taken.get(`${method} ${path}`) ?? (method === 'HEAD' ? taken.get(`GET ${path}`) : undefined),
    methodsOf(path) {
      const at = [...taken.values()].filter(({ route }) => route.path === path);
      const ofHost = own.filter(({ pattern }) => pattern.test(path));
      const methods = new Set(
        [...ofHost, ...at.map(({ route }) => route)].map((one) => one.method),
      );
      return methods.has('GET') ? [...methods.add('HEAD')] : [...methods];
    },
    diagnostics,
  };
}

/** A GET of the host is its HEAD as well. */
const answers = (hosts: string, { method }: ManagementRoute): boolean =>
  method === hosts || (method === 'HEAD' && hosts === 'GET');

const patternOf = (path: string): RegExp => new RegExp(`^${path.replace(/:\w+/g, '[^/]+')}$`);

const byPrecedence = (one: Routed, other: Routed): number =>
  other.priority - one.priority || (one.id < other.id ? -1 : 1);
