import type { IncomingHttpHeaders } from 'node:http';
import type { Clock } from '../../model/clock.ts';
import { invalidField, WaymarkError } from '../../model/errors.ts';
import { type OutboundAnswer, outboundFetch } from '../../outbound/fetch.ts';
import { OutboundError, type OutboundPolicy } from '../../outbound/guard.ts';
import { LIMITS } from '../../registry/server-manifest/limits.ts';
import { canonical } from '../contract/http-message.ts';
import { checkAllowed } from './allowed-host.ts';
import type { BindingSecrets } from './binding-secrets.ts';
import { type CallRecord, configOf } from './call-records.ts';
import { originsOf } from './origins.ts';
import { maybeMapIn, maybeNumberIn, maybeTextIn, type Params, textIn } from './params.ts';
import { hasPlaceholder, resolvePlaceholders } from './placeholders.ts';
import { createRequestRate } from './request-rate.ts';

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
const LONGEST_SEC = 5;
const LIMIT_BYTES = 1024 * 1024;
const LONGEST_URL = 8192;

export interface HttpDeps {
  outbound: OutboundPolicy;
  secrets: BindingSecrets;
  clock: Clock;
}

interface Request {
  method: string;
  url: URL;
  headers: Record<string, string>;
  body: Buffer | undefined;
  timeoutMs: number;
}

/** One request to where the plugin was granted to send some. */
export function httpCallbacks({ outbound, secrets, clock }: HttpDeps) {
  const countRequest = createRequestRate(clock);

  return {
    'host.http.do': async (record: CallRecord, params: Params, signal: AbortSignal) => {
      const { url, body, headers: wanted, ...rest } = requestIn(params);
      await checkAllowed(url, rest.method, record, secrets);
      const headers = await resolveHeaders(wanted, url, record, secrets);
      countRequest(record);
      const request = { ...rest, headers, signal, limitBytes: LIMIT_BYTES, isDecoded: true };
      const sent = { ...request, ...(body && { body }) };
      return answerOf(await outboundFetch(url.href, sent, outbound).catch(explainOutbound));
    },
  };
}

function requestIn(params: Params): Request {
  const method = (maybeTextIn(params, 'method', 20) ?? 'GET').trim().toUpperCase() || 'GET';
  if (!METHODS.has(method)) {
    throw invalidField('method', `must be one of ${[...METHODS].join(', ')}`, 'enum');
  }
  const url = URL.parse(textIn(params, 'url', LONGEST_URL));
  if (!url) throw invalidField('url', 'is no URL');
  const timeoutSec = maybeNumberIn(params, 'timeoutSec', 0.001, Number.MAX_SAFE_INTEGER);
  return {
    method,
    url,
    headers: headersIn(params),
    body: bodyIn(params),
    timeoutMs: Math.min(timeoutSec ?? LONGEST_SEC, LONGEST_SEC) * 1000,
  };
}

/** Standard base64, as all bodies of the wire. */
function bodyIn(params: Params): Buffer | undefined {
  const text = maybeTextIn(params, 'body', Math.ceil(LIMITS.requestBytes / 3) * 4) ?? '';
  const body = Buffer.from(text, 'base64');
  if (body.toString('base64') !== text) throw invalidField('body', 'must be standard base64');
  return text === '' ? undefined : body;
}

function headersIn(params: Params): Record<string, string> {
  const headers: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [name, value] of Object.entries(maybeMapIn(params, 'headers') ?? {})) {
    const values: unknown[] = Array.isArray(value) ? value : [value];
    if (!values.every((one) => typeof one === 'string')) {
      throw invalidField('headers', 'must be texts, or lists of them', 'type');
    }
    // `X-A` beside `x-a` is one header, whatever Node makes of it.
    headers[name.toLowerCase()] = values.join(', ');
  }
  return headers;
}

/** Secrets go only where the configuration leads, if it leads anywhere. */
async function resolveHeaders(
  headers: Readonly<Record<string, string>>,
  { origin }: URL,
  record: CallRecord,
  secrets: BindingSecrets,
): Promise<Record<string, string>> {
  checkSize(Object.entries(headers));
  const origins = originsOf(configOf(record));
  const resolved: [string, string][] = [];
  for (const [name, value] of Object.entries(headers)) {
    if (hasPlaceholder(value) && origins.length > 0 && !origins.includes(origin)) {
      const message = `a secret of this configuration is not sent to ${origin}`;
      throw new WaymarkError('PLG_CALLBACK_REFUSED', message);
    }
    resolved.push([name, await resolvePlaceholders(value, record, secrets)]);
  }
  checkSize(resolved);
  const named = { 'user-agent': `waymark-plugin/${record.guest.manifest.id}` };
  return { ...named, ...Object.fromEntries(resolved) };
}

function checkSize(headers: readonly [name: string, value: string][]): void {
  const bytes = headers.reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  if (headers.length <= LIMITS.headers && bytes <= LIMITS.headerBytes) return;
  throw invalidField('headers', `at most ${LIMITS.headers} and ${LIMITS.headerBytes} bytes`);
}

const answerOf = ({ status, headers, body }: OutboundAnswer) => ({
  status,
  headers: listed(headers),
  body: body.toString('base64'),
});

/** Of the body as it was packed on the way. */
const PACKED = new Set(['content-encoding', 'content-length', 'transfer-encoding']);

const listed = (headers: IncomingHttpHeaders): Record<string, string[]> =>
  Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined || PACKED.has(name) ? [] : [[canonical(name), [value].flat()]],
    ),
  );

/** The message names no address: a plugin must not learn what is inside the network. */
export function explainOutbound(error: unknown): never {
  if (!(error instanceof OutboundError)) throw error;
  const { code: reason, message } = error;
  if (reason === 'REFUSED') throw new WaymarkError('INT_ENDPOINT_REFUSED', message);
  if (reason === 'TIMED_OUT') throw new WaymarkError('UPSTREAM_TIMEOUT', message);
  throw new WaymarkError('UPSTREAM_FAILED', message, { details: { reason } });
}
