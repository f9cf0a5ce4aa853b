import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ReadyBundle } from '../delivery/bundle-cache.ts';
import type { SignedBody } from '../delivery/signed.ts';
import type { View } from '../delivery/view.ts';
import { WaymarkError } from '../model/errors.ts';

/** An answer whose bytes are at hand. The hot path and Express write it by the same function. */
export interface PreparedAnswer {
  status: number;
  headers: Readonly<Record<string, string>>;
  body: Buffer;
}

export const JSON_TYPE = 'application/json; charset=utf-8';
export const PRIVATE = 'private, no-cache';
export const IMMUTABLE = 'private, max-age=31536000, immutable';

/** What every delivery answer says of where it comes from. */
export const placeHeaders = (view: View | undefined): Record<string, string> => ({
  'X-Waymark-Commit': view?.published.commit ?? '',
  'X-Waymark-Seq': String(view?.sequence ?? 0),
  Vary: 'Authorization',
});

/** A signed document; the signature goes out on a 304 too. */
export function signedAnswer(
  view: View | undefined,
  { body, signature, etag }: SignedBody,
  headers: Readonly<Record<string, string>> = {},
): PreparedAnswer {
  return {
    status: 200,
    headers: {
      'Content-Type': JSON_TYPE,
      'Cache-Control': PRIVATE,
      ETag: etag,
      ...placeHeaders(view),
      'X-Waymark-Signature': Buffer.from(signature).toString('base64'),
      ...headers,
    },
    body,
  };
}

/** Strong, weak and bare forms, and lists of them. */
export function matchesEtag(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  if (header === etag) return true;
  const bare = etag.slice(1, -1);
  return header.split(',').some((part) => {
    const value = part.trim().replace(/^W\//, '');
    return value === '*' || value === etag || value === bare;
  });
}

/**
 * Writes it, or 304 where the client has it. The body of a HEAD is dropped by Node.
 *
 * @param own name, value, name, value: what is this answer's alone
 */
export function writePrepared(
  request: IncomingMessage,
  response: ServerResponse,
  prepared: PreparedAnswer,
  own: readonly string[] = [],
): void {
  const etag = prepared.headers['ETag'];
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  const isKnown = isRead && etag && matchesEtag(request.headers['if-none-match'], etag);
  const lines = linesOf(prepared);
  if (isKnown) {
    response.writeHead(304, own.concat(lines.unchanged));
    response.end();
  } else {
    response.writeHead(prepared.status, own.concat(lines.whole));
    response.end(prepared.body);
  }
}

interface HeaderLines {
  whole: string[];
  unchanged: string[];
}

const linesByAnswer = new WeakMap<PreparedAnswer, HeaderLines>();

/** An answer's headers as one flat list, which Node writes without a look-up of each. */
function linesOf(prepared: PreparedAnswer): HeaderLines {
  const known = linesByAnswer.get(prepared);
  if (known) return known;
  const { 'Content-Type': _type, ...kept } = prepared.headers;
  const unchanged = Object.entries(kept).flat();
  const length = String(prepared.body.length);
  const whole = [...Object.entries(prepared.headers).flat(), 'Content-Length', length];
  const lines = { whole, unchanged };
  linesByAnswer.set(prepared, lines);
  return lines;
}

interface Range {
  start: number;
  end: number;
}

/**
 * The one byte range that a request asks for; undefined: everything. Several
 * ranges at once are answered whole, as the standard allows.
 *
 * @throws {WaymarkError} `VAL_RANGE` for one that lies behind the end
 */
export function rangeOf(request: IncomingMessage, size: number, etag: string): Range | undefined {
  const { range, 'if-range': ifRange } = request.headers;
  if (range === undefined) return undefined;
  // A date or a weak tag cannot vouch for bytes: then everything is sent.
  if (ifRange !== undefined && ifRange !== etag) return undefined;
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(range) ?? [];
  if (first === '' && last === '') return undefined;
  const start = first === '' ? Math.max(size - Number(last), 0) : Number(first);
  const end = first === '' || last === '' ? size : Math.min(Number(last) + 1, size);
  if (start < end) return { start, end };
  throw new WaymarkError('VAL_RANGE', `there are ${size} bytes`, { details: { size } });
}

/** Streams what `read` gives, no faster than the client takes it. */
export async function writeStream(
  request: IncomingMessage,
  response: ServerResponse,
  bundle: ReadyBundle,
  headers: Readonly<Record<string, string>>,
): Promise<void> {
  const { etag, size } = bundle;
  const common = { ...headers, ETag: etag, 'Accept-Ranges': 'bytes' };
  if (matchesEtag(request.headers['if-none-match'], etag)) {
    response.writeHead(304, common);
    response.end();
    return;
  }
  const range = rangeOf(request, size, etag);
  const { start, end } = range ?? { start: 0, end: size };
  const partial = range ? { 'Content-Range': `bytes ${start}-${end - 1}/${size}` } : {};
  const length = String(end - start);
  if (request.method === 'HEAD') {
    response.writeHead(200, { ...common, 'Content-Length': String(size) });
    response.end();
    return;
  }
  let hasBegun = false;
  for await (const chunk of bundle.read(start, end)) {
    if (!hasBegun) {
      // Only once the first block was found whole: before that, an error is still an answer.
      response.writeHead(range ? 206 : 200, { ...common, ...partial, 'Content-Length': length });
      hasBegun = true;
    }
    if (response.destroyed) return;
    if (!response.write(chunk)) await drained(response);
  }
  if (!hasBegun) response.writeHead(200, { ...common, 'Content-Length': length });
  response.end();
}

/** When more may be written, or nobody reads any more. */
function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      response.off('drain', end).off('close', end);
      resolve();
    };
    response.on('drain', end).on('close', end);
  });
}
