import type { Remote, RemoteCredential } from '../git/remote.ts';
import { WaymarkError } from '../model/errors.ts';
import type { AllowList } from '../outbound/address.ts';
import { OutboundError, type OutboundPolicy, resolvePinned } from '../outbound/guard.ts';
import type { Vault } from '../secrets/vault.ts';
import type { Upstream } from './upstream.ts';
import { parseUpstreamUrl, type UpstreamUrl } from './upstream-url.ts';

export interface RemoteDeps {
  vault: Pick<Vault, 'read'>;
  outbound: OutboundPolicy;
}

/** Why a remote was not even asked. */
export class MirrorError extends Error {
  override readonly name = 'MirrorError';
  readonly reason: string;

  constructor(reason: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/**
 * The upstream for git: its address resolved and checked now, its secret opened.
 *
 * @throws {MirrorError | WaymarkError}
 */
export async function openRemote(
  upstream: Upstream,
  { vault, outbound }: RemoteDeps,
): Promise<Remote> {
  const url = readUrl(upstream.url, outbound.allow);
  const { href, host, port } = url;
  const addresses = await addressesOf(url, outbound);
  const credential = await credentialOf(upstream, url, vault);
  return { url: href, host, port, addresses, ...(credential ? { credential } : {}) };
}

/** It was checked when it was stored; what is allowed may have changed since. */
function readUrl(text: string, allow: AllowList): UpstreamUrl {
  try {
    return parseUpstreamUrl(text, allow);
  } catch (cause) {
    if (!(cause instanceof WaymarkError)) throw cause;
    throw new MirrorError('address-refused', cause.message, { cause });
  }
}

async function addressesOf({ host, protocol }: UpstreamUrl, policy: OutboundPolicy) {
  try {
    const { addresses, isNamed } = await resolvePinned(host, policy);
    if (protocol !== 'http' || isNamed) return addresses;
  } catch (cause) {
    if (!(cause instanceof OutboundError)) throw cause;
    const isRefused = cause.code === 'REFUSED';
    const reason = isRefused ? 'address-refused' : 'unreachable';
    throw new MirrorError(reason, `the upstream: ${cause.message}`, { cause });
  }
  throw new MirrorError('address-refused', 'the upstream: plain http is not allowed to this host');
}

async function credentialOf(
  { org, secretRef, username, knownHosts }: Upstream,
  { protocol }: UpstreamUrl,
  vault: Pick<Vault, 'read'>,
): Promise<RemoteCredential | undefined> {
  if (secretRef === null) return undefined;
  const secret = await vault.read(org, secretRef);
  if (secret === undefined) {
    throw new MirrorError('secret-missing', `there is no secret ${secretRef}: store it, then sync`);
  }
  if (protocol === 'ssh') {
    return { kind: 'ssh-key', privateKey: secret, knownHosts: knownHosts ?? '' };
  }
  // Each is one line of what git is told; stored with an editor, a token often ends in one more.
  const password = secret.trimEnd();
  if (/[\p{Cc}]/u.test(password)) {
    throw new MirrorError('secret-unusable', `the secret ${secretRef} holds control characters`);
  }
  return { kind: 'password', username: username ?? 'git', password };
}
