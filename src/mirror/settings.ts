import { invalidField } from '../model/errors.ts';
import { isPluginId } from '../model/names.ts';
import type { OutboundPolicy } from '../outbound/guard.ts';
import { checkProvider, type ProviderRequest } from './provider/settings.ts';
import type { UpstreamSettings } from './upstream.ts';
import { checkAddress, parseUpstreamUrl } from './upstream-url.ts';

/** An upstream as people write it. What is left out of a change stays as it is. */
export interface UpstreamRequest {
  url: string;
  branch?: string;
  /** Null for none. `username` is for https, where it is `git` unless given. */
  credentials?: { secretRef: string; username?: string } | null;
  knownHosts?: string | null;
  /** Null for none. */
  provider?: ProviderRequest | null;
}

const BRANCH =
  /^(?!-)(?!.*(\.\.|\/\/|@\{|\.lock(\/|$)))[A-Za-z0-9_][A-Za-z0-9._/@+-]{0,198}[A-Za-z0-9_+-]$|^[A-Za-z0-9_]$/;
const KNOWN_HOST = /^(@cert-authority )?\S+ (ssh|ecdsa|sk)-\S+ [A-Za-z0-9+/=]+/m;

/**
 * Settings that may be stored: whether they work is for the first sync to say.
 *
 * @throws {WaymarkError} `VAL_FAILED`, `UPSTREAM_REFUSED`
 */
export async function checkSettings(
  request: UpstreamRequest,
  policy: OutboundPolicy,
): Promise<UpstreamSettings> {
  const { branch = 'main', credentials, knownHosts = null } = request;
  const url = parseUpstreamUrl(request.url, policy.allow);
  if (!BRANCH.test(branch)) throw invalidField('upstream.branch', 'is no name of a branch');
  const secretRef = credentials?.secretRef ?? null;
  if (secretRef !== null && !isPluginId(secretRef)) {
    throw invalidField('upstream.credentials.secretRef', 'is no name of a secret');
  }
  if (url.protocol === 'ssh') checkSsh(secretRef, knownHosts);
  await checkAddress(url, policy);
  const isPassword = secretRef !== null && url.protocol !== 'ssh';
  const username = isPassword ? checkUsername(credentials?.username ?? 'git') : null;
  const provider = request.provider ? await checkProvider(request.provider, url, policy) : null;
  return { url: url.href, branch, username, secretRef, knownHosts, provider };
}

/** A host that is taken at its word the first time could be anybody. */
function checkSsh(secretRef: string | null, knownHosts: string | null): void {
  if (secretRef === null) {
    throw invalidField('upstream.credentials', 'over ssh, name a secret that holds a private key');
  }
  if (knownHosts === null || !KNOWN_HOST.test(knownHosts)) {
    throw invalidField(
      'upstream.knownHosts',
      "over ssh, give the host's keys, as ssh-keyscan does",
    );
  }
}

function checkUsername(username: string): string {
  if (!/[\p{Cc}]/u.test(username)) return username;
  throw invalidField('upstream.credentials.username', 'must be without control characters');
}
