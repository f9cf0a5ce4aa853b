import { fromBase64, textOf, toBase64, utf8 } from './base64.ts';
import type { WireAnswer, WireRequest } from './wire.ts';

/** Only the path and the query mean something: a plugin is not told where it is served. */
const PLACE = 'https://waymark.invalid';

/** The body of a raw request. */
export const bodyText = ({ Body }: Pick<WireRequest, 'Body'>): string => textOf(Body);

/** @throws {SyntaxError} */
export const bodyJson = <T = unknown>(request: Pick<WireRequest, 'Body'>): T =>
  JSON.parse(bodyText(request)) as T;

export interface ReplyOptions {
  status?: number;
  headers?: Readonly<Record<string, string>>;
}

/** An answer of a raw handler: text as it is, anything else as JSON. */
export function reply(
  body: unknown,
  { status = 200, headers = {} }: ReplyOptions = {},
): WireAnswer {
  const isText = typeof body === 'string';
  const type = isText ? 'text/plain; charset=utf-8' : 'application/json';
  return {
    StatusCode: status,
    Headers: { 'Content-Type': type, ...headers },
    Body: toBase64(utf8(isText ? body : JSON.stringify(body))),
  };
}

/** An HTML page. */
export const html = (markup: string, options: ReplyOptions = {}): WireAnswer =>
  reply(markup, {
    ...options,
    headers: { 'Content-Type': 'text/html; charset=utf-8', ...options.headers },
  });

/** A `Response` in the wire's form; what is in it already stays. */
export async function toWireAnswer(answer: Response | WireAnswer | undefined): Promise<WireAnswer> {
  if (!(answer instanceof Response)) return checkAnswer(answer ?? { StatusCode: 204 });
  const bytes = new Uint8Array(await answer.arrayBuffer());
  const headers: Record<string, string[]> = {};
  answer.headers.forEach((value, name) => {
    headers[name] = [value];
  });
  return { StatusCode: answer.status, Headers: headers, Body: toBase64(bytes) };
}

const ANSWER_KEYS: ReadonlySet<string> = new Set(['statuscode', 'headers', 'body']);

/** The host drops what it does not know, and an object that was meant as JSON would be an empty answer. */
function checkAnswer(answer: WireAnswer): WireAnswer {
  const keys = Object.keys(answer);
  if (keys.length === 0 || keys.some((key) => ANSWER_KEYS.has(key.toLowerCase()))) return answer;
  const shown = `an object with ${keys.slice(0, 3).join(', ')}`;
  throw new TypeError(`a handler answers a Response or what reply() makes, not ${shown}`);
}

/** What `new Request` takes, of a request on the wire. */
export function requestParts(wire: WireRequest): [url: string, init: RequestInit] {
  const query = new URLSearchParams();
  for (const [name, values] of Object.entries(wire.Query)) {
    for (const value of values) query.append(name, value);
  }
  const headers = new Headers();
  for (const [name, values] of Object.entries(wire.Headers)) {
    for (const value of values) headers.append(name, value);
  }
  const hasBody = wire.Body !== '' && wire.Method !== 'GET' && wire.Method !== 'HEAD';
  const search = query.toString();
  return [
    `${PLACE}${wire.Path}${search && `?${search}`}`,
    { method: wire.Method, headers, ...(hasBody && { body: fromBase64(wire.Body) }) },
  ];
}
