// @ts-check

/** @typedef {(name: string, params: object) => any} CallSync */

const WRITABLE = /** @type {const} */ ([
  'protocol',
  'username',
  'password',
  'host',
  'hostname',
  'port',
  'pathname',
  'search',
  'hash',
]);

/**
 * `URL` and `URLSearchParams`, by the thread's own: what a host allows and what
 * a guest reads must be one and the same URL.
 *
 * @param {CallSync} callSync
 */
export function createUrl(callSync) {
  class URLSearchParams {
    /** @type {[string, string][]} */
    #pairs = [];
    /** Told of each change. @type {(() => void) | undefined} */
    #changed;

    /**
     * @param {any} [init]
     * @param {() => void} [changed]
     */
    constructor(init = '', changed) {
      this.#pairs = pairsOf(init);
      this.#changed = changed;
    }

    get size() {
      return this.#pairs.length;
    }

    /** @param {string} name */
    get(name) {
      return this.#pairs.find(([key]) => key === `${name}`)?.[1] ?? null;
    }

    /** @param {string} name */
    getAll(name) {
      return this.#pairs.filter(([key]) => key === `${name}`).map(([, value]) => value);
    }

    /**
     * @param {string} name
     * @param {string} [value]
     */
    has(name, value) {
      const all = this.getAll(name);
      return value === undefined ? all.length > 0 : all.includes(`${value}`);
    }

    /**
     * @param {string} name
     * @param {string} value
     */
    append(name, value) {
      this.#change([...this.#pairs, [`${name}`, `${value}`]]);
    }

    /**
     * @param {string} name
     * @param {string} value
     */
    set(name, value) {
      const first = this.#pairs.findIndex(([key]) => key === `${name}`);
      if (first === -1) return this.append(name, value);
      const others = this.#pairs.filter(([key], i) => i <= first || key !== `${name}`);
      return this.#change(others.with(first, [`${name}`, `${value}`]));
    }

    /**
     * @param {string} name
     * @param {string} [value]
     */
    delete(name, value) {
      const isMeant = (/** @type {[string, string]} */ [key, one]) =>
        key === `${name}` && (value === undefined || one === `${value}`);
      this.#change(this.#pairs.filter((pair) => !isMeant(pair)));
    }

    sort() {
      this.#change(this.#pairs.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
    }

    /** @param {(value: string, name: string, params: URLSearchParams) => void} visit */
    forEach(visit) {
      for (const [name, value] of this.#pairs) visit(value, name, this);
    }

    *entries() {
      for (const [name, value] of this.#pairs) yield [name, value];
    }

    *keys() {
      for (const [name] of this.#pairs) yield name;
    }

    *values() {
      for (const [, value] of this.#pairs) yield value;
    }

    [Symbol.iterator]() {
      return this.entries();
    }

    toString() {
      return callSync('query.format', { pairs: this.#pairs });
    }

    /** @param {[string, string][]} pairs */
    #change(pairs) {
      this.#pairs = pairs;
      this.#changed?.();
    }
  }

  /**
   * @param {any} init
   * @returns {[string, string][]}
   */
  function pairsOf(init) {
    if (typeof init !== 'object' || init === null) {
      return callSync('query.parse', { query: `${init}` });
    }
    const pairs = typeof init[Symbol.iterator] === 'function' ? [...init] : Object.entries(init);
    return pairs.map(([name, value]) => [`${name}`, `${value}`]);
  }

  class URL {
    /** @type {Record<string, string>} */
    #parts;
    /** @type {URLSearchParams} */
    #params;

    /**
     * @param {unknown} url
     * @param {unknown} [base]
     */
    constructor(url, base) {
      this.#parts = parse(url, base);
      this.#params = this.#linked();
    }

    get href() {
      return /** @type {string} */ (this.#parts['href']);
    }

    set href(url) {
      this.#parts = parse(url);
      this.#params = this.#linked();
    }

    get origin() {
      return this.#parts['origin'];
    }

    get searchParams() {
      return this.#params;
    }

    toString() {
      return this.href;
    }

    toJSON() {
      return this.href;
    }

    #linked() {
      /** @type {URLSearchParams} */
      const params = new URLSearchParams(this.#parts['search'], () =>
        this.#set('search', params.toString()),
      );
      return params;
    }

    /**
     * @param {string} name
     * @param {any} value
     */
    #set(name, value) {
      this.#parts = callSync('url.set', { href: this.href, name, value: `${value}` });
    }

    /**
     * @param {unknown} url
     * @param {unknown} [base]
     */
    static canParse(url, base) {
      return URL.parse(url, base) !== null;
    }

    /**
     * @param {unknown} url
     * @param {unknown} [base]
     */
    static parse(url, base) {
      try {
        return new URL(url, base);
      } catch {
        return null;
      }
    }

    static {
      for (const name of WRITABLE) {
        Object.defineProperty(URL.prototype, name, {
          enumerable: true,
          configurable: true,
          /** @this {URL} */
          get() {
            return this.#parts[name];
          },
          /** @this {URL} */
          set(value) {
            this.#set(name, value);
            if (name === 'search') this.#params = this.#linked();
          },
        });
      }
    }
  }

  /**
   * @param {any} url
   * @param {any} [base]
   * @returns {Record<string, string>}
   */
  function parse(url, base) {
    try {
      return callSync('host.url.parse', {
        url: `${url}`,
        base: base === undefined ? base : `${base}`,
      });
    } catch {
      throw new TypeError('Invalid URL');
    }
  }

  return { URL, URLSearchParams };
}
