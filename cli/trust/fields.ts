import { type Digest, isDigest } from '../../src/model/digest.ts';
import { VerificationError } from '../errors.ts';

/**
 * Reads a signed document field by field. A signature says who wrote it, not
 * that it has the shape which later code relies on.
 */
export interface Fields {
  text(name: string): string;
  optionalText(name: string): string | undefined;
  /** An integer of at least 0. */
  count(name: string): number;
  digest(name: string): Digest;
  fields(name: string): Fields;
  optionalFields(name: string): Fields | undefined;
  list(name: string): Fields[];
  optionalList(name: string): Fields[];
  /** Own members that are objects, in the document's order. */
  members(): [name: string, value: Fields][];
  raw(name: string): unknown;
}

/** @throws {VerificationError} `DOCUMENT_INVALID`, as every reader of the result does */
export function parseFields(body: Uint8Array, what: string): Fields {
  try {
    return fieldsOf(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)), what);
  } catch (cause) {
    if (cause instanceof VerificationError) throw cause;
    throw new VerificationError('DOCUMENT_INVALID', `${what} is not JSON`, { cause });
  }
}

function fieldsOf(value: unknown, what: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid(what, 'an object');
  }
  const raw = (name: string): unknown =>
    Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
  const at = (name: string): string => `${what}: ${name}`;

  const text = (name: string): string => {
    const found = raw(name);
    if (typeof found !== 'string') throw invalid(at(name), 'text');
    return found;
  };
  const list = (name: string): Fields[] => {
    const found = raw(name);
    if (!Array.isArray(found)) throw invalid(at(name), 'a list');
    return found.map((item, i) => fieldsOf(item, `${at(name)}[${i}]`));
  };

  return {
    raw,
    text,
    list,
    optionalText: (name) => (raw(name) === undefined ? undefined : text(name)),
    optionalList: (name) => (raw(name) === undefined ? [] : list(name)),
    count(name) {
      const found = raw(name);
      if (!Number.isSafeInteger(found) || (found as number) < 0) throw invalid(at(name), 'a count');
      return found as number;
    },
    digest(name) {
      const found = text(name);
      if (!isDigest(found)) throw invalid(at(name), 'a digest');
      return found;
    },
    fields: (name) => fieldsOf(raw(name), at(name)),
    optionalFields: (name) => (raw(name) === undefined ? undefined : fieldsOf(raw(name), at(name))),
    members: () => Object.entries(value).map(([name, item]) => [name, fieldsOf(item, at(name))]),
  };
}

function invalid(where: string, expected: string): VerificationError {
  return new VerificationError('DOCUMENT_INVALID', `${where} is not ${expected}`);
}
