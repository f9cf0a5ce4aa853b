import { createApi } from '../../../mirror/provider/api.ts';
import { adapters } from '../../../mirror/provider/open.ts';
import { type Provider, ProviderError, type PullRequest } from '../../../mirror/provider/port.ts';
import type { ProviderKind } from '../../../mirror/provider/settings.ts';
import type { DiscoveredResource } from '../../contract/read-integration.ts';
import type { CallContext } from '../../contract/wire.ts';
import type { Builtin } from '../../sources/builtin-part.ts';
import { upstreamFailed } from '../fault.ts';
import { type HttpClient, httpClient } from '../http-client.ts';
import { integrationMethods, type Search } from '../integration.ts';
import { ownManifest } from '../own-manifest.ts';
import { type RequestTerms, underTerms } from '../request-terms.ts';
import { apiUrlOf, wrongEndpoint } from './api-url.ts';
import { type Catalogue, createCatalogue } from './catalogue.ts';
import { newPullRequestIn, pullRequestNumberIn, statusIn } from './scm-params.ts';

type Config = CallContext['config'];

/** As `schemas/plugins/<kind>.json` has it, with its credentials: the token as `secret:token`. */
interface ScmConfig extends RequestTerms {
  endpoint: string;
  repository: string;
  token?: string;
}

const NAMES: Readonly<Record<ProviderKind, string>> = {
  github: 'GitHub',
  gitlab: 'GitLab',
  gitea: 'Gitea',
};

/** Of which a hundred would be more than an answer may have. */
const PULL_REQUESTS = 20;

/** A repository's statuses and pull requests, as mirrors know them too. */
export const scm = (kind: ProviderKind): Builtin => ({
  manifest: ownManifest(kind, {
    displayName: NAMES[kind],
    category: 'scm',
    capabilities: { integration: true },
    permissions: { http: [{ hosts: ['config:/endpoint'], methods: ['GET', 'POST'] }] },
    integration: {
      category: 'scm',
      resourceTypes: ['repository', 'branch', 'tag', 'pullRequest'],
      operations: ['commitStatus.set', 'pullRequest.open', 'pullRequest.get'],
    },
  }),

  methods(waymark) {
    const send = httpClient(waymark);
    const at = <T>(config: Config, work: (place: Place) => Promise<T>) =>
      told(() => work(openPlace(kind, config, send)));
    return {
      'config.validate': (params) => {
        const { endpoint } = (params as { config: ScmConfig }).config;
        const errors = wrongEndpoint(kind, endpoint);
        return { valid: errors.length === 0, errors };
      },
      ...integrationMethods({
        check: {
          name: 'repository',
          run: (config) => at(config, ({ catalogue }) => catalogue.name()),
        },
        discover: {
          repository: (config, search) =>
            at(config, ({ catalogue }) => catalogue.repositories(search)),
          branch: (config, search) => at(config, ({ catalogue }) => catalogue.branches(search)),
          tag: (config, search) => at(config, ({ catalogue }) => catalogue.tags(search)),
          pullRequest: (config, search) =>
            at(config, ({ provider }) => pullRequests(provider, search)),
        },
        operations: {
          'commitStatus.set': async (config, params) => {
            const status = statusIn(params);
            await at(config, ({ provider }) => provider.reportStatus(status));
            return {};
          },
          'pullRequest.open': async (config, params) => {
            const wanted = newPullRequestIn(params);
            return await at(config, async ({ provider }) => {
              // A request that is made again finds what the first has opened.
              const open = await provider.findPullRequest(wanted.branch, wanted.base);
              return open ?? (await provider.openPullRequest(wanted));
            });
          },
          'pullRequest.get': async (config, params) => {
            const number = pullRequestNumberIn(params);
            return await at(config, ({ provider }) => provider.getPullRequest(number));
          },
        },
      }),
    };
  },
});

interface Place {
  provider: Provider;
  catalogue: Catalogue;
}

function openPlace(kind: ProviderKind, config: Config, client: HttpClient): Place {
  const own = config as unknown as ScmConfig;
  const { endpoint, repository, token } = own;
  const { headers: headersFor, over } = adapters[kind];
  const { authorization, ...rest } = headersFor(token ?? '') as Record<string, string>;
  const headers =
    token === undefined || authorization === undefined ? rest : { ...rest, authorization };
  const apiUrl = apiUrlOf(kind, endpoint);
  const api = createApi({ apiUrl, headers, send: underTerms(client, own) });
  return { provider: over(api, repository), catalogue: createCatalogue(kind, api, repository) };
}

async function told<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    const { message, reason, status, isLasting } = error;
    throw upstreamFailed(message, { reason, ...(status && { status }) }, !isLasting);
  }
}

async function pullRequests(
  provider: Provider,
  { query, page }: Search,
): Promise<DiscoveredResource[]> {
  const found = await provider.pagePullRequests(page, PULL_REQUESTS);
  const wanted = query.toLowerCase();
  return found.filter(({ title }) => title.toLowerCase().includes(wanted)).map(resourceOf);
}

function resourceOf({ number, title, ...pull }: PullRequest): DiscoveredResource {
  const { status, source, target, head, author, url } = pull;
  const metadata = { status, source, target, head, author, url };
  return { id: String(number), name: title, type: 'pullRequest', metadata };
}
