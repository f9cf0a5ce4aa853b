import type { IncomingMessage } from 'node:http';

/** A cookie of this host alone, that no script reads and no other site's form sends. */
export interface HostCookie {
  /** Without the prefix that it has over https. */
  name: string;
  /** Letters, digits and `+ / = . _ -`. */
  value: string;
  maxAgeSec: number;
  /** Over https: then a browser takes it from nobody but this host. */
  isSecure: boolean;
}

const nameOf = (name: string, isSecure: boolean): string => (isSecure ? `__Host-${name}` : name);

/** For `Set-Cookie`. */
export function cookieLine({ name, value, maxAgeSec, isSecure }: HostCookie): string {
  const line = `${nameOf(name, isSecure)}=${value}; Path=/; Max-Age=${maxAgeSec}; HttpOnly; SameSite=Lax`;
  return isSecure ? `${line}; Secure` : line;
}

/** For `Set-Cookie`: the browser forgets it. */
export const endedCookie = (name: string, isSecure: boolean): string =>
  cookieLine({ name, isSecure, value: '', maxAgeSec: 0 });

/** The value that a request carries; the first, where there are several. */
export function cookieOf(
  { headers }: IncomingMessage,
  name: string,
  isSecure: boolean,
): string | undefined {
  const prefix = `${nameOf(name, isSecure)}=`;
  const pairs = (headers.cookie ?? '').split(';').map((pair) => pair.trim());
  return pairs.find((pair) => pair.startsWith(prefix))?.slice(prefix.length);
}
