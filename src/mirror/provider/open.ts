import type { OutboundPolicy } from '../../outbound/guard.ts';
import type { Vault } from '../../secrets/vault.ts';
import type { Upstream } from '../upstream.ts';
import { parseUpstreamUrl } from '../upstream-url.ts';
import { type Api, createApi, sendBy } from './api.ts';
import { giteaHeaders, giteaProvider } from './gitea.ts';
import { githubHeaders, githubProvider } from './github.ts';
import { gitlabHeaders, gitlabProvider } from './gitlab.ts';
import { type Provider, ProviderError } from './port.ts';
import { type ProviderKind, providerPlace } from './settings.ts';

export interface ProviderDeps {
  vault: Pick<Vault, 'read'>;
  outbound: OutboundPolicy;
}

interface Adapter {
  headers: (token: string) => Record<string, string>;
  over: (api: Api, project: string) => Provider;
}

/** What is different between them. */
export const adapters: Readonly<Record<ProviderKind, Adapter>> = {
  github: { headers: githubHeaders, over: githubProvider },
  gitlab: { headers: gitlabHeaders, over: gitlabProvider },
  gitea: { headers: giteaHeaders, over: giteaProvider },
};

/**
 * The service that an upstream lives on; undefined where none is set up, or
 * without a token.
 *
 * @throws {ProviderError} `secret-missing`
 * @throws {WaymarkError} `UPSTREAM_REFUSED` for an address that is allowed no more
 */
export async function openProvider(
  { org, url, provider }: Upstream,
  { vault, outbound }: ProviderDeps,
): Promise<Provider | undefined> {
  if (!provider || provider.tokenRef === null) return undefined;
  const { kind, tokenRef } = provider;
  const { apiUrl, project } = providerPlace(provider, parseUpstreamUrl(url, outbound.allow));
  const token = (await vault.read(org, tokenRef))?.trimEnd();
  if (!token || /[^\x21-\x7e]/.test(token)) {
    const message = `there is no token in the secret ${tokenRef}: store one`;
    throw new ProviderError('secret-missing', message);
  }
  const { headers, over } = adapters[kind];
  const send = sendBy(outbound);
  return over(createApi({ apiUrl, headers: headers(token), send }), project);
}
