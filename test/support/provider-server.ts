import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { API_PATHS, type ProviderKind } from '../../src/mirror/provider/settings.ts';
import { apiShapes, type Operation } from './provider-shapes.ts';

/** A pull request as the provider stores it, whatever form it answers in. */
export interface StoredPull {
  number: number;
  title: string;
  body: string | null;
  branch: string;
  base: string;
  head: string;
  author: string | null;
  state: 'open' | 'closed' | 'merged';
  isDraft: boolean;
  updatedAt: string;
  mergeCommit: string | null;
}

export interface StoredRef {
  name: string;
  commit: string;
}

export interface Status {
  commit: string;
  state: string;
  name: string;
  description: string;
  targetUrl: string | null;
}

/** A GitHub, GitLab or Gitea whose repository `team/registry` can be worked on. */
export interface ProviderServer {
  /** Of its API. */
  apiUrl: string;
  token: string;
  pulls: StoredPull[];
  branches: StoredRef[];
  tags: StoredRef[];
  /** That the token knows of. */
  repositories: string[];
  /** In the order in which they were set. */
  statuses: Status[];
  /** `<operation>` of each request that was well formed. */
  asked: string[];
  /** What was asked otherwise than the API has it: a test expects none. */
  faults: string[];
  /** Answers a request in its place; undefined leaves it to the server. */
  intercept: (operation: string, response: ServerResponse) => boolean;
  /** Where a branch is. */
  headOf: (branch: string) => Promise<string>;
  close(): Promise<void>;
}

const AT = '2026-03-01T13:00:00+01:00';

export const makePull = (part: Partial<StoredPull> = {}): StoredPull => ({
  number: 1,
  title: 'Stored',
  body: null,
  branch: 'stored',
  base: 'main',
  head: '5'.repeat(40),
  author: 'ada',
  state: 'open',
  isDraft: false,
  updatedAt: AT,
  mergeCommit: null,
  ...part,
});

const ajv = new Ajv2020({ strict: false });

export async function startProvider(kind: ProviderKind): Promise<ProviderServer> {
  const shape = apiShapes[kind];
  const http = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      server.faults.push(String(error));
      response.writeHead(500).end();
    });
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const { port } = http.address() as AddressInfo;
  const server: ProviderServer = {
    apiUrl: `http://127.0.0.1:${port}${API_PATHS[kind]}`,
    token: 'the-api-token',
    pulls: [],
    branches: [],
    tags: [],
    repositories: ['team/registry'],
    statuses: [],
    asked: [],
    faults: [],
    intercept: () => false,
    headOf: async () => '7'.repeat(40),
    close: () =>
      new Promise((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  };
  return server;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = request;
    const [path = '', search = ''] = url.split('?');
    const text = await textOf(request);
    const send = (status: number, body: unknown) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    const below = path.startsWith(API_PATHS[kind]) ? path.slice(API_PATHS[kind].length) : '';
    const inRepo = below.startsWith(shape.repo) ? below.slice(shape.repo.length) : undefined;
    const operations = inRepo === undefined ? shape.site : shape.operations;
    const operation = operations.find(
      (one) => one.method === method && one.path.test(inRepo ?? below),
    );
    if (!operation) {
      server.faults.push(`${method} ${url} is nothing that ${kind} has`);
      return void send(404, { message: 'Not Found' });
    }
    for (const [name, pattern] of Object.entries(shape.headers)) {
      if (!pattern.test(String(headers[name] ?? ''))) server.faults.push(`header ${name}`);
    }
    const query = Object.fromEntries(new URLSearchParams(search));
    const body = text === '' ? undefined : (JSON.parse(text) as Record<string, unknown>);
    check(operation, 'query', query);
    check(operation, 'body', body);
    server.asked.push(operation.name);
    if (server.intercept(operation.name, response)) return;
    if (!headers.authorization?.endsWith(` ${server.token}`)) {
      return void send(401, { message: 'Bad credentials' });
    }
    const last = path.split('/').at(-1)!;
    if (operation.name === 'open') await open(body!, send);
    else if (operation.name === 'status') setStatus(last, body!, send);
    else if (operation.name === 'get') {
      const pull = server.pulls.find(({ number }) => number === Number(last));
      send(pull ? 200 : 404, pull ? shownPull(pull) : { message: 'Not Found' });
    } else send(200, listOf(operation.name, query));
  }

  function listOf(name: Operation['name'], query: Record<string, string>): unknown {
    const part = query['search'] ?? query['q'] ?? '';
    const { branches, tags, repositories } = server;
    const paged = <T>(all: readonly T[], named: (one: T) => string): T[] =>
      pageIn(
        all.filter((one) => named(one).includes(part)),
        query,
      );
    if (name === 'list') return list(query).map(shownPull);
    if (name === 'branches')
      return paged(branches, (one) => one.name).map(shownRef(kind, 'branch'));
    if (name === 'tags') return paged(tags, (one) => one.name).map(shownRef(kind, 'tag'));
    if (name === 'repository') return shownRepository(kind)('team/registry');
    const shown = paged(repositories, (one) => one).map(shownRepository(kind));
    return kind === 'gitea' ? { ok: true, data: shown } : shown;
  }

  function check(operation: Operation, part: 'query' | 'body', value: unknown): void {
    const schema = operation[part];
    if (!schema || ajv.validate(schema, value)) return;
    server.faults.push(`${operation.name} ${part}: ${ajv.errorsText()}`);
  }

  function list(query: Record<string, string>): StoredPull[] {
    const { state = 'open', head, base, source_branch, target_branch } = query;
    const branch = source_branch ?? head?.replace(/^team:/, '');
    const target = target_branch ?? base;
    const found = server.pulls
      .filter((pull) => state === 'all' || pull.state === state.replace('opened', 'open'))
      .filter((pull) => branch === undefined || pull.branch === branch)
      .filter((pull) => target === undefined || pull.base === target)
      .toSorted((a, b) => b.updatedAt.localeCompare(a.updatedAt) || b.number - a.number);
    return pageIn(found, query);
  }

  async function open(
    body: Record<string, unknown>,
    send: (status: number, body: unknown) => void,
  ): Promise<void> {
    const branch = String(body['head'] ?? body['source_branch']);
    const base = String(body['base'] ?? body['target_branch']);
    const isTaken = server.pulls.some(
      (pull) => pull.state === 'open' && pull.branch === branch && pull.base === base,
    );
    if (isTaken) return send(kind === 'github' ? 422 : 409, { message: 'it exists' });
    const title = String(body['title']);
    const pull: StoredPull = {
      number: server.pulls.length + 1,
      title,
      body: String(body['body'] ?? body['description']),
      branch,
      base,
      head: await server.headOf(branch),
      author: 'waymark-bot',
      state: 'open',
      isDraft: body['draft'] === true || /^(Draft|WIP): /.test(title),
      updatedAt: AT,
      mergeCommit: null,
    };
    server.pulls.push(pull);
    send(201, shownPull(pull));
  }

  function setStatus(
    commit: string,
    body: Record<string, unknown>,
    send: (status: number, body: unknown) => void,
  ): void {
    const { state, context, name, description, target_url: targetUrl = null } = body;
    const status = { commit, state, name: name ?? context, description, targetUrl } as Status;
    const last = server.statuses.findLast(
      (one) => one.commit === commit && one.name === status.name,
    );
    // GitLab's statuses are a machine of states, which has no way from one to itself.
    if (kind === 'gitlab' && last?.state === state) {
      const message = `Cannot transition status via :enqueue from :${String(state)}`;
      send(400, { message: { base: [message] } });
    } else {
      server.statuses.push(status);
      send(201, { id: server.statuses.length, state });
    }
  }

  function shownPull(pull: StoredPull): Record<string, unknown> {
    return kind === 'gitlab' ? asGitlab(pull) : asGithub(pull, kind);
  }
}

function pageIn<T>(all: readonly T[], query: Record<string, string>): T[] {
  const size = Number(query['per_page'] ?? query['limit'] ?? 30);
  const first = (Number(query['page'] ?? 1) - 1) * size;
  return all.slice(first, first + size);
}

const shownRepository =
  (kind: ProviderKind) =>
  (name: string): object => ({
    id: 1,
    default_branch: 'main',
    ...(kind === 'gitlab'
      ? { path_with_namespace: name, web_url: `https://provider.example/${name}` }
      : { full_name: name, html_url: `https://provider.example/${name}`, private: true }),
  });

const shownRef =
  (kind: ProviderKind, of: 'branch' | 'tag') =>
  ({ name, commit }: StoredRef): object => {
    const isNamedId = kind === 'gitlab' || (kind === 'gitea' && of === 'branch');
    const id = isNamedId ? { id: commit } : { sha: commit };
    return { name, commit: id, ...(of === 'branch' && { protected: name === 'main' }) };
  };

const closedAt = ({ state }: StoredPull) => (state === 'merged' ? AT : null);

function asGithub(pull: StoredPull, kind: 'github' | 'gitea'): Record<string, unknown> {
  const { number, title, body, branch, base, head, author, state, isDraft, updatedAt } = pull;
  return {
    id: 1000 + number,
    number,
    title,
    body,
    state: state === 'open' ? 'open' : 'closed',
    draft: isDraft,
    user: author === null ? null : { login: author },
    head: { ref: branch, sha: head, label: `team:${branch}` },
    base: { ref: base, sha: '8'.repeat(40) },
    created_at: AT,
    updated_at: updatedAt,
    merged_at: closedAt(pull),
    ...(kind === 'gitea' && { merged: state === 'merged' }),
    // GitHub answers the commit of a trial merge for an open one.
    merge_commit_sha: pull.mergeCommit ?? (kind === 'github' ? '9'.repeat(40) : null),
    html_url: `https://provider.example/team/registry/pulls/${number}`,
  };
}

function asGitlab(pull: StoredPull): Record<string, unknown> {
  const { number, title, body, branch, base, head, author, state, isDraft, updatedAt } = pull;
  return {
    id: 1000 + number,
    iid: number,
    title,
    description: body,
    state: state === 'open' ? 'opened' : state,
    draft: isDraft,
    author: author === null ? null : { username: author },
    source_branch: branch,
    target_branch: base,
    sha: head,
    created_at: AT,
    updated_at: updatedAt,
    merged_at: closedAt(pull),
    merge_commit_sha: pull.mergeCommit,
    squash_commit_sha: null,
    web_url: `https://provider.example/team/registry/pulls/${number}`,
  };
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
