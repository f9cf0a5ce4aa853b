import { type Request, type Response, Router } from 'express';
import { ANONYMOUS, type Caller } from '../identity/caller.ts';
import { type OrgPolicy, underPolicy } from '../identity/org-policy.ts';
import type { Permission } from '../identity/roles.ts';
import { invalidField, WaymarkError } from '../model/errors.ts';
import type { ListFields } from '../model/listing.ts';
import { type Pagination, requestIdIn, success } from './envelope.ts';
import { findCaller, getCaller } from './identify.ts';
import { type BodySchema, readJson } from './json-body.ts';
import { checkQuery } from './query.ts';
import { awaitSequence, type Sequences, tellSequence } from './read-your-writes.ts';
import { callerIn, checkOrg, checkPermission, type OrgNames, orgOf, SITE } from './tenant.ts';

/** `'/orgs/:orgId/clients/:id'` → `{orgId: string; id: string}` */
export type ParamsOf<Path extends string> = Path extends `${infer Head}/${infer Rest}`
  ? ParamsOf<Head> & ParamsOf<Rest>
  : Path extends `:${infer Name}`
    ? { [K in Name]: string }
    : unknown;

/** One request, as its handler meets it: allowed, and its body valid. */
export interface Call<Path extends string = string, Body = unknown> {
  /** `ANONYMOUS` where the route is public and the request without a credential. */
  caller: Caller;
  /** The org that the call is about; `*` for the site. */
  org: string;
  /** What the org's registry says of roles; none of the site, nor before one is served. */
  policy: OrgPolicy | undefined;
  params: ParamsOf<Path>;
  query: URLSearchParams;
  body: Body;
  /** From `If-Match: "<version>"`; of a row whose version is text, see `textVersionOf`. */
  ifMatch: number | undefined;
  requestId: string;
  request: Request;
  response: Response;
}

/** `body` is the resource; bytes and text go out as they are. */
export interface Answer {
  status: number;
  body?: unknown;
  headers?: Readonly<Record<string, string>>;
  pagination?: Pagination;
}

export type JsonSchema = Readonly<Record<string, unknown>>;

/** What a success carries: `data` of the envelope, or the bare body; a list when paged. */
export interface AnswerShape {
  data: JsonSchema;
  isPage?: boolean;
  example?: unknown;
  /** Of what is no JSON, which goes out bare. */
  contentType?: string;
}

export type SuccessStatus = 200 | 201 | 202 | 204 | 206 | 302 | 304;

/** A row of the table that authentication, tenancy, validation and OpenAPI share. */
export interface Route<Path extends string = string, Body = unknown> {
  method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  path: Path;
  /**
   * Of a list any one suffices. `self`: for whoever has a credential. `public`: also without; a
   * wrong one is refused still.
   */
  permission: Permission | readonly Permission[] | 'self' | 'public';
  /** What it does, in one sentence for the documentation. */
  summary?: string;
  /** By the parameter's name. Those of a page, its filter and its order are known. */
  query?: Readonly<Record<string, JsonSchema>>;
  /** What a list may be filtered and sorted by. */
  fields?: ListFields;
  /** By status; null for a success without a body. */
  answers?: Readonly<Partial<Record<SuccessStatus, AnswerShape | null>>>;
  /** `site`: about no org. Else the org is `:orgId`, or follows from the caller. */
  scope?: 'site';
  /** What lives in git has no number: its version is a commit or a digest. */
  hasTextVersion?: true;
  body?: BodySchema<Body>;
  /** Until the handler has answered or begun to; null for what has none, such as a download. */
  deadlineMs?: number | null;
  /** Undefined when the handler has answered by itself, through `response`. */
  handle(call: Call<Path, Body>): Promise<Answer | undefined>;
}

/** The rows that are mounted at one place. */
export interface RouteTable {
  at: string;
  rows: readonly Route[];
  /** Successes in the envelope of `/api/v1`, rather than bare. */
  isEnveloped: boolean;
}

/**
 * Lets a row's handler see the types of its own path and body. The cast forgets them again, so
 * that rows of all kinds fit one table; `serve` gives each what its own path and schema say.
 */
export const route = <Path extends string, Body>(row: Route<Path, Body>): Route =>
  row as unknown as Route;

/** Works on a request once, and gives whoever repeats it the first one's answer. */
export type Once = (
  call: Call,
  work: () => Promise<Answer | undefined>,
) => Promise<Answer | undefined>;

export interface RouteOptions {
  orgs: OrgNames;
  /** Successes in the envelope of `/api/v1`, rather than bare. */
  isEnveloped: boolean;
  /** For the POSTs: what a repeated one is answered with. */
  once?: Once;
  /** For who has to read what was just written. */
  sequences?: Sequences;
}

const DEADLINE_MS = 30_000;

/** Express routes for the rows; a path's other methods answer 405. */
export function routesOf(rows: readonly Route[], options: RouteOptions): Router {
  const router = Router({ mergeParams: true, caseSensitive: true });
  for (const [path, sharing] of Map.groupBy(rows, (row) => row.path)) {
    const place = router.route(path);
    for (const row of sharing) {
      place[row.method]((request, response) => serve(row, request, response, options));
    }
    place.all(refuseOthers(sharing.map(({ method }) => method.toUpperCase())));
  }
  return router;
}

async function serve(
  row: Route,
  request: Request,
  response: Response,
  options: RouteOptions,
): Promise<void> {
  response.locals['route'] = request.baseUrl + row.path;
  const answer = await withDeadline(row, response, async () => {
    const call = await admit(row, request, response, options.orgs);
    const { sequences, once } = options;
    if (sequences && row.permission !== 'public') {
      await awaitSequence(request, call.org, sequences);
    }
    const work = () => row.handle(call);
    const made = await (once && row.method === 'post' ? once(call, work) : work());
    if (sequences && made && row.method !== 'get') tellSequence(response, call.org, sequences);
    return made;
  });
  if (answer) send(response, answer, options);
}

/** Everything that may refuse a request before its handler sees it, the cheapest first. */
async function admit(
  row: Route,
  request: Request,
  response: Response,
  orgs: OrgNames,
): Promise<Call> {
  checkUrl(request);
  const { permission } = row;
  const isPublic = permission === 'public';
  const known = isPublic ? (findCaller(response) ?? ANONYMOUS) : getCaller(response);
  const params = request.params as Record<string, string>;
  const org = scopeOf(row, known, request, orgs);
  response.locals['org'] = org;
  const policy = orgs.policy?.(org);
  const member = callerIn(known, org);
  const caller = policy ? underPolicy(member, policy) : member;
  if (!isPublic && permission !== 'self') checkPermission(caller, permission);
  const { searchParams: query } = new URL(request.originalUrl, 'http://localhost');
  if (row.query) checkQuery(query, row.query);
  const ifMatch = row.hasTextVersion ? undefined : versionIn(request.headers['if-match']);
  const { read = readJson } = row.body ?? {};
  const body = row.body?.parse(await read(request, response));
  const requestId = requestIdIn(response);
  return { caller, org, policy, params, query, body, ifMatch, requestId, request, response };
}

function scopeOf(row: Route, caller: Caller, request: Request, orgs: OrgNames): string {
  if (row.scope === 'site') return SITE;
  const { orgId } = request.params as { orgId?: string };
  // Who is let in without a credential is of no org: its handler looks for the one that is named.
  if (row.permission === 'public') return orgId ?? SITE;
  if (orgId === undefined) return orgOf(caller, request.get('x-waymark-org'), orgs);
  checkOrg(caller, orgId, orgs);
  return orgId;
}

/** What no database or file system has a name for is nobody's id. */
function checkUrl({ originalUrl }: Request): void {
  if (originalUrl.includes('%00')) throw invalidField('path', 'has a NUL in it', 'text');
}

function versionIn(header: string | undefined): number | undefined {
  if (header === undefined || header === '*') return undefined;
  const [, version] = /^"?(\d{1,15})"?$/.exec(header) ?? [];
  if (version === undefined) throw invalidField('If-Match', 'must be a version, such as "3"');
  return Number(version);
}

/**
 * The version that `If-Match` asks for, of a resource whose version is text.
 *
 * @throws {WaymarkError} `VAL_FAILED` for a weak one or a list
 */
export function textVersionOf({ headers }: Request): string | undefined {
  const header = headers['if-match'];
  if (header === undefined || header === '*') return undefined;
  const [, version] = /^"?([\w.:-]{1,128})"?$/.exec(header) ?? [];
  if (version === undefined) throw invalidField('If-Match', 'must be one version, in quotes');
  return version;
}

async function withDeadline<T>(row: Route, response: Response, work: () => Promise<T>): Promise<T> {
  const { deadlineMs = DEADLINE_MS } = row;
  if (deadlineMs === null) return work();
  const { promise: tooLate, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    if (response.headersSent) return;
    // What is still to come of the body is not waited for.
    response.setHeader('Connection', 'close');
    reject(new WaymarkError('RES_UNAVAILABLE', `no answer within ${deadlineMs / 1000} s`));
  }, deadlineMs);
  const working = work();
  working.catch(() => {}); // one that fails after the deadline
  try {
    return await Promise.race([working, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}

function send(response: Response, answer: Answer, { isEnveloped }: RouteOptions): void {
  const { status, body, headers = {}, pagination } = answer;
  // The envelope is never the same twice; a new key's secret is in one.
  if (isEnveloped) response.set('Cache-Control', 'no-store');
  response.status(status).set(headers);
  if (body === undefined) response.end();
  else if (Buffer.isBuffer(body) || typeof body === 'string') response.send(body);
  else response.json(isEnveloped ? success(response, body, pagination) : body);
}

/** For a path that takes these methods alone. */
export function refuseOthers(methods: readonly string[]) {
  const allow = methods.includes('GET') ? [...methods, 'HEAD'] : methods;
  return (request: Request, response: Response): never => {
    response.setHeader('Allow', allow.join(', '));
    throw new WaymarkError('RES_METHOD', `${request.method} is not possible here`);
  };
}
