import {
  isTrueAt,
  listIn,
  readEach,
  textAt,
  textOrNullAt,
} from '../../../mirror/provider/answer.ts';
import type { Api } from '../../../mirror/provider/api.ts';
import type { ProviderKind } from '../../../mirror/provider/settings.ts';
import type { DiscoveredResource } from '../../contract/read-integration.ts';
import type { Search } from '../integration.ts';

type Find = (search: Search) => Promise<DiscoveredResource[]>;

/** What is there to choose from. All throw {@link ProviderError}. */
export interface Catalogue {
  /** Of the repository, as the provider spells it. */
  name: () => Promise<string>;
  /** That the token knows of. */
  repositories: Find;
  branches: Find;
  tags: Find;
}

/** What is different between the providers' lists. */
interface Shape {
  repository: (project: string) => string;
  repositories: { path: string; query: Readonly<Record<string, string>>; search?: string };
  branches: string;
  tags: string;
  /** The query's name for a part of a branch's or tag's name; none: it cannot be asked for. */
  search?: string;
  /** The query's name for how many. */
  size: string;
  name: string;
  url: string;
  branchCommit: string;
  tagCommit: string;
}

const PAGE = 50;

const SHAPES: Readonly<Record<ProviderKind, Shape>> = {
  github: {
    repository: (project) => `/repos/${project}`,
    repositories: { path: '/user/repos', query: { sort: 'full_name' } },
    branches: '/branches',
    tags: '/tags',
    size: 'per_page',
    name: 'full_name',
    url: 'html_url',
    branchCommit: 'sha',
    tagCommit: 'sha',
  },
  gitlab: {
    repository: (project) => `/projects/${encodeURIComponent(project)}`,
    repositories: {
      path: '/projects',
      query: { membership: 'true', simple: 'true' },
      search: 'search',
    },
    branches: '/repository/branches',
    tags: '/repository/tags',
    search: 'search',
    size: 'per_page',
    name: 'path_with_namespace',
    url: 'web_url',
    branchCommit: 'id',
    tagCommit: 'id',
  },
  gitea: {
    repository: (project) => `/repos/${project}`,
    repositories: { path: '/repos/search', query: {}, search: 'q' },
    branches: '/branches',
    tags: '/tags',
    size: 'limit',
    name: 'full_name',
    url: 'html_url',
    branchCommit: 'id',
    tagCommit: 'sha',
  },
};

interface Listed {
  path: string;
  query?: Readonly<Record<string, string>>;
  /** The query's name for a part of a name. */
  search?: string | undefined;
  read: (value: unknown) => DiscoveredResource;
}

export function createCatalogue(kind: ProviderKind, api: Api, project: string): Catalogue {
  const shape = SHAPES[kind];
  const repository = shape.repository(project);

  const list =
    ({ path, query, search, read }: Listed) =>
    async ({ query: part, page }: Search): Promise<DiscoveredResource[]> => {
      const asked = search === undefined || part === '' ? {} : { [search]: part };
      const pages = { page: String(page), [shape.size]: String(PAGE) };
      const answer = await api.get(path, { ...query, ...asked, ...pages });
      // Gitea's search wraps its list.
      const values = listIn(Array.isArray(answer) ? answer : (answer as { data?: unknown }).data);
      // Where it cannot be asked for, a page of all is looked through.
      const wanted = part.toLowerCase();
      return readEach(values, read).filter(({ name }) => name.toLowerCase().includes(wanted));
    };

  const { search } = shape;
  return {
    name: async () => textAt(await api.get(repository), shape.name),
    repositories: list({ ...shape.repositories, read: toRepository(shape) }),
    branches: list({ path: repository + shape.branches, search, read: toBranch(shape) }),
    tags: list({ path: repository + shape.tags, search, read: toTag(shape) }),
  };
}

const toRepository =
  ({ name, url }: Shape) =>
  (found: unknown): DiscoveredResource => {
    const id = textAt(found, name);
    const defaultBranch = textOrNullAt(found, 'default_branch');
    const metadata = { url: textAt(found, url), defaultBranch };
    return { id, name: id, type: 'repository', metadata };
  };

const toBranch =
  ({ branchCommit }: Shape) =>
  (found: unknown): DiscoveredResource => {
    const id = textAt(found, 'name');
    const commit = textAt(found, 'commit', branchCommit);
    const metadata = { commit, isProtected: isTrueAt(found, 'protected') };
    return { id, name: id, type: 'branch', metadata };
  };

const toTag =
  ({ tagCommit }: Shape) =>
  (found: unknown): DiscoveredResource => {
    const id = textAt(found, 'name');
    return { id, name: id, type: 'tag', metadata: { commit: textAt(found, 'commit', tagCommit) } };
  };
