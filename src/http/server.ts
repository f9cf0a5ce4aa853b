import { randomUUID } from 'node:crypto';
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http';
import type { Socket } from 'node:net';
import { describeAnswer, type OnAnswered } from './answered.ts';
import { failureOf } from './envelope.ts';
import { sendFailure } from './errors.ts';
import { requestIdOf } from './request-id.ts';

/** Answers a request if it is one of its own: true. It sets `X-Request-Id` itself. */
export type HotPath = (request: IncomingMessage, response: ServerResponse) => boolean;

interface ServerParts {
  app: RequestListener;
  hotPath: HotPath;
  /** Called once an answer has ended, or its client has gone. */
  onAnswered?: OnAnswered;
  /** How long a client may take to send a request's headers. */
  headersTimeoutMs?: number;
}

const HEADERS_TIMEOUT_MS = 10_000;

/** The hot path first, for it is asked by every client all day; then Express. */
export function createHttpServer(parts: ServerParts): Server {
  const { onAnswered, headersTimeoutMs } = parts;
  const headersTimeout = headersTimeoutMs ?? HEADERS_TIMEOUT_MS;
  const server = createServer({
    headersTimeout,
    // Of the whole server: a push may take long. Each route has its own deadline.
    requestTimeout: 0,
    requireHostHeader: false, // checked here, so that its refusal has our form
    // How often the above is looked at; the default of 30 s would make 10 s into 40.
    connectionsCheckingInterval: Math.min(headersTimeout / 4, 1000),
  });
  const answer: RequestListener = (request, response) => {
    const startedAtMs = performance.now();
    const isHot = answerWith(parts, request, response);
    if (!onAnswered) return;
    const tell = () => onAnswered(describeAnswer(request, response, { startedAtMs, isHot }));
    // A document from memory is sent in one piece: no listener for what has happened already.
    if (response.writableEnded) tell();
    else response.once('close', tell);
  };
  server.on('request', answer);
  // What a client expects beside `100-continue` may be ignored; Node would answer 417 by itself.
  server.on('checkExpectation', answer);
  server.on('clientError', answerParserError);
  return server;
}

/** True when it was the hot path's. */
function answerWith(
  { app, hotPath }: ServerParts,
  request: IncomingMessage,
  response: ServerResponse,
): boolean {
  if (!hasOneHost(request)) refuseHosts(request, response);
  else if (hotPath(request, response)) return true;
  else {
    response.setHeader('X-Request-Id', requestIdOf(request));
    app(request, response);
  }
  return false;
}

/** Of two, each of two proxies in a row could believe another. HTTP/1.0 has none. */
function hasOneHost({ rawHeaders, httpVersion }: IncomingMessage): boolean {
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!;
    if (name.length === 4 && name.toLowerCase() === 'host') hosts += 1;
  }
  return hosts === 1 || (hosts === 0 && httpVersion === '1.0');
}

function refuseHosts(request: IncomingMessage, response: ServerResponse): void {
  response.setHeader('X-Request-Id', requestIdOf(request));
  response.setHeader('Connection', 'close');
  sendFailure(response, 400, { code: 'VAL_FAILED', message: 'send one Host header' });
}

const parserFaults: Record<string, { status: number; message: string }> = {
  HPE_HEADER_OVERFLOW: { status: 431, message: 'the headers are larger than 16 KiB' },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, message: 'the headers did not arrive in time' },
};
const MALFORMED = { status: 400, message: 'this is no well-formed HTTP request' };

/** What Node's parser refuses never becomes a request: the answer is written by hand. */
function answerParserError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const { status, message } = parserFaults[error.code ?? ''] ?? MALFORMED;
  const requestId = randomUUID();
  const body = JSON.stringify(failureOf({ code: 'VAL_FAILED', message }, requestId));
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-Id: ${requestId}`,
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
