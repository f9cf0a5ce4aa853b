import { invalidField } from '../../model/errors.ts';

/**
 * A path, with its query, below an endpoint: whoever names the path gets no
 * further than whoever configured the endpoint meant.
 *
 * @throws {WaymarkError} `VAL_FAILED`
 */
export function urlBelow(endpoint: string, path: string): string {
  const base = new URL(endpoint);
  const root = base.pathname.replace(/\/+$/, '');
  const [pathname, search = ''] = splitAt(path, '?');
  const url = new URL(base.origin);
  // Set, not parsed: `//host` stays a path, and dots are taken out.
  url.pathname = root + pathname;
  url.search = search;
  const isBelow = url.pathname === root || url.pathname.startsWith(`${root}/`);
  if (pathname.startsWith('/') && isBelow && url.origin === base.origin) return url.href;
  throw invalidField('path', 'must begin with / and stay below the endpoint');
}

function splitAt(text: string, mark: string): [string, string?] {
  const at = text.indexOf(mark);
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}
