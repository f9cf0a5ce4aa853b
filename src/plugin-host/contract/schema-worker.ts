import { parentPort } from 'node:worker_threads';
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

parentPort?.on('message', ({ schema, value }: SchemaQuestion) => {
  parentPort?.postMessage(answer(JSON.parse(schema) as object, value));
});

function answer(schema: object, value: string | undefined): SchemaAnswer {
  try {
    if (value !== undefined) return { kind: 'verdict', verdict: judge(schema, JSON.parse(value)) };
    compile(schema);
    return { kind: 'schema' };
  } catch (error) {
    return { kind: 'no-schema', message: (error as Error).message };
  }
}

// The standard's own schema is compiled by then: it is not the author's time.
compile({});
parentPort?.postMessage('ready');
