import type { Caller } from '../../identity/caller.ts';
import type { Binding } from '../binding.ts';

export interface ReadQuery {
  resource: string;
  /** One of them, rather than a page. */
  id?: string;
  /** As of the API's lists. */
  filter?: Readonly<Record<string, unknown>>;
  sort?: string;
  page?: number;
  pageSize?: number;
}

export interface ReadScope {
  org: string;
  binding: Binding;
  /** Whose rights narrow it further; none: the binding's alone. */
  caller?: Caller;
  requestId: string;
}

/**
 * What the API answers, less its envelope: the resource, or `{items, pagination}`.
 *
 * @throws {WaymarkError} `PLG_METHOD_UNSUPPORTED` for a resource that cannot be
 *   read, and what the API's route throws
 */
export type ReadPort = (scope: ReadScope, query: ReadQuery) => Promise<unknown>;
