import type { IncomingMessage } from 'node:http';

const LOOPBACK = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/;

/** Where a browser finds this server: its public URL's, else what the request was sent to. */
export interface Place {
  host: string;
  /** Plain HTTP on this machine, as while trying it out: everywhere else a cookie needs TLS. */
  isLocal: boolean;
}

export function placeOf({ headers }: IncomingMessage, publicUrl: string | null): Place {
  if (publicUrl === null) {
    const { host = '' } = headers;
    return { host, isLocal: LOOPBACK.test(host) };
  }
  const { host, protocol } = new URL(publicUrl);
  return { host, isLocal: protocol === 'http:' && LOOPBACK.test(host) };
}

/**
 * Whether a page of this server sent the request, as its browser says. Without an `Origin` nobody
 * says so: an unsafe method of a page always has one.
 */
export function isSameOrigin(request: IncomingMessage, publicUrl: string | null): boolean {
  const { origin } = request.headers;
  const site = request.headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin') return false;
  if (origin === undefined) return false;
  if (publicUrl !== null) return origin === new URL(publicUrl).origin;
  // What stands before this server may have taken TLS off, so the scheme is anybody's guess.
  return URL.parse(origin)?.host === placeOf(request, publicUrl).host;
}
