import http, { type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import https from 'node:https';
import type { LookupFunction, Socket } from 'node:net';
import { isIP } from 'node:net';
import { mayConnect } from './address.ts';
import { OutboundError, type OutboundPolicy, type Pinned, resolvePinned } from './guard.ts';

export interface OutboundRequest {
  method?: string;
  headers?: Readonly<Record<string, string>>;
  body?: string | Uint8Array;
  /** Until the whole answer is there. */
  timeoutMs?: number;
  /** Of the answer's body. */
  limitBytes?: number;
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
 */
export async function outboundFetch(
  text: string,
  request: OutboundRequest,
  policy: OutboundPolicy,
): Promise<OutboundAnswer> {
  const url = parseTarget(text);
  checkHeaders(request.headers ?? {});
  const pinned = await resolvePinned(url.hostname, policy);
  if (url.protocol === 'http:' && !pinned.isNamed) {
    throw new OutboundError('REFUSED', 'the address must be https');
  }
  return await exchange(url, request, pinned, policy);
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

function checkHeaders(headers: Readonly<Record<string, string>>): void {
  const own = Object.keys(headers).find((name) => OWN_HEADERS.has(name.toLowerCase()));
  if (own !== undefined) throw new OutboundError('REFUSED', `the header ${own} cannot be set`);
}

async function exchange(
  url: URL,
  {
    method = 'GET',
    headers = {},
    body,
    timeoutMs = TIMEOUT_MS,
    limitBytes = LIMIT_BYTES,
  }: OutboundRequest,
  pinned: Pinned,
  { allow }: OutboundPolicy,
): Promise<OutboundAnswer> {
  const isSecure = url.protocol === 'https:';
  const signal = AbortSignal.timeout(timeoutMs);
  // An agent of its own: the process's might have been given a proxy.
  const agent = isSecure ? new https.Agent() : new http.Agent();
  const sent = (isSecure ? https : http).request(url, {
    agent,
    method,
    headers: { ...headers, ...(body === undefined ? {} : { 'content-length': byteLength(body) }) },
    lookup: pinnedLookup(pinned),
    signal,
  });
  const { promise, resolve, reject } = Promise.withResolvers<OutboundAnswer>();
  sent.once('socket', (socket) =>
    checkPeer(socket, (peer) => mayConnect(peer, pinned.host, allow)),
  );
  sent.once('response', (response) => {
    collect(response, limitBytes).then(resolve, (error: unknown) => {
      reject(error);
      sent.destroy();
    });
  });
  sent.once('error', reject);
  sent.end(body);
  try {
    return await promise;
  } catch (cause) {
    if (cause instanceof OutboundError) throw cause;
    if (signal.aborted) throw new OutboundError('TIMED_OUT', 'no answer in time', { cause });
    throw new OutboundError('FAILED', 'the connection failed', { cause });
  } finally {
    agent.destroy();
  }
}

const byteLength = (body: string | Uint8Array): number => Buffer.byteLength(body);

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

async function collect(response: IncomingMessage, limitBytes: number): Promise<OutboundAnswer> {
  const { statusCode: status = 0, headers } = response;
  if (status >= 300 && status < 400 && status !== 304) {
    throw new OutboundError('REDIRECTED', 'the answer is a redirect, which is not followed');
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > limitBytes) throw new OutboundError('TOO_LARGE', 'the answer is too large');
    chunks.push(chunk);
  }
  return { status, headers, body: Buffer.concat(chunks) };
}
