import type { IncomingMessage } from 'node:http';
import type { Readable, Writable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { WaymarkError } from '../model/errors.ts';

/** Inflated. A fetch only lists objects; a push is also limited by `receive.maxInputSize`. */
const limitBytes = { 'upload-pack': 32 * 1024 * 1024, 'receive-pack': 512 * 1024 * 1024 };

export interface RequestBody {
  /** Passes the body on. A body that breaks off or is too large ends `stdin` early: git then fails. */
  feed(stdin: Writable): void;
}

/** @throws {WaymarkError} `VAL_MEDIA_TYPE` for a content type or encoding that git does not send */
export function requestBody(
  request: IncomingMessage,
  service: 'upload-pack' | 'receive-pack',
): RequestBody {
  // A page of another site can post a form, but not with this type.
  const type = `application/x-git-${service}-request`;
  if (request.headers['content-type'] !== type) {
    throw new WaymarkError('VAL_MEDIA_TYPE', `the content type must be ${type}`);
  }
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (!['identity', 'gzip', 'x-gzip'].includes(encoding)) {
    throw new WaymarkError('VAL_MEDIA_TYPE', 'the content encoding must be gzip, or none');
  }
  return {
    feed(stdin) {
      const body = encoding === 'identity' ? request : inflate(request);
      pass(body, stdin, limitBytes[service], () => request.destroy());
    },
  };
}

function inflate(request: IncomingMessage): Readable {
  const gunzip = createGunzip();
  request.once('close', () => {
    if (!request.complete) gunzip.destroy();
  });
  return request.pipe(gunzip);
}

function pass(body: Readable, stdin: Writable, limit: number, refuse: () => void): void {
  let seenBytes = 0;
  body.on('data', (chunk: Buffer) => {
    seenBytes += chunk.length;
    if (seenBytes > limit) refuse();
  });
  body.on('error', () => stdin.destroy());
  body.once('close', () => {
    if (!body.readableEnded) stdin.destroy();
  });
  // Git may answer before it has read all: the rest is read past, so that the answer arrives.
  stdin.on('error', () => {
    body.unpipe(stdin);
    body.resume();
  });
  body.pipe(stdin);
}
