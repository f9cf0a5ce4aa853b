import { invalidField } from '../../model/errors.ts';
import { isPluginId } from '../../model/names.ts';
import type { OutboundPolicy } from '../../outbound/guard.ts';
import { checkAddress, refused, type UpstreamUrl } from '../upstream-url.ts';

export const PROVIDER_KINDS = ['github', 'gitlab', 'gitea'] as const;
export type ProviderKind = (typeof PROVIDER_KINDS)[number];

/** The service that an upstream lives on, for what git has no word for: webhooks, statuses, pull requests. */
export interface ProviderSettings {
  kind: ProviderKind;
  /** Of its HTTP API, without a slash at its end. Null: as its kind has it at the upstream's host. */
  apiUrl: string | null;
  /** What its API calls the repository, such as `team/registry`. Null: the upstream's path. */
  project: string | null;
  /** The name of the secret that is its API's token; null: nothing is written or read there. */
  tokenRef: string | null;
  /** The names of the secrets that webhooks are signed with. Two while one takes the other's place. */
  webhookRefs: readonly string[];
}

/** As people write it. */
export type ProviderRequest = Pick<ProviderSettings, 'kind'> & Partial<ProviderSettings>;

/** Where a provider's API is, and of what. */
export interface ProviderPlace {
  apiUrl: string;
  project: string;
}

const PROJECT = /^(?!.*(^|\/)\.{1,2}(\/|$))[\w.~-]+(\/[\w.~-]+)+$/;
const FIELD = 'upstream.provider';

/**
 * Settings that may be stored.
 *
 * @throws {WaymarkError} `VAL_FAILED`, `UPSTREAM_REFUSED`
 */
export async function checkProvider(
  request: ProviderRequest,
  upstream: UpstreamUrl,
  policy: OutboundPolicy,
): Promise<ProviderSettings> {
  const { kind, apiUrl = null, project = null, tokenRef = null, webhookRefs = [] } = request;
  for (const name of [...webhookRefs, ...(tokenRef === null ? [] : [tokenRef])]) {
    if (!isPluginId(name)) throw invalidField(FIELD, `${name} is no name of a secret`);
  }
  const settings = { kind, apiUrl: apiUrl && plainUrl(apiUrl), project, tokenRef, webhookRefs };
  const place = providerPlace(settings, upstream);
  const steps = place.project.split('/').length;
  if (!PROJECT.test(place.project) || (kind !== 'gitlab' && steps !== 2)) {
    throw invalidField(`${FIELD}.project`, 'name the repository as the API does: owner/name');
  }
  const { hostname, protocol } = new URL(place.apiUrl);
  await checkAddress({ host: hostname, protocol: protocol.slice(0, -1) }, policy);
  return settings;
}

/** Where a service of its own has its API. */
export const API_PATHS = { github: '/api/v3', gitlab: '/api/v4', gitea: '/api/v1' } as const;

export function providerPlace(
  { kind, apiUrl, project }: ProviderSettings,
  { href, host, port, protocol }: UpstreamUrl,
): ProviderPlace {
  const origin = protocol === 'ssh' ? `https://${host}` : new URL(href).origin;
  const isPublicGithub = kind === 'github' && host === 'github.com' && port !== 80;
  const usual = isPublicGithub ? 'https://api.github.com' : `${origin}${API_PATHS[kind]}`;
  const path = new URL(href).pathname.replace(/^\/+/, '').replace(/(\.git)?\/*$/, '');
  return { apiUrl: apiUrl ?? usual, project: project ?? path };
}

/** @throws {WaymarkError} `UPSTREAM_REFUSED` */
function plainUrl(text: string): string {
  const url = URL.parse(text);
  if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw refused('protocol', 'its API must start with https://');
  }
  if (url.username !== '' || url.password !== '') {
    throw refused('credentials', 'its API must hold no password: name a secret in tokenRef');
  }
  if (url.search !== '' || url.hash !== '') throw refused('query', 'its API must end with a path');
  return url.href.replace(/\/+$/, '');
}
