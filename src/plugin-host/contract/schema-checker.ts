import { WaymarkError } from '../../model/errors.ts';
import type { JsonSchema } from '../../registry/server-manifest/manifest.ts';
import { checkSchemaBounds } from '../../registry/server-manifest/schema-bounds.ts';
import { findValueFault } from './json-value.ts';
import type { SchemaError, SchemaVerdict } from './schema-verdict.ts';
import type { SchemaAnswer } from './schema-worker.ts';
import { SchemaWorkers } from './schema-workers.ts';

/** Runs schemas of plugins' authors: in workers, each for so long and no longer. */
export interface SchemaChecker {
  /**
   * JSON Schema 2020-12 without coercion.
   *
   * @throws {WaymarkError} `PLG_SCHEMA_TIMEOUT`; `PLG_MANIFEST` for what is no schema
   */
  check(schema: JsonSchema, value: unknown): Promise<SchemaVerdict>;
  /**
   * What keeps a schema from being one that runs here, if anything does.
   *
   * @throws {WaymarkError} `PLG_SCHEMA_TIMEOUT`
   */
  checkSchema(schema: unknown): Promise<SchemaError | undefined>;
  close(): void;
}

export interface SchemaCheckerOptions {
  deadlineMs?: number;
  /** At once; further checks wait. */
  workers?: number;
  /** After the last check. */
  idleMs?: number;
}

export function createSchemaChecker({
  deadlineMs = 1000,
  workers: most = 4,
  idleMs = 30_000,
}: SchemaCheckerOptions = {}): SchemaChecker {
  const workers = new SchemaWorkers({ deadlineMs, most, idleMs });

  return {
    async check(schema, value) {
      const bounds = checkSchemaBounds(schema);
      if (bounds) throw noSchema(`${bounds.pointer} ${bounds.message}`);
      const fault = findValueFault(value);
      if (fault !== undefined) {
        return { isValid: false, errors: [{ field: '', message: fault }] };
      }
      const answer = await workers.ask({
        schema: JSON.stringify(schema),
        // No value at all is null's equal in JSON.
        value: JSON.stringify(value) ?? 'null',
      });
      if (answer.kind === 'verdict') return answer.verdict;
      throw noSchema(messageOf(answer));
    },

    async checkSchema(schema) {
      const bounds = checkSchemaBounds(schema);
      if (bounds) return { field: bounds.pointer, message: bounds.message };
      const answer = await workers.ask({ schema: JSON.stringify(schema) });
      return answer.kind === 'no-schema' ? { field: '', message: answer.message } : undefined;
    },

    close: () => workers.close(),
  };
}

const messageOf = (answer: SchemaAnswer): string =>
  answer.kind === 'no-schema' ? answer.message : '';

const noSchema = (why: string): WaymarkError =>
  new WaymarkError('PLG_MANIFEST', `the plugin's schema cannot be used: ${why.trim()}`);
