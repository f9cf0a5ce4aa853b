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

export const giteaHeaders = (token: string) => ({ authorization: `token ${token}` });

/** As many as Gitea gives at once, unless it is set up otherwise. */
const PAGE = 50;

/** Gitea's API, version 1, which Forgejo has as well. */
export function giteaProvider(api: Api, project: string): Provider {
  const repo = `/repos/${project}`;
  const list = async (state: 'open' | 'all', page: number, size = PAGE) => {
    const query = { state, sort: 'recentupdate', limit: String(size), page: String(page) };
    return listIn(await api.get(`${repo}/pulls`, query));
  };

  return {
    async reportStatus({ commit, targetUrl, description, ...status }) {
      const target = targetUrl === null ? {} : { target_url: targetUrl };
      const body = { ...status, description: description.slice(0, 255), ...target };
      await api.post(`${repo}/statuses/${commit}`, body);
    },

    async findPullRequest(branch, base) {
      const open = readEach(await list('open', 1), toPullRequest);
      return open.find(({ source, target }) => source === branch && target === base);
    },

    async openPullRequest({ branch: head, base, title, body, isDraft }) {
      // A draft is what its title says it is.
      const made = { title: isDraft ? `WIP: ${title}` : title, head, base, body };
      return toPullRequest(await api.post(`${repo}/pulls`, made));
    },

    async listPullRequests() {
      const first = await list('all', 1);
      const second = first.length < PAGE ? [] : await list('all', 2);
      return readEach([...first, ...second], toPullRequest);
    },

    pagePullRequests: async (page, size) => readEach(await list('all', page, size), toPullRequest),
    getPullRequest: async (number) => toPullRequest(await api.get(`${repo}/pulls/${number}`)),
  };
}

function toPullRequest(found: unknown): PullRequest {
  const isMerged = isTrueAt(found, 'merged');
  const title = textAt(found, 'title');
  const isDraft = isTrueAt(found, 'draft') || /^(\[WIP\]|WIP:)/i.test(title);
  const isOpen = textAt(found, 'state') === 'open';
  const active = isDraft ? 'draft' : 'open';
  return {
    number: numberAt(found, 'number'),
    title,
    description: textOrNullAt(found, 'body') ?? '',
    source: textAt(found, 'head', 'ref'),
    target: textAt(found, 'base', 'ref'),
    author: textOrNullAt(found, 'user', 'login') ?? 'ghost',
    head: oidAt(found, 'head', 'sha'),
    status: isMerged ? 'merged' : isOpen ? active : 'closed',
    createdAt: timeAt(found, 'created_at'),
    updatedAt: timeAt(found, 'updated_at'),
    mergedAt: timeOrNullAt(found, 'merged_at'),
    mergeCommit: isMerged ? oidOrNullAt(found, 'merge_commit_sha') : null,
    url: textAt(found, 'html_url'),
  };
}
