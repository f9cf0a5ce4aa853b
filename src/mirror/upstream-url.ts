import { WaymarkError } from '../model/errors.ts';
import type { AllowList } from '../outbound/address.ts';
import { checkHost, OutboundError, type OutboundPolicy, resolvePinned } from '../outbound/guard.ts';

export interface UpstreamUrl {
  /** What is stored and given to git. */
  href: string;
  protocol: 'https' | 'http' | 'ssh';
  host: string;
  port: number;
}

const PORTS = { https: 443, http: 80, ssh: 22 } as const;
const USER = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/;

/**
 * An upstream's address, taken apart and put together again so that git reads
 * in it what was checked. `user@host:path` is one over ssh.
 *
 * @throws {WaymarkError} `UPSTREAM_REFUSED`
 */
export function parseUpstreamUrl(text: string, allow: AllowList): UpstreamUrl {
  const url = URL.parse(fromShortForm(text));
  const protocol = url?.protocol.slice(0, -1) ?? '';
  if (!url || !(protocol === 'https' || protocol === 'http' || protocol === 'ssh')) {
    throw refused('protocol', 'it must start with https:// or ssh://');
  }
  const { username, password, search, hash } = url;
  if (password !== '' || (username !== '' && protocol !== 'ssh')) {
    throw refused('credentials', 'it must hold no password: name a secret in credentials');
  }
  if (username !== '' && !USER.test(username)) throw refused('user', 'it names no user');
  if (search !== '' || hash !== '') throw refused('query', 'it must end with its path');
  const path = checkPath(url.pathname);
  const host = hostIn(url.hostname, allow);
  const port = url.port === '' ? PORTS[protocol] : Number(url.port);
  const user = username === '' ? '' : `${username}@`;
  const place = `${host.includes(':') ? `[${host}]` : host}${port === PORTS[protocol] ? '' : `:${port}`}`;
  return { href: `${protocol}://${user}${place}${path}`, protocol, host, port };
}

/** `git@host:team/registry.git`, as hosting services show it. */
function fromShortForm(text: string): string {
  const [, user, host, path] = /^([A-Za-z0-9._-]+)@([A-Za-z0-9.-]+):(?!\/\/)(.+)$/.exec(text) ?? [];
  return user && host && path ? `ssh://${user}@${host}/${path.replace(/^\//, '')}` : text;
}

/** Printable ASCII without what a shell or git's own commands would read as more than a path. */
function checkPath(path: string): string {
  const isPlain =
    /^\/[A-Za-z0-9._~%+/-]+$/.test(path) && !/\/(-|\.\.(\/|$))|%([01]|7f)/i.test(path);
  if (isPlain && path.length <= 1024) return path;
  throw refused('path', 'its path must be letters, digits and ._~%+/- and name a repository');
}

function hostIn(text: string, allow: AllowList): string {
  try {
    return checkHost(text, allow).host;
  } catch (error) {
    if (error instanceof OutboundError) throw refused('host', error.message);
    throw error;
  }
}

export const refused = (reason: string, why: string): WaymarkError =>
  new WaymarkError('UPSTREAM_REFUSED', `the upstream's address is refused: ${why}`, {
    details: { reason },
  });

/**
 * A name that has no address now may have one later: whoever connects looks again.
 *
 * @throws {WaymarkError} `UPSTREAM_REFUSED`
 */
export async function checkAddress(
  { host, protocol }: { host: string; protocol: string },
  policy: OutboundPolicy,
): Promise<void> {
  try {
    const { isNamed } = await resolvePinned(host, policy);
    if (protocol === 'http' && !isNamed) throw refused('protocol', 'it must start with https://');
  } catch (error) {
    if (!(error instanceof OutboundError)) throw error;
    if (error.code === 'REFUSED') throw refused('host', error.message);
    if (protocol === 'http') throw refused('protocol', 'it must start with https://');
  }
}
