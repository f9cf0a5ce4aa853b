import express, { type Request, type Response } from 'express';
import { WaymarkError } from '../model/errors.ts';
import type { PlainRequest } from '../plugin-host/contract/http-message.ts';
import { LIMITS } from '../registry/server-manifest/limits.ts';

const parseRaw = express.raw({ limit: LIMITS.requestBytes, type: () => true });

/** Of the body as it was sent, which is unpacked here. */
const OF_PACKED = ['content-encoding', 'content-length'];

/**
 * All of a request but its path, which is the place's to say.
 *
 * @throws {WaymarkError} `VAL_FAILED` for too many headers; the body's parser its own errors
 */
export async function readPluginRequest(
  request: Request,
  response: Response,
): Promise<Omit<PlainRequest, 'path'>> {
  const headers = { ...request.headersDistinct };
  if (Object.keys(headers).length > LIMITS.headers) {
    throw new WaymarkError('VAL_FAILED', `send at most ${LIMITS.headers} headers`);
  }
  await new Promise<void>((resolve, reject) => {
    parseRaw(request, response, (error?: unknown) => (error ? reject(error) : resolve()));
  });
  const body: unknown = request.body;
  const isPacked = (headers['content-encoding'] ?? ['identity'])[0]?.toLowerCase() !== 'identity';
  if (isPacked) for (const name of OF_PACKED) delete headers[name];
  return {
    method: request.method,
    headers,
    query: queryOf(request),
    body: Buffer.isBuffer(body) ? body : Buffer.alloc(0),
  };
}

/** From the URL as it was sent: a router takes its own place off `request.url`. */
export const queryOf = ({ originalUrl }: Request): URLSearchParams =>
  new URLSearchParams(/\?([^#]*)/.exec(originalUrl)?.[1] ?? '');

/** As it was sent: nothing is decoded, and no dots are followed. */
export const rawPathOf = ({ originalUrl }: Request): string => /^[^?#]*/.exec(originalUrl)![0];

/** Aborted once nobody waits for the answer any more. */
export function goneSignal(response: Response): AbortSignal {
  const gone = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) gone.abort();
  });
  return gone.signal;
}
