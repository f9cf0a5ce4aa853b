import type { IncomingMessage } from 'node:http';
import { pipeline, type Readable, type Transform } from 'node:stream';
import { createBrotliDecompress, createUnzip } from 'node:zlib';
import { OutboundError } from './guard.ts';

export const ACCEPTED = 'gzip, deflate, br';

const decoders: Record<string, () => Transform> = {
  gzip: createUnzip,
  'x-gzip': createUnzip,
  deflate: createUnzip,
  br: createBrotliDecompress,
};

/**
 * The body as it was before it was packed. It comes in pieces: whoever reads it
 * stops when it is too much, however small it was on the way.
 *
 * @throws {OutboundError} `FAILED` for an encoding that was not asked for
 */
export function decodedBody(response: IncomingMessage): Readable {
  const encoding = response.headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
  if (encoding === 'identity' || encoding === '' || isEmpty(response)) return response;
  // Not by `in`: the word comes from outside.
  const decoder = Object.hasOwn(decoders, encoding) ? decoders[encoding] : undefined;
  if (!decoder) throw new OutboundError('FAILED', 'the answer is packed in an unknown way');
  // What fails on the way is thrown to whoever reads.
  return pipeline(response, decoder(), () => {});
}

/** Nothing at all is no packed nothing. */
const isEmpty = ({ statusCode = 0, headers }: IncomingMessage): boolean =>
  statusCode === 204 || statusCode === 304 || headers['content-length'] === '0';
