import type { World } from './cli.ts';
import { UsageError } from './errors.ts';

/**
 * What is too secret for an argument, which shows in process lists: read from standard input.
 *
 * @param what such as `password`
 * @throws {UsageError} when there is none
 */
export async function readSecret({ stdin }: World, what: string): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stdin) chunks.push(Buffer.from(chunk));
  const secret = withoutLineEnd(Buffer.concat(chunks).toString());
  if (secret === '') throw new UsageError(`standard input has no ${what}`);
  return secret;
}

/** `echo` and editors end a line; of a private key's last line the end is a part. */
const withoutLineEnd = (text: string): string =>
  /\n./.test(text) ? text : text.replace(/\r?\n$/, '');
