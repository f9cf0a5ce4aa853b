import type { Logger } from '../audit/logger.ts';
import type { ChangeRequest, ChangeRequestStore } from '../changes/change-request.ts';
import { openProvider, type ProviderDeps } from './provider/open.ts';
import { ProviderError, type PullRequest } from './provider/port.ts';
import type { Upstream, UpstreamStore } from './upstream.ts';

export interface FollowingPulls extends ProviderDeps {
  upstreams: Pick<UpstreamStore, 'find'>;
  changeRequests: Pick<ChangeRequestStore, 'follow'>;
  log: Logger;
}

const LONGEST_TITLE = 200;
const LONGEST_DESCRIPTION = 65_536;

/**
 * Brings a mirror's change requests up to the pull requests of its upstream.
 *
 * @throws what may go better the next time
 */
export async function followPullRequests(org: string, deps: FollowingPulls): Promise<void> {
  const upstream = await deps.upstreams.find(org);
  try {
    const provider = upstream && (await openProvider(upstream, deps));
    if (!provider) return;
    const pulls = await provider.listPullRequests();
    const ours = pulls.filter(({ target }) => target === upstream.branch);
    await deps.changeRequests.follow(ours.map((pull) => requestOf(upstream, pull)));
  } catch (error) {
    if (!(error instanceof ProviderError && error.isLasting)) throw error;
    deps.log.warn({ org, error }, 'pull requests cannot be read');
  }
}

/** A pull request into the followed branch, which is `main` here. */
export function requestOf({ org }: Pick<Upstream, 'org'>, pull: PullRequest): ChangeRequest {
  const { title, description, author, url, ...same } = pull;
  return {
    ...same,
    org,
    title: plain(title).slice(0, LONGEST_TITLE),
    description: plain(description).slice(0, LONGEST_DESCRIPTION),
    target: 'main',
    author: `upstream:${author}`,
    // People click on it.
    url: /^https?:\/\//.test(url) ? url : null,
    mergeBase: null,
    version: 1,
    pending: null,
  };
}

/** PostgreSQL stores no NUL. */
const plain = (text: string): string => text.replaceAll('\0', '').toWellFormed();
