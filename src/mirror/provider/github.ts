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
import type { Provider, PullRequest } from './port.ts';

export const githubHeaders = (token: string) => ({
  accept: 'application/vnd.github+json',
  authorization: `Bearer ${token}`,
  'x-github-api-version': '2022-11-28',
});

/** GitHub's REST API of 2022-11-28. */
export function githubProvider(api: Api, project: string): Provider {
  const repo = `/repos/${project}`;
  const [owner] = project.split('/');
  const pageOf = async (page: number, size: number) => {
    const order = { state: 'all', sort: 'updated', direction: 'desc' };
    const query = { ...order, per_page: String(size), page: String(page) };
    return readEach(listIn(await api.get(`${repo}/pulls`, query)), toPullRequest);
  };

  return {
    async reportStatus({ commit, targetUrl, description, ...status }) {
      const body = { ...status, description: description.slice(0, 140), target_url: targetUrl };
      await api.post(`${repo}/statuses/${commit}`, body);
    },

    async findPullRequest(branch, base) {
      const query = { state: 'open', head: `${owner}:${branch}`, base };
      const [found] = listIn(await api.get(`${repo}/pulls`, query));
      return found === undefined ? undefined : toPullRequest(found);
    },

    async openPullRequest({ branch: head, base, title, body, isDraft: draft }) {
      return toPullRequest(await api.post(`${repo}/pulls`, { title, head, base, body, draft }));
    },

    listPullRequests: () => pageOf(1, 100),
    pagePullRequests: pageOf,
    getPullRequest: async (number) => toPullRequest(await api.get(`${repo}/pulls/${number}`)),
  };
}

function toPullRequest(found: unknown): PullRequest {
  const mergedAt = timeOrNullAt(found, 'merged_at');
  const isOpen = textAt(found, 'state') === 'open';
  const isDraft = isTrueAt(found, 'draft');
  const active = isDraft ? 'draft' : 'open';
  return {
    number: numberAt(found, 'number'),
    title: textAt(found, 'title'),
    description: textOrNullAt(found, 'body') ?? '',
    source: textAt(found, 'head', 'ref'),
    target: textAt(found, 'base', 'ref'),
    // Whoever has left has none.
    author: textOrNullAt(found, 'user', 'login') ?? 'ghost',
    head: oidAt(found, 'head', 'sha'),
    status: mergedAt !== null ? 'merged' : isOpen ? active : 'closed',
    createdAt: timeAt(found, 'created_at'),
    updatedAt: timeAt(found, 'updated_at'),
    mergedAt,
    // Of an open one it is a merge that nobody has made.
    mergeCommit: mergedAt === null ? null : oidOrNullAt(found, 'merge_commit_sha'),
    url: textAt(found, 'html_url'),
  };
}
