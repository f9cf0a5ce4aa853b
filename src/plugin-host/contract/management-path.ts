import type { ManagementRoute, MenuEntry, ResourcePage } from '../hosted-plugin.ts';

export const MANAGEMENT = '/v0/management';
export const RESOURCE = '/v0/resource';
export const MANAGEMENT_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

/** What `management.register` answers, as it was given. */
export interface Registration {
  routes: readonly { method?: string; path: string; menu?: string; description?: string }[];
  resources: readonly { path: string; menu?: string; description?: string }[];
}

/** One that is left out, and why. */
export interface RefusedRoute {
  /** Such as `GET /a b`, or a page's path alone. */
  route: string;
  reason: string;
}

export interface Registered {
  routes: readonly ManagementRoute[];
  pages: readonly ResourcePage[];
  refused: readonly RefusedRoute[];
}

const LONGEST = 200;

/** What no path may have: beside what is no path, what a URL or a router reads otherwise. */
const REFUSED: readonly [RegExp, string][] = [
  [/^$/, 'is empty'],
  [/\s/, 'has whitespace in it'],
  [/\p{Cc}/u, 'has a control character in it'],
  [/[^\x20-\x7e]/, 'is not ASCII'],
  [/[:*\\%?#]/, 'has one of : * \\ % ? # in it'],
  [/\.\./, 'has .. in it'],
  [/(?:^|\/)\.(?:\/|$)/, 'has a dot as a segment'],
  [/\/\//, 'has // in it'],
  [new RegExp(`^.{${LONGEST + 1},}$`), `is longer than ${LONGEST} characters`],
];

/**
 * The routes and pages that a server part asks for, in their one form. A GET with a menu is a page
 * only, as in plugins older than pages; a declared page there wins. Of two the first wins.
 *
 * @param isUnconfined whether its routes may lie outside of `/plugins/<id>/`
 * @see docs/spec/plugin-host.md, "Management routes and pages"
 */
export function readRoutes(
  { routes, resources }: Registration,
  { pluginId, isUnconfined }: { pluginId: string; isUnconfined: boolean },
): Registered {
  const found = new Map<string, ManagementRoute>();
  const pages = new Map<string, ResourcePage>();
  const refused: RefusedRoute[] = [];
  const { legacy = [], plain = [] } = Object.groupBy(routes, kindOf);
  const legacyPages = legacy.map((route) => ({ ...route, path: routePathOf(route.path) }));

  function take<T>(into: Map<string, T>, route: string, entry: T, reason: string | undefined) {
    if (reason !== undefined) refused.push({ route, reason });
    else if (!into.has(route)) into.set(route, entry);
  }
  for (const page of [...resources, ...legacyPages]) {
    const path = pagePathOf(page.path, pluginId);
    take(pages, path, { path, ...told(page) }, faultIn(path));
  }
  for (const route of plain) {
    const method = methodOf(route.method);
    const path = routePathOf(route.path);
    const fault = faultIn(path) ?? faultOf(method, path, isUnconfined ? '/' : rootOf(pluginId));
    take(found, `${method} ${path}`, { method, path, ...told(route) }, fault);
  }
  return { routes: [...found.values()], pages: [...pages.values()], refused };
}

const kindOf = ({ method, menu }: Registration['routes'][number]): 'legacy' | 'plain' =>
  methodOf(method) === 'GET' && textOf(menu) !== undefined ? 'legacy' : 'plain';

const rootOf = (pluginId: string): string => `/plugins/${pluginId}/`;

/** Blank is GET. */
const methodOf = (given = ''): string => given.trim().toUpperCase() || 'GET';

const routePathOf = (given: string): string => trimmed(given, [MANAGEMENT]);

const pagePathOf = (given: string, pluginId: string): string =>
  trimmed(given, [`${RESOURCE}/plugins/${pluginId}`, `/plugins/${pluginId}`]);

/** With one of the prefixes taken away, and without the slash at its end. */
function trimmed(given: string, prefixes: readonly string[]): string {
  const text = given.trim();
  const path = text.startsWith('/') ? text : `/${text}`;
  const prefix = prefixes.find((one) => path === one || path.startsWith(`${one}/`)) ?? '';
  const own = path.slice(prefix.length);
  // Two at the end are no end: they are refused as everywhere.
  return own.endsWith('//') ? own : own.replace(/\/$/, '');
}

const faultIn = (path: string): string | undefined =>
  REFUSED.find(([pattern]) => pattern.test(path))?.[1];

function faultOf(method: string, path: string, root: string): string | undefined {
  const isKnown = (MANAGEMENT_METHODS as readonly string[]).includes(method);
  if (!isKnown) return `its method is none of ${MANAGEMENT_METHODS.join(', ')}`;
  return path.startsWith(root) ? undefined : `is not below ${root}`;
}

const textOf = (given: string | undefined): string | undefined => given?.trim() || undefined;

function told({ menu, description }: { menu?: string; description?: string }) {
  const [title, about] = [textOf(menu), textOf(description)];
  return {
    ...(title === undefined ? {} : { menu: title }),
    ...(about === undefined ? {} : { description: about }),
  };
}

/** Where a plugin's pages are; with an org's name where they are of one org of several. */
export const pagesRoot = (pluginId: string, org?: string): string =>
  `${RESOURCE}${org === undefined ? '' : `/orgs/${org}`}/plugins/${pluginId}`;

/** What the console's menu has of it: the pages with a title. */
export const menuOf = (
  { id, pages }: { id: string; pages: readonly ResourcePage[] },
  org?: string,
): MenuEntry[] =>
  pages.flatMap(({ path, menu, description }) => {
    if (menu === undefined) return [];
    const href = `${pagesRoot(id, org)}${path}`;
    return [{ title: menu, href, ...(description === undefined ? {} : { description }) }];
  });
