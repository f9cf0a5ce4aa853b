// @ts-check

import { createHash, createHmac, randomBytes } from 'node:crypto';

const MOST_RANDOM_BYTES = 65_536;
const ALGORITHMS = ['sha256', 'sha1', 'sha512'];
const ENCODINGS = ['utf8', 'base64', 'hex'];

/** @typedef {Readonly<Record<string, unknown>>} Params */

/**
 * What a guest may ask without a round trip, as `pureCallbacks` answer it with one.
 *
 * @type {Readonly<Record<string, (params: Params) => unknown>>}
 */
export const pureCalls = {
  'host.url.parse': (params) => parts(parseUrl(params)),
  'host.crypto.sha256': (params) => ({
    digest: createHash('sha256').update(dataIn(params)).digest('hex'),
  }),
  'host.crypto.hmac': (params) => {
    const algorithm = oneOf(params, 'algorithm', ALGORITHMS);
    const key = Buffer.from(textIn(params, 'key'), encodingIn(params, 'keyEncoding'));
    return { digest: createHmac(algorithm, key).update(dataIn(params)).digest('hex') };
  },
  'host.crypto.random': ({ bytes }) => {
    if (typeof bytes === 'number' && bytes >= 0 && bytes <= MOST_RANDOM_BYTES) {
      return { base64: randomBytes(Math.floor(bytes)).toString('base64') };
    }
    throw refused('bytes', `must be a number from 0 to ${MOST_RANDOM_BYTES}`);
  },
};

/**
 * What the sandbox's `URL` and `URLSearchParams` are made of. Not for scripts.
 *
 * @type {typeof pureCalls}
 */
export const urlCalls = {
  'url.set': (params) => {
    const url = new URL(textIn(params, 'href'));
    const name = /** @type {'hash'} */ (textIn(params, 'name'));
    url[name] = textIn(params, 'value');
    return parts(url);
  },
  'query.parse': (params) => [...new URLSearchParams(textIn(params, 'query'))],
  'query.format': ({ pairs }) =>
    new URLSearchParams(/** @type {[string, string][]} */ (pairs)).toString(),
};

/**
 * @param {Params} params
 * @returns {boolean} whether only the host knows the key
 */
export const needsSecret = ({ key }) => typeof key === 'string' && key.includes('secret:');

/** @param {URL} url */
const parts = ({
  href,
  origin,
  protocol,
  username,
  password,
  host,
  hostname,
  port,
  pathname,
  search,
  hash,
}) => ({
  href,
  origin,
  protocol,
  username,
  password,
  host,
  hostname,
  port,
  pathname,
  search,
  hash,
});

/** @param {Params} params */
function parseUrl(params) {
  const base = params['base'] === undefined ? undefined : textIn(params, 'base');
  const url = URL.parse(textIn(params, 'url'), base);
  if (url) return url;
  throw refused('url', 'is no URL');
}

/**
 * @param {Params} params
 * @param {string} field
 */
function textIn(params, field) {
  const value = params[field];
  if (typeof value === 'string') return value;
  throw refused(field, 'must be a text');
}

/**
 * @param {Params} params
 * @param {string} field
 * @param {readonly string[]} known the first is what it is when absent
 */
function oneOf(params, field, known) {
  const value = params[field] ?? known[0];
  if (typeof value === 'string' && known.includes(value)) return value;
  throw refused(field, `must be one of ${known.join(', ')}`);
}

/**
 * @param {Params} params
 * @param {string} field
 */
const encodingIn = (params, field) =>
  /** @type {BufferEncoding} */ (oneOf(params, field, ENCODINGS));

/** @param {Params} params */
const dataIn = (params) => Buffer.from(textIn(params, 'data'), encodingIn(params, 'encoding'));

/**
 * @param {string} field
 * @param {string} message
 */
const refused = (field, message) =>
  Object.assign(new Error(`${field}: ${message}`), { code: 'VAL_FAILED' });
