import { VerificationError } from '../errors.ts';

/** The most that one entry may have: a change carries at most a body of 1 MiB. */
const LIMIT_BYTES = 4 * 1024 * 1024;

/**
 * The lines of a text as it comes. Endless data: a line is cut off rather than collected.
 *
 * @throws {VerificationError} `DOCUMENT_TOO_LARGE`
 */
export async function* linesOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of bytes) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
    if (rest.length > LIMIT_BYTES) {
      const message = `a line of the audit log is longer than ${LIMIT_BYTES} bytes`;
      throw new VerificationError('DOCUMENT_TOO_LARGE', message);
    }
  }
  if (rest !== '') yield rest;
}
