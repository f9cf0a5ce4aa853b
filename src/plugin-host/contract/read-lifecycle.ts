import { fieldsAt, flagAt, listAt, oneOf, optional, textAt } from './shape.ts';

export const HEALTH_STATUSES = ['healthy', 'degraded', 'unhealthy', 'unknown'] as const;
export type HealthStatus = (typeof HEALTH_STATUSES)[number];

export interface HealthCheck {
  name: string;
  ok: boolean;
  message?: string;
}

export interface PluginHealth {
  status: HealthStatus;
  message?: string;
  checks: readonly HealthCheck[];
}

const checkAt = fieldsAt(
  ['name', 'ok', 'message'],
  (fields, at): HealthCheck => ({
    name: textAt(200)(fields.name, at('name')),
    ok: flagAt(fields.ok, at('ok')),
    ...optional('message', fields.message, at('message'), textAt(2000)),
  }),
);

export const checksAt = listAt(50, checkAt);

/**
 * The answer to `plugin.health` and `integration.health`.
 *
 * @throws {ContractViolation}
 */
export const readHealth = (value: unknown, method = 'plugin.health'): PluginHealth =>
  fieldsAt(['status', 'message', 'checks'], (fields, at) => ({
    status: oneOf(HEALTH_STATUSES)(fields.status, at('status')),
    ...optional('message', fields.message, at('message'), textAt(2000)),
    checks: checksAt(fields.checks, at('checks')),
  }))(value, method);

/** `field` is an RFC 6901 pointer into the configuration, '' for the whole. */
export interface ConfigError {
  field: string;
  message: string;
}

const errorAt = fieldsAt(
  ['field', 'message'],
  (fields, at): ConfigError => ({
    field: pointerOf(textAt(1000)(fields.field ?? '', at('field'))),
    message: textAt(2000)(fields.message, at('message')),
  }),
);

/** A plugin may as well say `retry.max` or `url`. */
const pointerOf = (field: string): string =>
  field === '' || field.startsWith('/') ? field : `/${field.replaceAll('.', '/')}`;

/**
 * The answer to `config.validate`: none for a configuration that it takes. One
 * that it refuses without saying why is refused as a whole.
 *
 * @throws {ContractViolation}
 */
export const readConfigErrors = (value: unknown): readonly ConfigError[] =>
  fieldsAt(['valid', 'errors'], (fields, at) => {
    const isValid = flagAt(fields.valid, at('valid'));
    const errors = listAt(100, errorAt)(fields.errors, at('errors'));
    if (isValid) return [];
    return errors.length > 0 ? errors : [{ field: '', message: 'the plugin refuses it' }];
  })(value, 'config.validate');
