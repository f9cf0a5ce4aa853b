import type { IncomingHttpHeaders } from 'node:http';
import { type OutboundAnswer, outboundFetch } from '../../outbound/fetch.ts';
import { OutboundError, type OutboundPolicy } from '../../outbound/guard.ts';
import { ProviderError, type ProviderReason } from './port.ts';

/** Requests to one provider's HTTP API, in JSON. */
export interface Api {
  /** @throws {ProviderError} */
  get(path: string, query?: Readonly<Record<string, string>>): Promise<unknown>;
  /** @throws {ProviderError} */
  post(path: string, body: Readonly<Record<string, unknown>>): Promise<unknown>;
}

export interface ApiRequest {
  method: string;
  url: string;
  headers: Readonly<Record<string, string>>;
  body?: string;
}

/** How requests get there. Throws {@link ProviderError} for what gets no answer. */
export type Send = (request: ApiRequest) => Promise<OutboundAnswer>;

interface ApiOptions {
  apiUrl: string;
  /** With the token. */
  headers: Readonly<Record<string, string>>;
  send: Send;
}

/** Two tries of a person's request, and its push, must fit into a request's 30 s. */
const TIMEOUT_MS = 5_000;
/** A hundred pull requests, each with a long text. */
const LIMIT_BYTES = 16 * 1024 * 1024;
const LOGGED_LENGTH = 500;

export const sendBy =
  (outbound: OutboundPolicy): Send =>
  ({ url, ...request }) => {
    const terms = { timeoutMs: TIMEOUT_MS, limitBytes: LIMIT_BYTES };
    return outboundFetch(url, { ...request, ...terms }, outbound).catch(rethrow);
  };

export function createApi({ apiUrl, headers, send }: ApiOptions): Api {
  async function ask(method: string, path: string, body?: string): Promise<unknown> {
    const type = body === undefined ? {} : { 'content-type': 'application/json' };
    const all = { accept: 'application/json', 'user-agent': 'waymark', ...headers, ...type };
    const given = body === undefined ? {} : { body };
    const answer = await send({ method, url: `${apiUrl}${path}`, headers: all, ...given });
    const said = () => withoutToken(answer.body.toString(), headers).slice(0, LOGGED_LENGTH);
    if (answer.status >= 200 && answer.status < 300) return parse(answer.body, said);
    throw refusalOf(answer, said());
  }

  return {
    get: (path, query = {}) => {
      const search = new URLSearchParams(query).toString();
      return ask('GET', search === '' ? path : `${path}?${search}`);
    },
    post: (path, body) => ask('POST', path, JSON.stringify(body)),
  };
}

function rethrow(cause: unknown): never {
  if (!(cause instanceof OutboundError)) throw cause;
  if (cause.code === 'REFUSED' || cause.code === 'REDIRECTED') {
    throw new ProviderError('address-refused', cause.message, { cause });
  }
  throw new ProviderError('unreachable', 'it cannot be reached, or not in time', { cause });
}

/** For the log: the provider's own words may name anything, and a proxy the headers it was sent. */
function withoutToken(text: string, headers: ApiOptions['headers']): string {
  const tokens = Object.values(headers).map((value) => value.split(' ').at(-1)!);
  return tokens.reduce((said, token) => said.replaceAll(token, '[token]'), text);
}

function parse(body: Buffer, said: () => string): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    // Not the parser's own error, which quotes what it met.
    throw new ProviderError('failed', 'its answer is no JSON', { cause: new Error(said()) });
  }
}

const REFUSALS: Readonly<Record<number, [ProviderReason, string]>> = {
  401: ['credentials-refused', 'it does not know the token'],
  403: ['credentials-refused', 'the token may not do this'],
  404: ['not-found', 'it has no such repository, or the token may not see it'],
  429: ['rate-limited', 'it was asked too often'],
};

function refusalOf({ status, headers }: OutboundAnswer, said: string): ProviderError {
  const about = { cause: new Error(`${status} ${said}`), status };
  if (status === 403 && isLimited(headers)) {
    return new ProviderError('rate-limited', 'it was asked too often', about);
  }
  const [reason, message] = REFUSALS[status] ?? [];
  if (reason && message) return new ProviderError(reason, message, about);
  if (status >= 500) return new ProviderError('failed', `it answered ${status}`, about);
  return new ProviderError('refused', `it refused the request with ${status}`, about);
}

/** GitHub's way to say 429. */
const isLimited = (headers: IncomingHttpHeaders): boolean =>
  headers['retry-after'] !== undefined || headers['x-ratelimit-remaining'] === '0';
