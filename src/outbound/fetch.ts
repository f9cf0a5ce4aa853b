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

/** Whole, and of any status but a redirect. */
export interface OutboundAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

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
  const url = parseTarget(text);
  checkHeaders(request.headers ?? {});
  const { timeoutMs = TIMEOUT_MS, signal } = request;
  // Over the resolver too: a name server may be as slow as its owner likes.
  const timeout = AbortSignal.timeout(timeoutMs);
  const ending = signal ? AbortSignal.any([signal, timeout]) : timeout;
  try {
    const pinned = await orAborted(ending, resolvePinned(url.hostname, policy));
    if (url.protocol === 'http:' && !pinned.isNamed) {
      throw new OutboundError('REFUSED', 'the address must be https');
    }
    return await exchange(url, { ...request, signal: ending }, pinned, policy);
  } catch (cause) {
    signal?.throwIfAborted();
    if (timeout.aborted) throw new OutboundError('TIMED_OUT', 'no answer in time', { cause });
    if (cause instanceof OutboundError) throw cause;
    throw new OutboundError('FAILED', 'the connection failed', { cause });
  }
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

async function exchange(
  url: URL,
  request: OutboundRequest & { signal: AbortSignal },
  pinned: Pinned,
  { allow }: OutboundPolicy,
): Promise<OutboundAnswer> {
  const { method = 'GET', body, isDecoded = false, limitBytes = LIMIT_BYTES, signal } = request;
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
  const { promise, resolve, reject } = Promise.withResolvers<OutboundAnswer>();
  sent.once('socket', (socket) =>
    checkPeer(socket, (peer) => mayConnect(peer, pinned.host, allow)),
  );
  sent.once('response', (response) => {
    const isPacked = isDecoded && method !== 'HEAD';
    collect(response, limitBytes, isPacked).then(resolve, (error: unknown) => {
      reject(error);
      sent.destroy();
    });
  });
  sent.once('error', reject);
  sent.end(body);
  try {
    return await promise;
  } finally {
    agent.destroy();
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

async function collect(
  response: IncomingMessage,
  limitBytes: number,
  isPacked: boolean,
): Promise<OutboundAnswer> {
  const { statusCode: status = 0, headers } = response;
  if (status >= 300 && status < 400 && status !== 304) {
    throw new OutboundError('REDIRECTED', 'the answer is a redirect, which is not followed');
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of isPacked ? decodedBody(response) : response) {
    bytes += (chunk as Buffer).length;
    if (bytes > limitBytes) throw new OutboundError('TOO_LARGE', 'the answer is too large');
    chunks.push(chunk as Buffer);
  }
  return { status, headers, body: Buffer.concat(chunks) };
}
