import { LIMITS } from '../../registry/server-manifest/limits.ts';
import { fieldsAt, listAt, mapAt, textAt, violation } from './shape.ts';
import type { WireRequest } from './wire.ts';

/** A request, as it came in. */
export interface PlainRequest {
  method: string;
  path: string;
  /** By lower-case name. */
  headers: Readonly<Record<string, readonly string[] | undefined>>;
  query: URLSearchParams;
  body: Buffer;
}

/** What a plugin answered, as it may go out. */
export interface PluginAnswer {
  status: number;
  /** By lower-case name; those that are allowed. */
  headers: Readonly<Record<string, string>>;
  body: Buffer;
}

/** What a redirect may lead to, and from where. */
export interface AnswerPlace {
  /** The request's own path, which a relative redirect starts at. */
  path: string;
  /** Where the plugin is served, without a slash at the end. */
  roots: readonly string[];
}

/** Credentials, what only the next hop means, and what a proxy before this server says of the caller. */
const KEPT_BACK =
  /^(?:authorization|cookie|x-api-key|x-management-key|x-csrf-token|proxy-.*|x-forwarded-.*|connection|keep-alive|te|trailer|transfer-encoding|upgrade)$/;

/** Without what would tell the plugin who calls by which credential. */
export function encodeRequest({
  method,
  path,
  headers,
  query,
  body,
}: PlainRequest): Omit<WireRequest, 'host_callback_id'> {
  const hops = new Set(namesIn(headers['connection']));
  const passed = Object.entries(headers).flatMap(([name, values]) =>
    values === undefined || KEPT_BACK.test(name) || hops.has(name)
      ? []
      : [[canonical(name), values] as const],
  );
  return {
    Method: method,
    Path: path,
    Headers: Object.fromEntries(passed),
    Query: Object.fromEntries(
      [...Map.groupBy(query, ([name]) => name)].map(([name, all]) => [name, all.map(([, v]) => v)]),
    ),
    Body: body.toString('base64'),
  };
}

const namesIn = (values: readonly string[] = []): string[] =>
  values.flatMap((value) => value.split(',')).map((name) => name.trim().toLowerCase());

/** `content-type` → `Content-Type` */
export const canonical = (name: string): string =>
  name.replace(/(?:^|-)[a-z]/g, (start) => start.toUpperCase());

const LISTS = /^(?:cache-control|content-language|vary|x-plugin-[a-z0-9-]+)$/;
const SINGLE = /^(?:content-type|content-disposition|etag|last-modified|location|retry-after)$/;
/** What no header's value may have: a line's end would begin another header, or the body. */
const NO_VALUE = /[^\t\x20-\x7e\x80-\xff]/;
const BODILESS: ReadonlySet<number> = new Set([204, 205, 304]);

/**
 * What `management.handle` or `api.handle` answered. Headers that are not allowed are left out, and
 * so is a redirect that leads away from the plugin.
 *
 * @throws {ContractViolation} also `PLG_BAD_RESPONSE`: a status outside of 200 to 599, a body that
 * is no base64, or too much of either
 */
export function decodeAnswer(value: unknown, place: AnswerPlace): PluginAnswer {
  const { status, headers, body: sent } = readAnswer(value, '');
  const body = BODILESS.has(status) ? Buffer.alloc(0) : sent;
  const { location, ...others } = headers;
  const target = location === undefined ? undefined : within(location, place);
  return {
    status,
    headers: {
      ...(body.length === 0 ? {} : { 'content-type': typeOf(body) }),
      ...others,
      ...(target === undefined ? {} : { location: target }),
    },
    body,
  };
}

const readAnswer = fieldsAt(['StatusCode', 'Headers', 'Body'], (fields) => ({
  status: statusIn(fields.StatusCode),
  headers: headersIn(fields.Headers ?? {}),
  body: bodyIn(fields.Body),
}));

function statusIn(value: unknown): number {
  const status = value === undefined || value === null || value === 0 ? 200 : value;
  if (typeof status === 'number' && Number.isInteger(status) && status >= 200 && status <= 599) {
    return status;
  }
  throw violation('StatusCode', 'is no status from 200 to 599');
}

function headersIn(value: unknown): Record<string, string> {
  const given = Object.entries(mapAt(value, 'Headers')).map(
    ([name, values]) => [name.toLowerCase(), valuesIn(values, `Headers.${name}`)] as const,
  );
  const bytes = given.reduce((sum, [name, values]) => sum + name.length + values.join().length, 0);
  if (given.length > LIMITS.headers || bytes > LIMITS.headerBytes) {
    throw violation('Headers', `are more than ${LIMITS.headers}, or ${LIMITS.headerBytes} bytes`);
  }
  const headers: Record<string, string> = {};
  for (const [name, all] of Map.groupBy(given, ([one]) => one)) {
    const values = all.flatMap(([, own]) => own);
    if (LISTS.test(name) && values.length > 0) headers[name] = values.join(', ');
    else if (SINGLE.test(name) && values[0] !== undefined) headers[name] = values[0];
  }
  return headers;
}

function valuesIn(value: unknown, at: string): string[] {
  const text = textAt(LIMITS.headerBytes);
  const values = typeof value === 'string' ? [value] : listAt(LIMITS.headers, text)(value, at);
  if (values.some((one) => NO_VALUE.test(one))) throw violation(at, 'is no header’s value');
  return values;
}

function bodyIn(value: unknown): Buffer {
  if (value === undefined || value === null) return Buffer.alloc(0);
  if (typeof value !== 'string') throw violation('Body', 'is no text');
  const body = Buffer.from(value, 'base64');
  // Node reads much that is no base64: only what it would write itself is.
  if (body.toString('base64') !== value) throw violation('Body', 'is no standard base64');
  if (body.length > LIMITS.answerBytes) throw violation('Body', 'is too large');
  return body;
}

/** Undefined for an address outside of the plugin. */
function within(location: string, { path, roots }: AnswerPlace): string | undefined {
  const origin = 'http://plugin.invalid';
  const target = URL.parse(location, origin + path);
  if (target?.origin !== origin || target.username !== '' || target.password !== '')
    return undefined;
  const isInside = roots.some((root) => target.pathname.startsWith(`${root}/`));
  return isInside ? target.pathname + target.search + target.hash : undefined;
}

const JSON_TYPE = 'application/json; charset=utf-8';

const typeOf = (body: Buffer): string =>
  looksLikeJson(body) ? JSON_TYPE : 'text/plain; charset=utf-8';

const looksLikeJson = (body: Buffer): boolean => /^\s*[{[]/.test(body.toString('latin1', 0, 256));

/**
 * JSON whose bytes are no markup, whatever reads them: `<`, `>`, `&` and the two separators of lines
 * that are no line's end in JSON become `\uXXXX`, which is the same text. In JSON they can only stand
 * in a text.
 */
export function inert({ status, headers, body }: PluginAnswer): PluginAnswer {
  const isJson = /[/+]json\b/i.test(headers['content-type'] ?? '') || isWholeJson(body);
  return { status, headers, body: isJson ? inertJson(body) : body };
}

/** Of bytes, since not everything that says it is JSON is UTF-8. */
export const inertJson = (body: Buffer): Buffer =>
  Buffer.from(
    body
      .toString('latin1')
      .replace(/[<>&]/g, (sign) => `\\u00${sign.charCodeAt(0).toString(16)}`)
      .replace(/\xe2\x80[\xa8\xa9]/g, (bytes) => (bytes.endsWith('\xa8') ? '\\u2028' : '\\u2029')),
    'latin1',
  );

function isWholeJson(body: Buffer): boolean {
  if (!looksLikeJson(body)) return false;
  try {
    JSON.parse(body.toString());
    return true;
  } catch {
    return false;
  }
}
