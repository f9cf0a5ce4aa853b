import { randomBytes } from 'node:crypto';

/** Something that a server said or wrote, and what it was. */
export interface Exhibit {
  from: string;
  bytes: Buffer;
}

/** Values that exist nowhere else, to be looked for wherever they must not be. */
export class Canaries {
  readonly #values = new Map<string, string>();

  /** A new one, which fits into a header, a URL, a slug and a password as it is. */
  make(name: string): string {
    return this.add(name, `canary${randomBytes(16).toString('hex')}`);
  }

  add(name: string, value: string): string {
    if (value.length < 16) throw new TypeError(`${name} is too short to be found by`);
    this.#values.set(name, value);
    return value;
  }

  /** `<name> in <where> as <form>`, for each that is there. */
  leaksIn(exhibits: readonly Exhibit[]): string[] {
    return exhibits.flatMap(({ from, bytes }) => {
      // Every byte as one character, so that what is no text can be looked through as well.
      const text = bytes.toString('latin1');
      return [...this.#values].flatMap(([name, value]) =>
        formsOf(value)
          .filter(([, form]) => text.includes(form))
          .map(([kind]) => `${name} in ${from} as ${kind}`),
      );
    });
  }
}

function formsOf(value: string): [kind: string, form: string][] {
  const hex = Buffer.from(value).toString('hex');
  const base64 = [0, 1, 2].map((offset) => base64Of(value, offset));
  return [
    ['plain', value],
    ['hex', hex],
    ['hex', hex.toUpperCase()],
    ...base64.map((form): [string, string] => ['base64', form]),
    ...base64
      .filter((form) => /[+/]/.test(form))
      .map((form): [string, string] => ['base64url', toBase64url(form)]),
  ];
}

/** What is the same in the base64 of every text that has the value behind `offset` bytes, of 3. */
function base64Of(value: string, offset: number): string {
  const padded = Buffer.concat([Buffer.alloc(offset), Buffer.from(value)]);
  const from = Math.ceil((offset * 8) / 6);
  return padded.toString('base64').slice(from, Math.floor((padded.length * 8) / 6));
}

const toBase64url = (text: string): string => text.replaceAll('+', '-').replaceAll('/', '_');
