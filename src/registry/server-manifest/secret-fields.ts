import type { JsonSchema } from './manifest.ts';
import { appliedSchemas } from './secret-values.ts';

/** Whatever refers to itself, or branches without end, has told by then. */
const MOST_STEPS = 10_000;

/**
 * The fields that a schema keeps secret, as `permissions.secrets` names them:
 * `token`, `auth.token`, and `hooks.*.token` for any item or key.
 */
export function secretFields(root: JsonSchema): string[] {
  const fields = new Set<string>();
  const seen = new Map<object, Set<string>>();
  let steps = 0;
  visit(root, []);
  return [...fields].sort();

  function visit(schema: unknown, path: readonly string[]): void {
    if (typeof schema !== 'object' || schema === null || ++steps > MOST_STEPS) return;
    const places = seen.get(schema) ?? new Set();
    // A schema within itself is another place each time, without end.
    if (places.has(path.join('.')) || places.size > 16) return;
    seen.set(schema, places.add(path.join('.')));
    const {
      writeOnly,
      properties = {},
      patternProperties = {},
      prefixItems = [],
      ...rest
    } = schema as Readonly<Record<string, object | undefined>>;
    if ((writeOnly as unknown) === true) {
      fields.add(path.join('.'));
      return;
    }
    for (const other of appliedSchemas(root, schema as JsonSchema)) visit(other, path);
    for (const [name, child] of Object.entries(properties)) visit(child, [...path, name]);
    const any = [rest['items'], rest['contains'], rest['additionalProperties']];
    for (const child of [
      ...any,
      ...Object.values(patternProperties),
      ...Object.values(prefixItems),
    ]) {
      visit(child, [...path, '*']);
    }
  }
}

/** Whether one of the names, such as `hooks.*.token`, stands for a field such as `hooks.0.token`. */
export function isNamedField(names: Iterable<string>, field: string): boolean {
  const parts = field.split('.');
  return [...names].some((name) => {
    const wanted = name.split('.');
    return (
      wanted.length === parts.length && wanted.every((one, i) => one === '*' || one === parts[i])
    );
  });
}
