import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ClientStore } from '../delivery/client.ts';
import type { Deliveries } from '../delivery/deliveries.ts';
import type { OrgDelivery } from '../delivery/service.ts';
import type { View } from '../delivery/view.ts';
import { waitOf } from '../delivery/watch.ts';
import type { Authenticator } from '../identity/authenticate.ts';
import type { Caller } from '../identity/caller.ts';
import { WaymarkError } from '../model/errors.ts';
import {
  JSON_TYPE,
  matchesEtag,
  type PreparedAnswer,
  placeHeaders,
  writePrepared,
} from './delivery-answer.ts';
import { updatesFor } from './delivery-client-routes.ts';
import { askerOf, seesDiagnostics } from './delivery-context.ts';
import { indexAnswer, manifestAnswer } from './delivery-documents.ts';
import { answerError, type LogError } from './errors.ts';
import { principalOf, type RateLimiter, rateLimited, type Taken } from './rate-limit.ts';
import { hasMinSequence } from './read-your-writes.ts';
import { requestIdOf } from './request-id.ts';
import type { HotPath } from './server.ts';

interface Deps {
  deliveries: Deliveries;
  clients: ClientStore;
  authenticator: Authenticator;
  limiter: RateLimiter;
  logError: LogError;
}

/** Exactly these shapes; every other request is Express's. */
const DOCUMENT =
  /^\/v1\/orgs\/([a-z0-9-]+)\/delivery\/(?:plugins\/([a-z0-9-]+)\/manifest|index)(?:\?channel=([a-z0-9-]+))?$/;
const UPDATES = /^\/v1\/orgs\/([a-z0-9-]+)\/delivery\/clients\/([0-9a-f-]{36})\/check-updates$/;
const MOST_BODY_BYTES = 1_048_576;
/** As a route of Express has it. */
const DEADLINE_MS = 30_000;
/** Drops a byte order mark, as Express's parser does. */
const utf8 = new TextDecoder();

/** What was answered from one view, by class of caller and URL. */
type Answers = Map<string, Prepared>;
interface Prepared {
  prepared: PreparedAnswer;
  atMs: number;
}

/** An index is signed anew long before it expires: what is kept of it must not be older. */
const KEPT_MS = 600_000;

/** Nor of the future, by a clock that has gone back since. */
const isYoung = ({ atMs }: Prepared): boolean => Math.abs(Date.now() - atMs) < KEPT_MS;

/**
 * Answers the few requests that every client makes all day, from memory and
 * without Express: it costs 4–6 times a bare handler on a cached manifest.
 * What is not in memory yet is left to Express, and composed meanwhile.
 */
export function createHotPath(deps: Deps): HotPath {
  const { authenticator, limiter, deliveries } = deps;
  const answersByView = new WeakMap<View, Answers>();
  const classKeys = new WeakMap<View, WeakMap<Caller, string>>();

  return (request, response) => {
    const { url = '', method } = request;
    const isRead = method === 'GET';
    if (!isRead && method !== 'POST') return false;
    const found = (isRead ? DOCUMENT : UPDATES).exec(url);
    if (!found || hasMinSequence(request)) return false;
    const caller = callerOf(request);
    if (!caller?.permissions.has('delivery:read')) return false;
    const [, org = '', name, channel] = found;
    if (caller.org !== org && !caller.isSiteAdmin) return false;
    const delivery = deliveries.find(org);
    const view = delivery?.runtime.maybeView;
    if (!delivery || !view) return false;
    if (!isRead) return answerUpdates(delivery, caller, name!, request, response);
    if (waitOf(request.headers['prefer'] as string | undefined) !== undefined) return false;
    const key = `${classKey(caller, view)}\n${url}`;
    const known = answersByView.get(view)?.get(key);
    if (!known || !isYoung(known)) {
      prepareLater(delivery, view, caller, key, { plugin: name, channel });
      return false;
    }
    const own = count(caller, request, response, known.prepared.headers['ETag']);
    if (own) writePrepared(request, response, known.prepared, own);
    return true;
  };

  function callerOf({ headers }: IncomingMessage): Caller | undefined {
    const { authorization } = headers;
    if (authorization === undefined || headers['x-api-key'] !== undefined) return undefined;
    // A session beside it would be a second credential, which Express refuses.
    if (headers.cookie?.includes('waymark=')) return undefined;
    if (!authorization.startsWith('Bearer ')) return undefined;
    return authenticator.peek(authorization.slice('Bearer '.length));
  }

  /** What of a caller an answer depends on. A caller is the same object for as long as it is known. */
  function classKey(caller: Caller, view: View): string {
    let keys = classKeys.get(view);
    if (!keys) {
      keys = new WeakMap();
      classKeys.set(view, keys);
    }
    let key = keys.get(caller);
    if (key === undefined) {
      key = `${view.access.classOf(askerOf(caller))}\n${bucketKey(caller, view)}`;
      keys.set(caller, key);
    }
    return key;
  }

  /** What of a caller, beside its class, an answer depends on. */
  function bucketKey(caller: Caller, view: View): string {
    const isPartial = [...view.channels.values()].some(({ resolution }) =>
      Object.values(resolution).some(({ rolloutPercent }) => rolloutPercent < 100),
    );
    const enrolled = caller.client?.channel ?? '';
    return `${isPartial ? caller.id : ''}\n${enrolled}\n${seesDiagnostics(caller)}`;
  }

  function prepareLater(
    delivery: OrgDelivery,
    view: View,
    caller: Caller,
    key: string,
    { plugin, channel }: { plugin: string | undefined; channel: string | undefined },
  ): void {
    const query = new URLSearchParams(channel === undefined ? [] : [['channel', channel]]);
    const composing =
      plugin === undefined
        ? indexAnswer(delivery, caller, query)
        : manifestAnswer(delivery, caller, plugin, query).then(({ prepared }) => prepared);
    composing.then(
      (prepared) => {
        if (delivery.runtime.maybeView !== view) return;
        let answers = answersByView.get(view);
        if (!answers) {
          answers = new Map();
          answersByView.set(view, answers);
        }
        if (answers.size < 20_000) answers.set(key, { prepared, atMs: Date.now() });
      },
      () => {}, // Express answers the same refusal.
    );
  }

  /** The headers that are this answer's alone; undefined when it was 429, which is answered here. */
  function count(
    caller: Caller,
    request: IncomingMessage,
    response: ServerResponse,
    etag = '',
  ): string[] | undefined {
    const taken = takeFor(caller, matchesEtag(request.headers['if-none-match'], etag));
    const own = ['X-Request-Id', requestIdOf(request)];
    for (const name in taken.headers) own.push(name, taken.headers[name]!);
    if (taken.isAllowed) return own;
    placeLines(response, own);
    response.setHeader('Retry-After', taken.retryAfterSec);
    answerError(request, response, rateLimited(taken, caller.kind), deps.logError);
    return undefined;
  }

  /** That nothing has changed is counted apart, for as long as there is room for it. */
  function takeFor(caller: Caller, isUnchanged: boolean): Taken {
    const who = principalOf(caller);
    const light = isUnchanged ? limiter.take(who, 'light') : undefined;
    return light?.isAllowed ? light : limiter.take(who);
  }

  function answerUpdates(
    delivery: OrgDelivery,
    caller: Caller,
    id: string,
    request: IncomingMessage,
    response: ServerResponse,
  ): boolean {
    const { headers } = request;
    const isOwn = caller.kind === 'client' && caller.id === id;
    const length = Number(headers['content-length']);
    const isPlain = headers['content-encoding'] === undefined && isJson(headers['content-type']);
    if (!isOwn || !isPlain || !(length > 0 && length <= MOST_BODY_BYTES)) return false;
    const own = count(caller, request, response);
    if (!own) return true;
    const chunks: Buffer[] = [];
    const tooLate = setTimeout(() => {
      // What is still to come of the body is not waited for.
      placeLines(response, [...own, 'Connection', 'close']);
      const error = new WaymarkError('RES_UNAVAILABLE', `no answer within ${DEADLINE_MS / 1000} s`);
      answerError(request, response, error, deps.logError);
    }, DEADLINE_MS);
    response.once('close', () => clearTimeout(tooLate));
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (response.writableEnded) return;
      const text = utf8.decode(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks));
      void answerParsed(delivery, caller, id, { text, own }, request, response);
    });
    return true;
  }

  async function answerParsed(
    delivery: OrgDelivery,
    caller: Caller,
    id: string,
    { text, own }: { text: string; own: string[] },
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    try {
      const value = parseBody(text);
      const answer = await updatesFor(deps, delivery.runtime.org.slug, caller, id, value);
      const body = JSON.stringify(answer);
      const place = Object.entries(placeHeaders(delivery.runtime.view)).flat();
      own.push('Content-Type', JSON_TYPE, ...place);
      own.push('Content-Length', String(Buffer.byteLength(body)));
      response.writeHead(200, own);
      response.end(body); // text: Node sends it in one piece with the head
    } catch (error) {
      placeLines(response, own);
      answerError(request, response, error, deps.logError);
    }
  }
}

/** Where another hand writes the answer. */
function placeLines(response: ServerResponse, lines: readonly string[]): void {
  if (response.headersSent) return;
  for (let i = 0; i < lines.length; i += 2) response.setHeader(lines[i]!, lines[i + 1]!);
}

const JSON_BODY = /^application\/json(?:; ?charset=utf-8)?$/i;

const isJson = (type: string | undefined): boolean => type !== undefined && JSON_BODY.test(type);

function parseBody(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const message = 'the body is not well-formed JSON';
    throw new WaymarkError('VAL_JSON', message, {}, { cause });
  }
}
