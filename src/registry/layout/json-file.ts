import canonicalize from 'canonicalize';
import { type Digest, sha256 } from '../../model/digest.ts';
import { type Fields, isFields } from './markdown.ts';

/** A JSON file that several objects share. `value` is edited in place. */
export interface JsonFile {
  path: string;
  /** Undefined for a file that is only now made. */
  bytes?: Buffer;
  value: Fields;
  isChanged: boolean;
}

/** Undefined where the bytes are no JSON object: the file is then kept, but nothing is read from it. */
export function parseJsonFile(path: string, bytes: Buffer): JsonFile | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8').replace(/^\uFEFF/, ''));
    return isFields(value) ? { path, bytes, value, isChanged: false } : undefined;
  } catch {
    return undefined;
  }
}

/** The original bytes as long as nothing was changed. */
export function bytesOf({ bytes, value, isChanged }: JsonFile): Buffer {
  return bytes && !isChanged ? bytes : Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
}

export function valueDigest(value: unknown): Digest {
  return sha256(canonicalize(value) ?? 'null');
}

export function toPointer(segments: readonly (string | number)[]): string {
  return segments
    .map((segment) => `/${String(segment).replaceAll('~', '~0').replaceAll('/', '~1')}`)
    .join('');
}

/** An own property only: `__proto__` in a stranger's file is a key like any other. */
export function ownField(value: unknown, key: string): unknown {
  return isFields(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}
