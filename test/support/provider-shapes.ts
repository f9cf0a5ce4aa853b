import type { ProviderKind } from '../../src/mirror/provider/settings.ts';

type Schema = Record<string, unknown>;

/** A request that the provider's API has, as far as Waymark may use it. */
export interface Operation {
  name: 'status' | 'list' | 'open' | 'get' | 'repository' | 'branches' | 'tags' | 'repositories';
  method: string;
  /** Of the decoded path's segments: a name stands for any one. */
  path: RegExp;
  query?: Schema;
  body?: Schema;
}

export interface ApiShape {
  /** Header → what its value must match. */
  headers: Record<string, RegExp>;
  /** What starts a path of the repository `team/registry`, encoded as it must be sent. */
  repo: string;
  operations: Operation[];
  /** Of no one repository. */
  site: Operation[];
}

const text = { type: 'string' };
const textOrNull = { type: ['string', 'null'] };
/** Gitea gives at most 50 at once, unless it is set up otherwise. */
const limit = { type: 'string', pattern: '^([1-9]|[1-4][0-9]|50)$' };
const page = { type: 'string', pattern: '^[1-9][0-9]*$' };

/** Nothing that the API does not know, which would be ignored there without a word. */
const only = (properties: Schema, ...required: string[]): Schema => ({
  type: 'object',
  required,
  additionalProperties: false,
  properties,
});

const get = (name: Operation['name'], path: RegExp, query: Schema = {}): Operation => ({
  name,
  method: 'GET',
  path,
  query: only(query),
});

/**
 * After GitHub's REST API description, `api.github.com.2022-11-28`: `repos/create-commit-status`,
 * `pulls/list`, `pulls/create`, `pulls/get`, `repos/get`, `repos/list-branches`, `repos/list-tags`,
 * `repos/list-for-authenticated-user`.
 */
const github: ApiShape = {
  headers: {
    authorization: /^Bearer \S+$/,
    accept: /^application\/vnd\.github\+json$/,
    'x-github-api-version': /^2022-11-28$/,
    'user-agent': /./,
  },
  repo: '/repos/team/registry',
  operations: [
    {
      name: 'status',
      method: 'POST',
      path: /^\/statuses\/[0-9a-f]{40}$/,
      body: only(
        {
          state: { enum: ['error', 'failure', 'pending', 'success'] },
          target_url: textOrNull,
          description: { ...textOrNull, maxLength: 140 },
          context: text,
        },
        'state',
      ),
    },
    {
      name: 'list',
      method: 'GET',
      path: /^\/pulls$/,
      query: only({
        state: { enum: ['open', 'closed', 'all'] },
        head: { type: 'string', pattern: '^[^:]+:.+$' },
        base: text,
        sort: { enum: ['created', 'updated', 'popularity', 'long-running'] },
        direction: { enum: ['asc', 'desc'] },
        per_page: page,
        page,
      }),
    },
    {
      name: 'open',
      method: 'POST',
      path: /^\/pulls$/,
      body: only(
        { title: text, head: text, base: text, body: text, draft: { type: 'boolean' } },
        'head',
        'base',
      ),
    },
    get('get', /^\/pulls\/[1-9][0-9]*$/),
    get('repository', /^$/),
    get('branches', /^\/branches$/, { protected: text, per_page: page, page }),
    get('tags', /^\/tags$/, { per_page: page, page }),
  ],
  site: [
    get('repositories', /^\/user\/repos$/, {
      visibility: text,
      affiliation: text,
      sort: { enum: ['created', 'updated', 'pushed', 'full_name'] },
      per_page: page,
      page,
    }),
  ],
};

/**
 * After Gitea 1.22's `swagger.v1.json`: `CreateStatusOption`, `repoListPullRequests`,
 * `CreatePullRequestOption`, `repoGetPullRequest`, `repoGet`, `repoListBranches`, `repoListTags`, `repoSearch`.
 */
const gitea: ApiShape = {
  headers: { authorization: /^token \S+$/ },
  repo: '/repos/team/registry',
  operations: [
    {
      name: 'status',
      method: 'POST',
      path: /^\/statuses\/[0-9a-f]{40}$/,
      body: only({
        state: { enum: ['pending', 'success', 'error', 'failure', 'warning'] },
        target_url: text,
        description: text,
        context: text,
      }),
    },
    {
      name: 'list',
      method: 'GET',
      path: /^\/pulls$/,
      query: only({
        state: { enum: ['open', 'closed', 'all'] },
        sort: { enum: ['oldest', 'recentupdate', 'leastupdate', 'mostcomment', 'leastcomment'] },
        page,
        limit,
      }),
    },
    {
      name: 'open',
      method: 'POST',
      path: /^\/pulls$/,
      body: only({ title: text, head: text, base: text, body: text }),
    },
    get('get', /^\/pulls\/[1-9][0-9]*$/),
    get('repository', /^$/),
    get('branches', /^\/branches$/, { page, limit }),
    get('tags', /^\/tags$/, { page, limit }),
  ],
  site: [get('repositories', /^\/repos\/search$/, { q: text, page, limit })],
};

/**
 * After GitLab's REST API pages "Commits API" (set the pipeline status of a commit), "Merge requests
 * API", "Projects API", "Branches API" and "Tags API".
 */
const gitlab: ApiShape = {
  headers: { authorization: /^Bearer \S+$/ },
  repo: '/projects/team%2Fregistry',
  operations: [
    {
      name: 'status',
      method: 'POST',
      path: /^\/statuses\/[0-9a-f]{40}$/,
      body: only(
        {
          state: { enum: ['pending', 'running', 'success', 'failed', 'canceled', 'skipped'] },
          ref: text,
          name: text,
          context: text,
          target_url: { type: 'string', maxLength: 255 },
          description: { type: 'string', maxLength: 255 },
          coverage: { type: 'number' },
          pipeline_id: { type: 'integer' },
        },
        'state',
      ),
    },
    {
      name: 'list',
      method: 'GET',
      path: /^\/merge_requests$/,
      query: only({
        state: { enum: ['opened', 'closed', 'locked', 'merged', 'all'] },
        source_branch: text,
        target_branch: text,
        order_by: { enum: ['created_at', 'updated_at', 'merged_at', 'priority', 'title'] },
        sort: { enum: ['asc', 'desc'] },
        per_page: page,
        page,
      }),
    },
    {
      name: 'open',
      method: 'POST',
      path: /^\/merge_requests$/,
      body: only(
        { source_branch: text, target_branch: text, title: text, description: text },
        'source_branch',
        'target_branch',
        'title',
      ),
    },
    get('get', /^\/merge_requests\/[1-9][0-9]*$/),
    get('repository', /^$/),
    get('branches', /^\/repository\/branches$/, { search: text, per_page: page, page }),
    get('tags', /^\/repository\/tags$/, { search: text, per_page: page, page }),
  ],
  site: [
    get('repositories', /^\/projects$/, {
      membership: { enum: ['true', 'false'] },
      simple: { enum: ['true', 'false'] },
      search: text,
      per_page: page,
      page,
    }),
  ],
};

export const apiShapes: Record<ProviderKind, ApiShape> = { github, gitlab, gitea };
