import { fromBase64, toBase64, utf8 } from './base64.ts';
import type { HostCall } from './host-bridge.ts';

export interface HttpOptions {
  headers?: Readonly<Record<string, string>>;
  timeoutSec?: number;
}

export interface HttpRequest extends HttpOptions {
  method: string;
  url: string;
  /** Text and bytes go as they are; anything else as JSON. */
  body?: unknown;
}

export interface HttpAnswer {
  status: number;
  /** Whether the status is one of 200 to 299. */
  ok: boolean;
  headers: Readonly<Record<string, readonly string[]>>;
  /** The first value, whatever the case of its name. */
  header(name: string): string | undefined;
  bytes(): Uint8Array;
  text(): string;
  /** @throws {SyntaxError} */
  json<T = unknown>(): T;
}

/** Requests by the host, to where `permissions.http` allows them. Needs no keys of the host's. */
export interface PluginHttp {
  get(url: string, options?: HttpOptions): Promise<HttpAnswer>;
  post(url: string, body?: unknown, options?: HttpOptions): Promise<HttpAnswer>;
  request(request: HttpRequest): Promise<HttpAnswer>;
}

interface WireHttpAnswer {
  status: number;
  headers: Readonly<Record<string, readonly string[]>>;
  body: string;
}

export function createHttp(call: HostCall): PluginHttp {
  async function request({ method, url, headers = {}, body, timeoutSec }: HttpRequest) {
    const sent = encode(body, headers);
    const answer = await call('host.http.do', {
      method,
      url,
      ...sent,
      ...(timeoutSec !== undefined && { timeoutSec }),
    });
    return readAnswer(answer as WireHttpAnswer);
  }
  return {
    request,
    get: (url, options = {}) => request({ ...options, method: 'GET', url }),
    post: (url, body, options = {}) => request({ ...options, method: 'POST', url, body }),
  };
}

function encode(body: unknown, headers: Readonly<Record<string, string>>) {
  if (body === undefined) return { headers, body: '' };
  if (body instanceof Uint8Array) return { headers, body: toBase64(body) };
  if (typeof body === 'string') return { headers, body: toBase64(utf8(body)) };
  const isTyped = Object.keys(headers).some((name) => name.toLowerCase() === 'content-type');
  const typed = isTyped ? headers : { ...headers, 'content-type': 'application/json' };
  return { headers: typed, body: toBase64(utf8(JSON.stringify(body))) };
}

function readAnswer({ status, headers, body }: WireHttpAnswer): HttpAnswer {
  const bytes = () => fromBase64(body);
  const text = () => new TextDecoder().decode(bytes());
  return {
    status,
    ok: status >= 200 && status < 300,
    headers,
    header: (name) =>
      Object.entries(headers).find(([one]) => one.toLowerCase() === name.toLowerCase())?.[1][0],
    bytes,
    text,
    json: <T>() => JSON.parse(text()) as T,
  };
}
