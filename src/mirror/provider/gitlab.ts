import type { ChangeStatus } from '../../changes/change-request.ts';
import {
  isTrueAt,
  listIn,
  numberAt,
  oidAt,
  oidOrNullAt,
  readEach,
  textAt,
  textOrNullAt,
  timeAt,
  timeOrNullAt,
} from './answer.ts';
import type { Api } from './api.ts';
import { type Provider, ProviderError, type PullRequest } from './port.ts';

/** A project's, group's or person's access token, and one of OAuth. */
export const gitlabHeaders = (token: string) => ({ authorization: `Bearer ${token}` });

const STATES = { pending: 'pending', success: 'success', failure: 'failed' } as const;

/** GitLab's REST API, version 4. Its merge requests count in each project, by `iid`. */
export function gitlabProvider(api: Api, project: string): Provider {
  const repo = `/projects/${encodeURIComponent(project)}`;
  const list = async (query: Record<string, string>) => {
    const order = { order_by: 'updated_at', sort: 'desc', per_page: '100' };
    return listIn(await api.get(`${repo}/merge_requests`, { ...order, ...query }));
  };

  return {
    async reportStatus({ commit, state, context, description, targetUrl }) {
      const body = {
        state: STATES[state],
        name: context,
        description: description.slice(0, 255),
        ...(targetUrl !== null && { target_url: targetUrl }),
      };
      await api.post(`${repo}/statuses/${commit}`, body).catch(ignoreSame);
    },

    async findPullRequest(branch, base) {
      const query = { state: 'opened', source_branch: branch, target_branch: base };
      const [found] = await list(query);
      return found === undefined ? undefined : toPullRequest(found);
    },

    async openPullRequest({ branch, base, title, body, isDraft }) {
      const made = {
        source_branch: branch,
        target_branch: base,
        // A draft is what its title says it is.
        title: isDraft ? `Draft: ${title}` : title,
        description: body,
      };
      return toPullRequest(await api.post(`${repo}/merge_requests`, made));
    },

    listPullRequests: async () => readEach(await list({ state: 'all' }), toPullRequest),

    async pagePullRequests(page, size) {
      const query = { state: 'all', per_page: String(size), page: String(page) };
      return readEach(await list(query), toPullRequest);
    },

    getPullRequest: async (number) =>
      toPullRequest(await api.get(`${repo}/merge_requests/${number}`)),
  };
}

/** A status that is there already cannot be set again: GitLab knows no way from it to itself. */
function ignoreSame(error: unknown): void {
  const isSame =
    error instanceof ProviderError &&
    error.reason === 'refused' &&
    /Cannot transition status via \S+ from/.test(String(error.cause));
  if (!isSame) throw error;
}

const STATUSES: Readonly<Record<string, ChangeStatus>> = {
  opened: 'open',
  locked: 'open',
  merged: 'merged',
  closed: 'closed',
};

function toPullRequest(found: unknown): PullRequest {
  const status = STATUSES[textAt(found, 'state')] ?? 'closed';
  // A project that only fast-forwards makes no commit of its own.
  const made = oidOrNullAt(found, 'merge_commit_sha') ?? oidOrNullAt(found, 'squash_commit_sha');
  const head = oidAt(found, 'sha');
  return {
    number: numberAt(found, 'iid'),
    title: textAt(found, 'title'),
    description: textOrNullAt(found, 'description') ?? '',
    source: textAt(found, 'source_branch'),
    target: textAt(found, 'target_branch'),
    author: textOrNullAt(found, 'author', 'username') ?? 'ghost',
    head,
    status: status === 'open' && isTrueAt(found, 'draft') ? 'draft' : status,
    createdAt: timeAt(found, 'created_at'),
    updatedAt: timeAt(found, 'updated_at'),
    mergedAt: timeOrNullAt(found, 'merged_at'),
    mergeCommit: status === 'merged' ? (made ?? head) : null,
    url: textAt(found, 'web_url'),
  };
}
