import type { Json } from './openapi-components.ts';

/** A schema as people read it: `{ name: string, roles: ("owner" | "admin")[], user?: string }`. */
export function shapeText(schema: Json | boolean, indent = ''): string {
  if (typeof schema === 'boolean') return schema ? 'anything' : 'nothing';
  const { $ref, type, items, properties, additionalProperties, format } = schema;
  const choices = (schema['oneOf'] ?? schema['anyOf']) as (Json | boolean)[] | undefined;
  if (typeof $ref === 'string') return $ref.slice($ref.lastIndexOf('/') + 1);
  if ('const' in schema) return JSON.stringify(schema['const']);
  if (Array.isArray(schema['enum'])) return oneOf(schema['enum'].map((one) => JSON.stringify(one)));
  if (choices) return oneOf(choices.map((one) => shapeText(one, indent)));
  if (properties) return fieldsText(schema, indent);
  if (items) return `${grouped(shapeText(items as Json, indent))}[]`;
  if (typeof additionalProperties === 'object' && additionalProperties) {
    return `{ [name]: ${shapeText(additionalProperties as Json, indent)} }`;
  }
  const types = (Array.isArray(type) ? type : [type ?? 'anything']) as string[];
  return oneOf(types.map((one) => (one === 'string' && typeof format === 'string' ? format : one)));
}

function fieldsText({ properties, required }: Json, indent: string): string {
  const inner = `${indent}  `;
  const needed = new Set(required as string[] | undefined);
  const lines = Object.entries(properties as Record<string, Json | boolean>).map(
    ([name, field]) => `${inner}${name}${needed.has(name) ? '' : '?'}: ${shapeText(field, inner)}`,
  );
  return lines.length === 0 ? '{}' : `{\n${lines.join(',\n')}\n${indent}}`;
}

const oneOf = (parts: readonly string[]): string => parts.join(' | ');

const grouped = (text: string): string =>
  / \| /.test(text) && !text.startsWith('{') ? `(${text})` : text;
