import { readInline } from './yaml-inline.ts';
import { KEY, MAX_DEPTH, MAX_PAIRS, NOT_SIMPLE, put } from './yaml-subset.ts';

/** Controls, a byte order mark, and what some readers take for the end of a line. */
const UNUSUAL = /[^\n\t -~\u00a0-\u2027\u202a-\ufefe\uff00-\ufffd]/;
const FIELD = new RegExp(`^(${KEY}):(?: (.*))?$`);

/**
 * The value of a text in the plain part of YAML that nearly every document is
 * written in; undefined for any other, which the full reader then judges. It
 * never guesses: what it answers is exactly what the full reader would.
 *
 * @param text with `\n` line ends and no byte order mark
 * @see docs/adr/0013-plain-yaml-is-read-by-a-fast-path.md
 */
export function readSimpleYaml(text: string): unknown {
  if (UNUSUAL.test(text) || !text.isWellFormed()) return undefined;
  try {
    return new SimpleReader(text.split('\n')).read();
  } catch (error) {
    if (error === NOT_SIMPLE) return undefined;
    throw error;
  }
}

class SimpleReader {
  readonly #lines: string[];
  readonly #budget = { pairs: MAX_PAIRS };
  #at = -1;
  /** Of the current line, -1 past the end. */
  #indent = -1;

  constructor(lines: string[]) {
    this.#lines = lines;
    this.#advance();
  }

  read(): unknown {
    // Each reader below goes on until a line stands further left than its own.
    if (this.#indent !== 0) throw NOT_SIMPLE;
    return this.#block(0, 1);
  }

  /** To the next line that says something. */
  #advance(): void {
    while (++this.#at < this.#lines.length) {
      const line = this.#lines[this.#at]!;
      const indent = indentOf(line);
      if (line !== '' && line[indent] !== '#') {
        this.#indent = indent;
        return;
      }
    }
    this.#indent = -1;
  }

  #block(indent: number, depth: number): unknown {
    if (depth > MAX_DEPTH) throw NOT_SIMPLE;
    const isList = this.#lines[this.#at]!.startsWith('- ', indent);
    return isList ? this.#list(indent, depth) : this.#map(indent, depth);
  }

  #map(indent: number, depth: number): Record<string, unknown> {
    const map: Record<string, unknown> = {};
    while (this.#indent === indent) {
      const [, key, text] = FIELD.exec(this.#lines[this.#at]!.slice(indent)) ?? [];
      if (key === undefined) throw NOT_SIMPLE;
      put(map, key, this.#fieldValue(text, indent, depth), this.#budget);
    }
    // Further right than its neighbours: the rest of a longer text, or a mistake.
    if (this.#indent > indent) throw NOT_SIMPLE;
    return map;
  }

  #fieldValue(text: string | undefined, indent: number, depth: number): unknown {
    if (text !== undefined) return this.#value(text, indent, depth);
    this.#advance();
    return this.#indent > indent ? this.#block(this.#indent, depth + 1) : null;
  }

  #list(indent: number, depth: number): unknown[] {
    const list: unknown[] = [];
    while (this.#indent === indent) {
      const line = this.#lines[this.#at]!;
      if (!line.startsWith('- ', indent)) throw NOT_SIMPLE;
      const text = line.slice(indent + 2);
      if (FIELD.test(text)) {
        // A map that begins behind the dash is one that stands two further right.
        this.#lines[this.#at] = ' '.repeat(indent + 2) + text;
        this.#indent = indent + 2;
        list.push(this.#block(indent + 2, depth + 1));
      } else list.push(this.#value(text, indent, depth));
    }
    if (this.#indent > indent) throw NOT_SIMPLE;
    return list;
  }

  #value(text: string, indent: number, depth: number): unknown {
    if (text === '|') return `${this.#literal(indent)}\n`;
    if (text === '|-') return this.#literal(indent);
    if (text === '>-') return this.#folded(indent);
    const value = readInline(text, depth, this.#budget);
    this.#advance();
    return value;
  }

  /** Lines up to the first that stands further left than the first, blank ones included. */
  #literal(parent: number): string {
    const kept: string[] = [];
    const indent = indentOf(this.#lines[this.#at + 1] ?? '');
    if (indent <= parent) throw NOT_SIMPLE;
    for (const line of this.#linesFrom(indent)) kept.push(line);
    while (kept.at(-1) === '') kept.pop();
    if (kept.length === 0) throw NOT_SIMPLE;
    this.#advance();
    return kept.join('\n');
  }

  /** One paragraph of even lines: blank and deeper ones have rules of their own. */
  #folded(parent: number): string {
    const lines = this.#literal(parent).split('\n');
    if (lines.some((line) => line === '' || line[0] === ' ' || line.endsWith(' '))) {
      throw NOT_SIMPLE;
    }
    return lines.join(' ');
  }

  *#linesFrom(indent: number): Generator<string> {
    for (; this.#at + 1 < this.#lines.length; this.#at++) {
      const line = this.#lines[this.#at + 1]!;
      const own = indentOf(line);
      const first = line[own];
      // Of blanks alone: how many of them count is the full reader's affair.
      if (line !== '' && (first === undefined || first === '\t')) throw NOT_SIMPLE;
      if (line !== '' && own < indent) return;
      yield line.slice(indent);
    }
  }
}

function indentOf(line: string): number {
  let indent = 0;
  while (line.charCodeAt(indent) === 32) indent++;
  return indent;
}
