import { fail, ok, type Result } from '../../model/result.ts';
import { fieldOf, toPointer } from '../finding.ts';

export interface JsonBounds {
  bytes: number;
  depth: number;
}

export interface JsonFault {
  /** RFC 6901. */
  pointer: string;
  message: string;
}

/**
 * JSON as its author meant it: `JSON.parse` would take the last of two equal
 * keys, and nest as deep as it is told.
 */
export function parseJsonText(
  source: string | Uint8Array,
  bounds: JsonBounds,
): Result<unknown, JsonFault> {
  const size = typeof source === 'string' ? Buffer.byteLength(source) : source.length;
  if (size > bounds.bytes) return fault(`has ${size} bytes: at most ${bounds.bytes}`);
  const text = decode(source);
  if (text === undefined) return fault('is not UTF-8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return fault(`is no JSON: ${(error as Error).message}`);
  }
  const found = findFault(text, bounds.depth);
  return found ? fail(found) : ok(value);
}

const fault = (words: string) => fail({ pointer: '', message: `the document ${words}` });

function decode(source: string | Uint8Array): string | undefined {
  if (typeof source === 'string') return source;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(source);
  } catch {
    return undefined;
  }
}

interface Level {
  /** Of an object, those so far. */
  keys?: Set<string>;
  /** Where in it the scan is. */
  at: string;
}

/** A string and the colon of a key, or what opens, closes and parts. */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?|[{}[\],]/g;

/** @param text JSON that parses */
function findFault(text: string, depth: number): JsonFault | undefined {
  const levels: Level[] = [];
  const faultHere = (words: string): JsonFault => {
    const steps = levels.map(({ at }) => at);
    return { pointer: toPointer(steps), message: `${fieldOf(steps)} ${words}` };
  };
  for (const [token, colon] of text.matchAll(TOKEN)) {
    const level = levels.at(-1);
    if (token === '{' || token === '[') {
      if (levels.length === depth) {
        return faultHere(`nests more than ${depth} deep`);
      }
      levels.push(token === '{' ? { keys: new Set(), at: '' } : { at: '0' });
    } else if (token === '}' || token === ']') levels.pop();
    else if (token === ',') {
      if (level && !level.keys) level.at = String(Number(level.at) + 1);
    } else if (colon !== undefined && level?.keys) {
      level.at = JSON.parse(token.slice(0, -colon.length)) as string;
      if (level.at === '__proto__') return faultHere('is no name for a key');
      if (level.keys.has(level.at)) return faultHere('stands there twice');
      level.keys.add(level.at);
    }
  }
  return undefined;
}
