// @ts-check

import { bytesOf } from './bytes.js';
import { Headers } from './headers.js';

/** @import { Waymark } from './types.ts' */
/** @typedef {ReturnType<typeof import('./bytes.js').createCodec>} Codec */

const METHODS = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT'];
/** Statuses whose answers have no body. */
const BODILESS = [101, 103, 204, 205, 304];

/**
 * `fetch` and what it takes and gives, over `host.http.do`. Bodies are whole: there are no streams.
 *
 * @param {{waymark: Pick<Waymark, 'call'>, codec: Codec}} port
 */
export function createFetch({ waymark, codec }) {
  class Body {
    /** @type {Uint8Array | null} */
    #bytes;
    #isUsed = false;
    headers;

    /**
     * @param {unknown} content
     * @param {any} headers
     */
    constructor(content, headers) {
      this.headers = new Headers(headers);
      this.#bytes = content === null || content === undefined ? null : this.#read(content);
    }

    get bodyUsed() {
      return this.#isUsed;
    }

    /** Whether there is one: no stream can be had of it. */
    get body() {
      return this.#bytes;
    }

    async bytes() {
      if (this.#isUsed) throw new TypeError('Body is unusable: Body has already been read');
      this.#isUsed = this.#bytes !== null;
      return new Uint8Array(this.#bytes ?? []);
    }

    async arrayBuffer() {
      return (await this.bytes()).buffer;
    }

    async text() {
      return codec.decode(await this.arrayBuffer());
    }

    async json() {
      return JSON.parse(await this.text());
    }

    /** @param {unknown} content */
    #read(content) {
      if (content instanceof ArrayBuffer || ArrayBuffer.isView(content)) {
        return new Uint8Array(bytesOf(content)).slice();
      }
      const isForm = content instanceof globalThis.URLSearchParams;
      const type = isForm ? 'application/x-www-form-urlencoded' : 'text/plain';
      if (!this.headers.has('content-type')) {
        this.headers.set('content-type', `${type};charset=UTF-8`);
      }
      return codec.encode(String(content));
    }
  }

  class Request extends Body {
    /**
     * @param {any} input
     * @param {any} [init]
     */
    constructor(input, init = {}) {
      /** @type {any} */
      const from = input instanceof Request ? input : undefined;
      const given = String(init.method ?? from?.method ?? 'GET');
      const method = METHODS.find((known) => known === given.toUpperCase()) ?? given;
      const content = init.body ?? from?.body ?? null;
      if (content !== null && (method === 'GET' || method === 'HEAD')) {
        throw new TypeError(`Request with ${method} method cannot have body.`);
      }
      super(content, init.headers ?? from?.headers);
      /** @type {string} */
      this.url = new URL(from ? from.url : input).href;
      this.method = method;
      this.signal = init.signal ?? from?.signal ?? new AbortController().signal;
      this.redirect = 'manual';
    }

    clone() {
      return new Request(this);
    }
  }

  class Response extends Body {
    type = 'default';
    redirected = false;
    url = '';

    /**
     * @param {unknown} [content]
     * @param {{status?: number, statusText?: string, headers?: any}} [init]
     */
    constructor(content = null, { status = 200, statusText = '', headers } = {}) {
      if (!Number.isInteger(status) || status < 200 || status > 599) {
        throw new RangeError('init["status"] must be in the range of 200 to 599, inclusive.');
      }
      if (content !== null && BODILESS.includes(status)) {
        throw new TypeError(`Response constructor: Invalid response status code ${status}`);
      }
      super(content, headers);
      this.status = status;
      this.statusText = statusText;
    }

    get ok() {
      return this.status >= 200 && this.status <= 299;
    }

    clone() {
      const { status, statusText, headers, url } = this;
      return Object.assign(new Response(this.body, { status, statusText, headers }), { url });
    }

    /**
     * @param {unknown} content
     * @param {{status?: number, headers?: any}} [init]
     */
    static json(content, init = {}) {
      const headers = new Headers(init.headers);
      if (!headers.has('content-type')) headers.set('content-type', 'application/json');
      return new Response(JSON.stringify(content), { ...init, headers });
    }

    /**
     * @param {string} url
     * @param {number} [status]
     */
    static redirect(url, status = 302) {
      return new Response(null, { status, headers: { location: String(new URL(url)) } });
    }
  }

  /**
   * @param {unknown} input
   * @param {any} [init]
   */
  async function fetch(input, init) {
    const request = new Request(input, init);
    const { method, url, headers, signal } = request;
    const body = codec.toBase64(await request.arrayBuffer());
    signal.throwIfAborted();
    const asked = waymark.call('host.http.do', {
      method,
      url,
      headers: Object.fromEntries(headers),
      body,
    });
    const answer = /** @type {any} */ (await Promise.race([asked, aborted(signal)]));
    const content =
      BODILESS.includes(answer.status) || !answer.body ? null : codec.fromBase64(answer.body);
    const response = new Response(content, { status: answer.status, headers: answer.headers });
    return Object.assign(response, { url, type: 'basic' });
  }

  return { fetch, Headers, Request, Response };
}

/**
 * @param {AbortSignal} signal
 * @returns {Promise<never>}
 */
const aborted = (signal) =>
  new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
