import http, {
  type IncomingHttpHeaders,
  type IncomingMessage,
  validateHeaderName,
  validateHeaderValue,
} from 'node:http';
import https from 'node:https';
import type { LookupFunction, Socket } from 'node:net';
import { isIP } from 'node:net';
import { mayConnect } from './address.ts';
import { ACCEPTED, decodedBody } from './decode.ts';
import { OutboundError, type OutboundPolicy, type Pinned, resolvePinned } from './guard.ts';

export interface OutboundRequest {
  method?: string;
  headers?: Readonly<Record<string, string>>;
  body?: string | Uint8Array;
  /** Until the whole answer is there. */
  timeoutMs?: number;
  /** Of the answer's body. */
  limitBytes?: number;
  /** Asks for gzip, deflate and br, and undoes them; the limit counts what comes out. */
  isDecoded?: boolean;
  /** Aborted: nobody waits for the answer any more. */
  signal?: AbortSignal;
}

/** Of any status but a redirect. */
interface Answered<Body> {
  status: number;
  headers: IncomingHttpHeaders;
  body: Body;
}

/** Whole. */
export type OutboundAnswer = Answered<Buffer>;

/**
 * As it comes in. The connection is held until the body has been read to its end,
 * or is given up by `return()`, or the request's time is over. Reading throws as
 * {@link outboundFetch} does.
 */
export type OutboundStream = Answered<AsyncGenerator<Buffer, void>>;

const TIMEOUT_MS = 10_000;
const LIMIT_BYTES = 1024 * 1024;
/** They would say another host, or where the body ends, than this code does. */
const OWN_HEADERS = new Set([
  'host',
  'expect',
  'content-length',
  'connection',
  'keep-alive',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/**
 * One request to a host that somebody outside has named. It goes to an address
 * that was checked, through no proxy, and follows no redirect.
 *
 * @throws {OutboundError} every fault but a status of 400 and above
 * @throws the reason of `request.signal`
 */
export async function outboundFetch(
  text: string,
  request: OutboundRequest,
  policy: OutboundPolicy,
): Promise<OutboundAnswer> {
  const { status, headers, body } = await outboundStream(text, request, policy);
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return { status, headers, body: Buffer.concat(chunks) };
}

/** The same, for an answer that is of use before it is whole. */
export async function outboundStream(
  text: string,
  request: OutboundRequest,
  policy: OutboundPolicy,
): Promise<OutboundStream> {
  const url = parseTarget(text);
  checkHeaders(request.headers ?? {});
  const { timeoutMs = TIMEOUT_MS, signal } = request;
  // Over the resolver too: a name server may be as slow as its owner likes.
  const timeout = AbortSignal.timeout(timeoutMs);
  const ending = signal ? AbortSignal.any([signal, timeout]) : timeout;
  const rethrow = (cause: unknown): never => {
    signal?.throwIfAborted();
    if (timeout.aborted) throw new OutboundError('TIMED_OUT', 'no answer in time', { cause });
    if (cause instanceof OutboundError) throw cause;
    throw new OutboundError('FAILED', 'the connection failed', { cause });
  };
  try {
    const pinned = await orAborted(ending, resolveTarget(url, policy));
    const whole = { ...request, signal: ending };
    const { response, end } = await exchange(url, whole, pinned, policy);
    const { statusCode: status = 0, headers } = response;
    return { status, headers, body: bodyOf(response, request, { end, rethrow }) };
  } catch (cause) {
    return rethrow(cause);
  }
}

/** How long a name is looked up for a check that sends nothing. */
const CHECK_MS = 3000;

/**
 * Whether a request would be sent there, as far as can be said without sending it.
 *
 * @throws {OutboundError} `REFUSED`, `UNRESOLVED`, `TIMED_OUT`
 */
export async function checkTarget(text: string, policy: OutboundPolicy): Promise<void> {
  const timeout = AbortSignal.timeout(CHECK_MS);
  try {
    await orAborted(timeout, resolveTarget(parseTarget(text), policy));
  } catch (cause) {
    if (cause instanceof OutboundError) throw cause;
    throw new OutboundError('TIMED_OUT', 'the host was not resolved in time', { cause });
  }
}

async function resolveTarget(url: URL, policy: OutboundPolicy): Promise<Pinned> {
  const pinned = await resolvePinned(url.hostname, policy);
  if (url.protocol === 'https:' || pinned.isNamed) return pinned;
  throw new OutboundError('REFUSED', 'the address must be https');
}

async function orAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason as Error);
  signal.addEventListener('abort', abort, { once: true });
  try {
    signal.throwIfAborted();
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

function parseTarget(text: string): URL {
  const url = URL.parse(text);
  if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw new OutboundError('REFUSED', 'the address must be https');
  }
  if (url.username !== '' || url.password !== '') {
    throw new OutboundError('REFUSED', 'the address must not hold a user or password');
  }
  return url;
}

const isOwnHeader = (name: string): boolean => OWN_HEADERS.has(name.toLowerCase());

function checkHeaders(headers: Readonly<Record<string, string>>): void {
  const own = Object.keys(headers).find(isOwnHeader);
  if (own !== undefined) throw new OutboundError('REFUSED', `the header ${own} cannot be set`);
  for (const [name, value] of Object.entries(headers)) {
    try {
      validateHeaderName(name);
      validateHeaderValue(name, value);
    } catch {
      // A line end would begin another header; and the value may be a secret.
      throw new OutboundError('REFUSED', 'a header has characters that none may have');
    }
  }
}

/** An answer's head, and what ends its connection. */
interface Exchange {
  response: IncomingMessage;
  end: () => void;
}

async function exchange(
  url: URL,
  request: OutboundRequest & { signal: AbortSignal },
  pinned: Pinned,
  { allow }: OutboundPolicy,
): Promise<Exchange> {
  const { method = 'GET', body, isDecoded = false, signal } = request;
  const isSecure = url.protocol === 'https:';
  // An agent of its own: the process's might have been given a proxy.
  const agent = isSecure ? new https.Agent() : new http.Agent();
  const sent = (isSecure ? https : http).request(url, {
    agent,
    method,
    headers: {
      ...request.headers,
      ...(isDecoded && { 'accept-encoding': ACCEPTED }),
      ...(body !== undefined && { 'content-length': Buffer.byteLength(body) }),
    },
    lookup: pinnedLookup(pinned),
    signal,
  });
  const end = () => {
    sent.destroy();
    agent.destroy();
  };
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  sent.once('socket', (socket) =>
    checkPeer(socket, (peer) => mayConnect(peer, pinned.host, allow)),
  );
  sent.once('response', (response) => {
    // Whoever reads is told; nobody may be reading yet.
    response.on('error', () => {});
    resolve(response);
  });
  sent.on('error', reject);
  sent.end(body);
  try {
    const response = await promise;
    refuseRedirect(response);
    return { response, end };
  } catch (error) {
    end();
    throw error;
  }
}

/** Node asks it for names alone, never for a literal: those were checked before. */
function pinnedLookup({ addresses }: Pinned): LookupFunction {
  const found = addresses.map((address) => ({ address, family: isIP(address) }));
  return (_host, { all }, callback) => {
    if (all) callback(null, found);
    else callback(null, found[0]!.address, found[0]!.family);
  };
}

/** The last look, at whom the connection really reached, before a byte is sent. */
function checkPeer(socket: Socket, isAllowed: (address: string) => boolean): void {
  socket.once('connect', () => {
    if (isAllowed(socket.remoteAddress ?? '')) return;
    socket.destroy(new OutboundError('REFUSED', 'the connection reached another address'));
  });
}

function refuseRedirect({ statusCode: status = 0 }: IncomingMessage): void {
  if (status >= 300 && status < 400 && status !== 304) {
    throw new OutboundError('REDIRECTED', 'the answer is a redirect, which is not followed');
  }
}

async function* bodyOf(
  response: IncomingMessage,
  { method, isDecoded = false, limitBytes = LIMIT_BYTES }: OutboundRequest,
  { end, rethrow }: { end: () => void; rethrow: (cause: unknown) => never },
): AsyncGenerator<Buffer, void> {
  let bytes = 0;
  try {
    for await (const chunk of isDecoded && method !== 'HEAD' ? decodedBody(response) : response) {
      bytes += (chunk as Buffer).length;
      if (bytes > limitBytes) throw new OutboundError('TOO_LARGE', 'the answer is too large');
      yield chunk as Buffer;
    }
  } catch (cause) {
    rethrow(cause);
  } finally {
    end();
  }
}
