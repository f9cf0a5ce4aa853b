import { checksAt, type HealthCheck } from './read-lifecycle.ts';
import { fieldsAt, flagAt, type JsonMap, listAt, mapAt, optional, wordAt } from './shape.ts';

export interface IntegrationTest {
  ok: boolean;
  checks: readonly HealthCheck[];
}

/**
 * The answer to `integration.test`; how long it took is the host's to measure.
 *
 * @throws {ContractViolation}
 */
export const readIntegrationTest = (value: unknown): IntegrationTest =>
  fieldsAt(['ok', 'checks'], (fields, at) => ({
    ok: flagAt(fields.ok, at('ok')),
    checks: checksAt(fields.checks, at('checks')),
  }))(value, 'integration.test');

export interface DiscoveredResource {
  id: string;
  name: string;
  type: string;
  metadata?: JsonMap;
}

const resourceAt = fieldsAt(
  ['id', 'name', 'type', 'metadata'],
  (fields, at): DiscoveredResource => ({
    id: wordAt(500)(fields.id, at('id')),
    name: wordAt(500)(fields.name ?? fields.id, at('name')),
    type: wordAt(100)(fields.type, at('type')),
    ...optional('metadata', fields.metadata, at('metadata'), mapAt),
  }),
);

/**
 * The answer to `integration.discover`.
 *
 * @throws {ContractViolation}
 */
export const readResources = (value: unknown): readonly DiscoveredResource[] =>
  fieldsAt(['resources'], ({ resources }, at) =>
    listAt(1000, resourceAt)(resources, at('resources')),
  )(value, 'integration.discover');
