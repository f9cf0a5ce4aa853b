import type { IncomingMessage } from 'node:http';

/** A cookie of this host alone, that no script reads and no other site's form sends. */
export interface HostCookie {
  /** Without the prefix that it has over TLS. */
  name: string;
  /** Letters, digits and `+ / = . _ -`. */
  value: string;
  /** Without one it lasts as long as the browser runs. */
  maxAgeSec?: number;
  /** Over TLS: then a browser takes it from nobody but this host, and no sibling's page plants one. */
  isSecure: boolean;
}

const nameOf = (name: string, isSecure: boolean): string => (isSecure ? `__Host-${name}` : name);

/** For `Set-Cookie`. */
export function cookieLine({ name, value, maxAgeSec, isSecure }: HostCookie): string {
  const parts = [`${nameOf(name, isSecure)}=${value}`, 'Path=/', 'HttpOnly', 'SameSite=Lax'];
  if (maxAgeSec !== undefined) parts.push(`Max-Age=${maxAgeSec}`);
  if (isSecure) parts.push('Secure');
  return parts.join('; ');
}

/** For `Set-Cookie`: the browser forgets it. */
export const endedCookie = (name: string, isSecure: boolean): string =>
  cookieLine({ name, isSecure, value: '', maxAgeSec: 0 });

/** Every value that a request has for a cookie; one that was planted makes two. */
export function cookiesOf({ headers }: IncomingMessage, name: string, isSecure: boolean): string[] {
  const prefix = `${nameOf(name, isSecure)}=`;
  const pairs = (headers.cookie ?? '').split(';').map((pair) => pair.trim());
  return pairs.filter((pair) => pair.startsWith(prefix)).map((pair) => pair.slice(prefix.length));
}
