// @ts-check

const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const FORBIDDEN = /[\0\r\n]/;

/** As the Fetch standard has it, without guards: the host decides what is sent. */
export class Headers {
  /** By name in lower case. @type {Map<string, string[]>} */
  #values = new Map();

  /** @param {any} [init] */
  constructor(init = []) {
    const pairs =
      typeof init?.[Symbol.iterator] === 'function' ? [...init] : Object.entries(init ?? {});
    for (const [name, value] of pairs) {
      for (const one of Array.isArray(value) ? value : [value]) this.append(name, one);
    }
  }

  /**
   * @param {unknown} name
   * @param {unknown} value
   */
  append(name, value) {
    const key = checkedName(name);
    this.#values.set(key, [...(this.#values.get(key) ?? []), checkedValue(value)]);
  }

  /**
   * @param {unknown} name
   * @param {unknown} value
   */
  set(name, value) {
    this.#values.set(checkedName(name), [checkedValue(value)]);
  }

  /** @param {unknown} name */
  get(name) {
    return this.#values.get(checkedName(name))?.join(', ') ?? null;
  }

  /** @param {unknown} name */
  has(name) {
    return this.#values.has(checkedName(name));
  }

  /** @param {unknown} name */
  delete(name) {
    this.#values.delete(checkedName(name));
  }

  getSetCookie() {
    return [...(this.#values.get('set-cookie') ?? [])];
  }

  /** @param {(value: string, name: string, headers: Headers) => void} visit */
  forEach(visit) {
    for (const [name, value] of this.entries()) visit(value, name, this);
  }

  /** @returns {Generator<[string, string]>} */
  *entries() {
    for (const name of [...this.#values.keys()].sort()) {
      const values = this.#values.get(name) ?? [];
      if (name === 'set-cookie') for (const value of values) yield [name, value];
      else yield [name, values.join(', ')];
    }
  }

  *keys() {
    for (const [name] of this.entries()) yield name;
  }

  *values() {
    for (const [, value] of this.entries()) yield value;
  }

  [Symbol.iterator]() {
    return this.entries();
  }
}

/** @param {any} name */
function checkedName(name) {
  const text = `${name}`;
  if (NAME.test(text)) return text.toLowerCase();
  throw new TypeError(`Headers: ${text.slice(0, 100)} is no header's name`);
}

/** @param {any} value */
function checkedValue(value) {
  const text = `${value}`.replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, '');
  if (!FORBIDDEN.test(text)) return text;
  throw new TypeError('Headers: a value has a line break or NUL');
}
