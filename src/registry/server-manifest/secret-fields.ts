import { toPointer } from '../finding.ts';
import type { JsonSchema } from './manifest.ts';
import { appliedSchemas } from './secret-values.ts';

/** Whatever refers to itself, or branches without end, has told by then. */
const MOST_STEPS = 10_000;
/** A schema within itself is another place each time. */
const MOST_PLACES = 16;

// The fields that a schema keeps secret, as `permissions.secrets` names them:
// `token`, `auth/token`, and `hooks/*/token` for any item or key.
export function secretFields(root: JsonSchema): string[] {
  const fields = new Set<string>();
  const seen = new Map<object, Set<string>>();
  let steps = 0;
  visit(root, []);
  return [...fields].sort();

  function visit(schema: unknown, path: readonly string[]): void {
    if (typeof schema !== 'object' || schema === null || ++steps > MOST_STEPS) return;
    const places = seen.get(schema) ?? new Set();
    const field = toPointer(path).slice(1);
    if (places.has(field) || places.size > MOST_PLACES) return;
    seen.set(schema, places.add(field));
    if ((schema as JsonSchema)['writeOnly'] === true) {
      fields.add(field);
      return;
    }
    for (const other of appliedSchemas(root, schema as JsonSchema)) visit(other, path);
    for (const [name, child] of childSchemas(schema as Keywords)) visit(child, [...path, name]);
  }
}

interface Keywords {
  properties?: object | null;
  patternProperties?: object | null;
  prefixItems?: object | null;
  items?: unknown;
  contains?: unknown;
  additionalProperties?: unknown;
}

/** By the name of their field, `*` for any. */
const childSchemas = (schema: Keywords): [name: string, child: unknown][] => [
  ...Object.entries(schema.properties ?? {}),
  ...[
    schema.items,
    schema.contains,
    schema.additionalProperties,
    ...Object.values(schema.patternProperties ?? {}),
    ...Object.values(schema.prefixItems ?? {}),
  ].map((child): [string, unknown] => ['*', child]),
];

// Whether one of the names, such as `hooks/*/token`, stands for a field such as `hooks/0/token`.
export function isNamedField(names: Iterable<string>, field: string): boolean {
  const parts = field.split('/');
  return [...names].some((name) => {
    const wanted = name.split('/');
    return (
      wanted.length === parts.length && wanted.every((one, i) => one === '*' || one === parts[i])
    );
  });
}
