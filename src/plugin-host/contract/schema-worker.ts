import { parentPort } from 'node:worker_threads';
import type { ValidateFunction } from 'ajv/dist/2020.js';
import { LRUCache } from 'lru-cache';
import { compile, judge, type SchemaVerdict } from './schema-verdict.ts';

/** As JSON text: a schema alone is asked whether it is one. */
export interface SchemaQuestion {
  schema: string;
  value?: string;
}

export type SchemaAnswer =
  | { kind: 'verdict'; verdict: SchemaVerdict }
  | { kind: 'schema' }
  | { kind: 'no-schema'; message: string };

/** What is made of them takes many times as much of the worker's memory. */
const KEPT_CHARACTERS = 256 * 1024;
/** By their text. Compiling takes a hundred times as long as most values do. */
const compiled = new LRUCache<string, ValidateFunction>({
  maxSize: KEPT_CHARACTERS,
  sizeCalculation: (_validate, schema) => schema.length,
});

function validatorOf(schema: string): ValidateFunction {
  const known = compiled.get(schema);
  if (known) return known;
  const validate = compile(JSON.parse(schema) as object);
  compiled.set(schema, validate);
  return validate;
}

function answer({ schema, value }: SchemaQuestion): SchemaAnswer {
  try {
    const validate = validatorOf(schema);
    if (value === undefined) return { kind: 'schema' };
    return { kind: 'verdict', verdict: judge(validate, JSON.parse(value)) };
  } catch (error) {
    return { kind: 'no-schema', message: (error as Error).message };
  }
}

// The standard's own schema is compiled by then: it is not the author's time.
compile({});
parentPort?.on('message', (question: SchemaQuestion) => parentPort?.postMessage(answer(question)));
parentPort?.postMessage('ready');
