import { ReadableStream } from 'node:stream/web';

/**
 * A stream for OpenPGP.js that is read only as far as it is consumed.
 *
 * Not `Readable.toWeb`: a source that still flows when the stream is cancelled
 * ends the whole process there ("Controller is already closed", Node 24.21).
 */
export const toWebStream = <T>(source: AsyncIterator<T>): ReadableStream<T> =>
  ReadableStream.from<T>({ [Symbol.asyncIterator]: () => source });
