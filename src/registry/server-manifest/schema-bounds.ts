import type { JsonFault } from './json-text.ts';

/** What a schema of a plugin's author may be, so that it can be judged in time. */
export const SCHEMA_BOUNDS = { bytes: 64 * 1024, depth: 32, properties: 500 } as const;

const REFERENCES: ReadonlySet<string> = new Set(['$ref', '$dynamicRef']);

/**
 * Whether a schema is small enough to be compiled, and refers to nothing outside
 * itself. Whether it is a schema at all, the worker says that compiles it.
 */
export function checkSchemaBounds(schema: unknown): JsonFault | undefined {
  let properties = 0;
  return walk(schema, '', 0) ?? tooLarge(schema);

  function walk(value: unknown, pointer: string, depth: number): JsonFault | undefined {
    if (typeof value !== 'object' || value === null) return undefined;
    if (depth >= SCHEMA_BOUNDS.depth) {
      return { pointer, message: `nests more than ${SCHEMA_BOUNDS.depth} deep` };
    }
    if (pointer.endsWith('/properties')) properties += Object.keys(value).length;
    if (properties > SCHEMA_BOUNDS.properties) {
      return { pointer, message: `has more than ${SCHEMA_BOUNDS.properties} properties` };
    }
    for (const [key, child] of Object.entries(value)) {
      const at = `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
      const found = referenceFault(key, child, at) ?? walk(child, at, depth + 1);
      if (found) return found;
    }
    return undefined;
  }
}

function referenceFault(key: string, target: unknown, pointer: string): JsonFault | undefined {
  if (key === '$data') return { pointer, message: 'refers to the value itself' };
  if (!REFERENCES.has(key) || typeof target !== 'string' || target.startsWith('#'))
    return undefined;
  return { pointer, message: `refers to ${target}, which is outside the schema` };
}

function tooLarge(schema: unknown): JsonFault | undefined {
  const size = Buffer.byteLength(JSON.stringify(schema));
  if (size <= SCHEMA_BOUNDS.bytes) return undefined;
  return { pointer: '', message: `has ${size} bytes: at most ${SCHEMA_BOUNDS.bytes}` };
}
