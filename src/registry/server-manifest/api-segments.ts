import type { ApiRoute } from './manifest.ts';

/** One step of a route's path: `items`, `[id]` or, as the last, `[...rest]`. */
type Segment = { kind: 'literal' | 'name' | 'rest'; text: string };

/** Decoded. What `[...rest]` took is a list. */
export type ApiParams = Readonly<Record<string, string | readonly string[]>>;

export type ApiMatch =
  | { kind: 'found'; route: ApiRoute; params: ApiParams }
  | { kind: 'other-method'; allow: readonly string[] }
  | { kind: 'none' };

export interface ApiTable {
  /** @param path below the plugin's own place, as it was sent: without a leading slash */
  match(method: string, path: string): ApiMatch;
  /** Such as `GET items/[id]`. */
  readonly endpoints: readonly string[];
}

/** `index` is of the route at fault. */
export interface ApiProblem {
  index: number;
  message: string;
}

/** Those of one shape, by method: each names its parameters as it likes. */
interface Place {
  shape: readonly Segment[];
  methods: Map<string, { route: ApiRoute; segments: readonly Segment[] }>;
}

const LITERAL = /^[A-Za-z0-9._~-]+$/;
const PARAMETER = /^\[(\.\.\.)?([A-Za-z_][\w-]*)\]$/;
const RANKS = { literal: 0, name: 1, rest: 2 } as const;

/** Routes with a problem are left out of the table. */
export function compileRoutes(routes: readonly ApiRoute[]): {
  table: ApiTable;
  problems: readonly ApiProblem[];
} {
  const places = new Map<string, Place>();
  const problems: ApiProblem[] = [];
  for (const [index, route] of routes.entries()) {
    const message = place(route, places);
    if (message !== undefined) problems.push({ index, message });
  }
  const sorted = [...places.values()].sort(byExactness);
  const endpoints = routes.map(({ method, path }) => `${method} ${path}`);
  return { table: { match: (method, path) => matchIn(sorted, method, path), endpoints }, problems };
}

/** Puts the route among the others; a message when it cannot be there. */
function place(route: ApiRoute, places: Map<string, Place>): string | undefined {
  const segments = segmentsOf(route.path);
  if (typeof segments === 'string') return segments;
  const key = segments.map(({ kind, text }) => (kind === 'literal' ? text : `[${kind}]`)).join('/');
  const known: Place = places.get(key) ?? { shape: segments, methods: new Map() };
  const taken = known.methods.get(route.method);
  if (taken) return `is ${route.method} ${taken.route.path} a second time`;
  known.methods.set(route.method, { route, segments });
  places.set(key, known);
  return undefined;
}

function segmentsOf(path: string): Segment[] | string {
  const segments: Segment[] = [];
  const names = new Set<string>();
  const parts = path.split('/');
  for (const [i, part] of parts.entries()) {
    const segment = segmentOf(part);
    if (!segment) return `has ${part === '' ? 'an empty segment' : `the segment ${part}`}`;
    if (segment.kind === 'rest' && i < parts.length - 1) return `${part} must be the last segment`;
    if (segment.kind !== 'literal' && names.has(segment.text)) {
      return `has two parameters ${segment.text}`;
    }
    if (segment.kind !== 'literal') names.add(segment.text);
    segments.push(segment);
  }
  return segments;
}

function segmentOf(part: string): Segment | undefined {
  const [, dots, name] = PARAMETER.exec(part) ?? [];
  if (name !== undefined) return { kind: dots ? 'rest' : 'name', text: name };
  if (!LITERAL.test(part) || isDots(part)) return undefined;
  return { kind: 'literal', text: part };
}

/** `[...rest]` matches at least one segment, so a longer path is never the less exact one. */
function byExactness(one: Place, other: Place): number {
  for (const [i, { kind }] of one.shape.entries()) {
    const against = other.shape[i];
    if (!against) return -1;
    if (RANKS[kind] !== RANKS[against.kind]) return RANKS[kind] - RANKS[against.kind];
  }
  return 0;
}

function matchIn(places: readonly Place[], asked: string, path: string): ApiMatch {
  const parts = decoded(path);
  const found = parts && places.find(({ shape }) => fits(shape, parts));
  if (!parts || !found) return { kind: 'none' };
  const { methods } = found;
  const own = methods.get(asked) ?? (asked === 'HEAD' ? methods.get('GET') : undefined);
  if (!own) return { kind: 'other-method', allow: allowOf([...methods.keys()]) };
  return { kind: 'found', route: own.route, params: paramsOf(own.segments, parts) };
}

/** Once, and no further; undefined for what names no place of a plugin. */
function decoded(path: string): string[] | undefined {
  try {
    const parts = path.split('/').map(decodeURIComponent);
    return parts.some((part) => part === '' || part.includes('\0') || isDots(part))
      ? undefined
      : parts;
  } catch {
    return undefined;
  }
}

const isDots = (part: string): boolean => part === '.' || part === '..';

function fits(shape: readonly Segment[], parts: readonly string[]): boolean {
  const hasRest = shape.at(-1)?.kind === 'rest';
  if (hasRest ? parts.length < shape.length : parts.length !== shape.length) return false;
  return shape.every(({ kind, text }, i) => kind !== 'literal' || parts[i] === text);
}

const paramsOf = (segments: readonly Segment[], parts: readonly string[]): ApiParams =>
  Object.fromEntries(
    segments.flatMap(({ kind, text }, i) => {
      if (kind === 'literal') return [];
      return [[text, kind === 'rest' ? parts.slice(i) : parts[i]!]];
    }),
  );

const allowOf = (methods: readonly string[]): string[] =>
  methods.includes('GET') && !methods.includes('HEAD') ? [...methods, 'HEAD'] : [...methods];
