/** What may be asked of a list, as the HTTP border has checked it and a store carries it out. */
export interface Listing {
  filter?: Filter;
  /** In the order of their weight. The store appends the id, so that the order is total. */
  sort: readonly SortKey[];
  /** From 1. */
  page: number;
  pageSize: number;
}

export interface SortKey {
  field: string;
  isDescending: boolean;
}

export type FilterValue = string | number | boolean | null;

export type Filter =
  | { all: readonly Filter[] }
  | { any: readonly Filter[] }
  | { not: Filter }
  | { field: string; operator: Comparison; value: FilterValue }
  | { field: string; operator: 'in' | 'nin'; values: readonly FilterValue[] }
  | { field: string; operator: 'exists'; value: boolean };

export type Comparison = 'eq' | 'ne' | 'gt' | 'gte' | 'lt' | 'lte' | 'contains' | 'startsWith';

/** The fields of one resource that a list of it may be filtered and sorted by. */
export type ListFields = Readonly<
  Record<string, { type: 'text' | 'number' | 'boolean' | 'time'; isSortable?: boolean }>
>;

export interface Page<T> {
  items: T[];
  totalItems: number;
}
