import { API_PATHS, type ProviderKind } from '../../../mirror/provider/settings.ts';

/**
 * Where a provider has its API, from what people write for it: its own address, or
 * the API's.
 */
export function apiUrlOf(kind: ProviderKind, endpoint: string): string {
  const { href, pathname, hostname } = new URL(endpoint);
  const url = href.replace(/\/+$/, '');
  const path = API_PATHS[kind];
  // GitHub's own service has it at a name of its own, and so has one at ghe.com.
  const isApi = kind === 'github' && (hostname.startsWith('api.') || pathname !== '/');
  return isApi || url.endsWith(path) ? url : url + path;
}

interface Wrong {
  field: string;
  message: string;
}

/** What looks right, and would send a token to where no API is. */
export function wrongEndpoint(kind: ProviderKind, endpoint: string): Wrong[] {
  const { hostname, username, password, search, hash } = new URL(endpoint);
  const wrong = (message: string) => [{ field: '/endpoint', message }];
  if (username !== '' || password !== '') return wrong('holds a password: give it as credentials');
  if (search !== '' || hash !== '') return wrong('must end with a path');
  const isSite = kind === 'github' && hostname === 'github.com';
  return isSite ? wrong('is not GitHub’s API, which is https://api.github.com') : [];
}
