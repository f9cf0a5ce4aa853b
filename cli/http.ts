import { Failure, ServerRefusal, VerificationError } from './errors.ts';

/** One server, and who asks. */
export interface Connection {
  /** Without a trailing slash. */
  url: string;
  token?: string;
  /** Sent as `X-Waymark-Org`, for credentials that stand for no org. */
  org?: string;
}

export interface Request {
  method?: string;
  path: string;
  query?: Record<string, string | undefined>;
  headers?: Record<string, string>;
  /** Sent as JSON. */
  body?: unknown;
  /** The most that is read of the answer. */
  limitBytes: number;
  timeoutMs?: number;
}

export interface Answer {
  url: string;
  status: number;
  headers: Headers;
  body: Buffer;
}

const TIMEOUT_MS = 60_000;
const ERROR_LIMIT_BYTES = 64 * 1024;

/**
 * @throws {ServerRefusal} for any status of 400 and above
 * @throws {VerificationError} `DOCUMENT_TOO_LARGE` when the answer goes on beyond its limit
 * @throws {Failure} when there is no answer
 */
export async function request(connection: Connection, asked: Request): Promise<Answer> {
  const response = await open(connection, asked);
  if (response.status >= 400) throw await toRefusal(response);
  const body = await readLimited(response, asked.limitBytes);
  return { url: response.url, status: response.status, headers: response.headers, body };
}

/** The answer before its body was read. The caller reads it, or cancels it. */
export async function open(connection: Connection, asked: Request): Promise<Response> {
  const url = urlOf(connection, asked);
  try {
    return await fetch(url, {
      method: asked.method ?? 'GET',
      headers: headersOf(connection, asked),
      ...(asked.body === undefined ? {} : { body: JSON.stringify(asked.body) }),
      // A redirect would carry the token wherever the server says.
      redirect: 'error',
      signal: AbortSignal.timeout(asked.timeoutMs ?? TIMEOUT_MS),
    });
  } catch (cause) {
    throw new Failure(`${url.origin} does not answer: ${reasonOf(cause)}`, { cause });
  }
}

function urlOf(connection: Connection, { path, query = {} }: Request): URL {
  const url = new URL(connection.url + path);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) url.searchParams.set(name, value);
  }
  return url;
}

function headersOf({ token, org }: Connection, { headers, body }: Request): Headers {
  const all = new Headers(headers);
  // A signature and a byte range are over the bytes as stored.
  all.set('accept-encoding', 'identity');
  if (token) all.set('authorization', `Bearer ${token}`);
  if (org) all.set('x-waymark-org', org);
  if (body !== undefined) all.set('content-type', 'application/json');
  return all;
}

/** Endless data: neither a false length nor none at all makes us read more than the limit. */
export async function readLimited(response: Response, limitBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of response.body ?? []) {
      size += chunk.length;
      if (size > limitBytes) throw tooLarge(response.url, limitBytes);
      chunks.push(chunk);
    }
  } catch (cause) {
    if (cause instanceof VerificationError) throw cause;
    throw new Failure(`${response.url} broke off: ${reasonOf(cause)}`, { cause });
  }
  return Buffer.concat(chunks);
}

function tooLarge(url: string, limitBytes: number): VerificationError {
  const message = `${url} is larger than the ${limitBytes} bytes that it may have`;
  return new VerificationError('DOCUMENT_TOO_LARGE', message);
}

interface Refusal {
  code?: string;
  message?: string;
  details?: unknown;
}

/** Where a plugin may write the body, `error` is a text, and the rest stands beside it. */
type Envelope = { error?: Refusal } | (Refusal & { error: string });

export async function toRefusal(response: Response): Promise<ServerRefusal> {
  const { status } = response;
  const text = await readLimited(response, ERROR_LIMIT_BYTES).catch(() => Buffer.alloc(0));
  try {
    const said = JSON.parse(text.toString()) as Envelope;
    const { error } = said;
    const refusal = typeof error === 'string' ? { ...said, message: error } : error;
    if (refusal?.message) {
      const { code = 'UNKNOWN', message, details } = refusal as Refusal & { message: string };
      return new ServerRefusal(status, code, message, details);
    }
  } catch {
    // Not ours: a proxy's page, most likely. The status says more than its text.
  }
  return new ServerRefusal(status, 'UNKNOWN', `${response.url} answered ${status}`);
}

export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? reasonOf(error.cause) : error.message;
}
