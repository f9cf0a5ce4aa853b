import { type Budget, KEY, MAX_DEPTH, NOT_SIMPLE, put } from './yaml-subset.ts';

/** What else begins a text begins something else in YAML as well. */
const START = String.raw`(?:[A-Za-z0-9_/(\u00a1-\u{10ffff}]|\.\.?/)`;
const PLAIN = new RegExp(`^${START}`, 'u');
const PLAIN_END = /: | #|[: ]$|\t/;
const QUOTED = /^(?:'[^'\t]*'|"[^"\\\t]*")$/;

const FLOW_KEY = new RegExp(`(${KEY}): `, 'y');
const FLOW_QUOTED = /'[^'\t]*'|"[^"\\\t]*"/y;
/** A colon inside a word, as in `team:sales`, ends nothing. */
const FLOW_PLAIN = /-?(?:[^,[\]{}:#\t'" -]|\.\.?\/)(?:[^,[\]{}:#\t]|:(?=[A-Za-z0-9/]))*/y;

const INTEGER = /^(?:0|-?[1-9][0-9]{0,14})$/;
/** Every number of the core schema that begins with a digit is made of these. */
const NUMBER_LIKE = /^[0-9][0-9A-Fa-fxXoO.+-]*$/;
const VERSION = /^[0-9]+\.[0-9]+\.[0-9]+$/;

const CONSTANTS = new Map<string, unknown>([
  ['true', true],
  ['false', false],
  ['null', null],
]);

/** A value that stands on one line: all of `text`, up to the line's end. */
export function readInline(text: string, depth: number, budget: Budget): unknown {
  if (text[0] === '[' || text[0] === '{') return new FlowReader(text, budget).read(depth + 1);
  if (QUOTED.test(text)) return text.slice(1, -1);
  if (PLAIN_END.test(text)) throw NOT_SIMPLE;
  return readPlain(text);
}

function readPlain(text: string): unknown {
  if (INTEGER.test(text)) return Number(text);
  if (!PLAIN.test(text)) throw NOT_SIMPLE;
  if (NUMBER_LIKE.test(text) && !VERSION.test(text)) throw NOT_SIMPLE;
  if (text.length > 5) return text;
  const lower = text.toLowerCase();
  if (!CONSTANTS.has(lower)) return text;
  if (lower !== text) throw NOT_SIMPLE;
  return CONSTANTS.get(text);
}

/** `{key: value}` and `[value]` on one line. */
class FlowReader {
  readonly #text: string;
  readonly #budget: Budget;
  #at = 0;

  constructor(text: string, budget: Budget) {
    this.#text = text;
    this.#budget = budget;
  }

  read(depth: number): unknown {
    const value = this.#value(depth);
    if (this.#at !== this.#text.length) throw NOT_SIMPLE;
    return value;
  }

  #value(depth: number): unknown {
    const first = this.#text[this.#at];
    if (first === '[' || first === '{') {
      if (depth > MAX_DEPTH) throw NOT_SIMPLE;
      this.#at++;
      return first === '[' ? this.#list(depth) : this.#map(depth);
    }
    const quoted = this.#take(FLOW_QUOTED);
    if (quoted) return quoted[0].slice(1, -1);
    const plain = this.#take(FLOW_PLAIN);
    if (!plain) throw NOT_SIMPLE;
    return readPlain(plain[0].trimEnd());
  }

  #list(depth: number): unknown[] {
    const list: unknown[] = [];
    while (this.#hasNext(']', list.length)) list.push(this.#value(depth + 1));
    return list;
  }

  #map(depth: number): Record<string, unknown> {
    const map: Record<string, unknown> = {};
    for (let count = 0; this.#hasNext('}', count); count++) {
      const key = this.#take(FLOW_KEY)?.[1];
      if (key === undefined) throw NOT_SIMPLE;
      put(map, key, this.#value(depth + 1), this.#budget);
    }
    return map;
  }

  /** Passes the comma before every entry but the first, or the end. */
  #hasNext(closer: string, count: number): boolean {
    this.#skipSpaces();
    if (this.#text[this.#at] === closer) {
      this.#at++;
      return false;
    }
    if (count === 0) return true;
    if (this.#text[this.#at] !== ',') throw NOT_SIMPLE;
    this.#at++;
    this.#skipSpaces();
    if (this.#text[this.#at] === closer) throw NOT_SIMPLE;
    return true;
  }

  #skipSpaces(): void {
    while (this.#text[this.#at] === ' ') this.#at++;
  }

  #take(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match) this.#at += match[0].length;
    return match;
  }
}
