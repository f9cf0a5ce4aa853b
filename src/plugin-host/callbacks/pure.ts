import { createHash, createHmac, randomBytes } from 'node:crypto';
import { invalidField } from '../../model/errors.ts';
import { maybeTextIn, numberIn, type Params, textIn } from './params.ts';

const LONGEST_DATA = 4 * 1024 * 1024;
const MOST_RANDOM_BYTES = 65_536;
const ALGORITHMS = new Set(['sha1', 'sha256', 'sha512']);
const ENCODINGS = new Set(['utf8', 'base64', 'hex']);

/**
 * Those that ask nothing of the host, so that a runtime may answer them itself,
 * and at once: `callSync`. But for a key that is a placeholder of a secret.
 *
 * @throws {WaymarkError} `VAL_FAILED`
 */
export const pureCallbacks = {
  'host.url.parse': (params: Params) => {
    const text = textIn(params, 'url');
    const url = URL.parse(text, maybeTextIn(params, 'base'));
    if (!url) throw invalidField('url', 'is no URL');
    const { href, origin, protocol, username, password, host, hostname } = url;
    const { port, pathname, search, hash } = url;
    const rest = { port, pathname, search, hash };
    return { href, origin, protocol, username, password, host, hostname, ...rest };
  },

  'host.crypto.sha256': (params: Params) => ({
    digest: createHash('sha256').update(dataIn(params)).digest('hex'),
  }),

  'host.crypto.hmac': (params: Params) => {
    const algorithm = oneOf(params, 'algorithm', ALGORITHMS, 'sha256');
    const keyEncoding = oneOf(params, 'keyEncoding', ENCODINGS, 'utf8') as BufferEncoding;
    const key = Buffer.from(textIn(params, 'key'), keyEncoding);
    return { digest: createHmac(algorithm, key).update(dataIn(params)).digest('hex') };
  },

  'host.crypto.random': (params: Params) => {
    const bytes = Math.floor(numberIn(params, 'bytes', 0, MOST_RANDOM_BYTES));
    return { base64: randomBytes(bytes).toString('base64') };
  },
} satisfies Record<string, (params: Params) => unknown>;

/** `encoding` says how `data` is written. */
const dataIn = (params: Params): Buffer =>
  Buffer.from(
    textIn(params, 'data', LONGEST_DATA),
    oneOf(params, 'encoding', ENCODINGS, 'utf8') as BufferEncoding,
  );

function oneOf(params: Params, field: string, known: ReadonlySet<string>, otherwise: string) {
  const value = maybeTextIn(params, field) ?? otherwise;
  if (known.has(value)) return value;
  throw invalidField(field, `must be one of ${[...known].join(', ')}`, 'enum');
}
