import type { Json } from './openapi-components.ts';

/** A schema as people read it: `{ name: string, roles: ("owner" | "admin")[], user?: string }`. */
export function shapeText(schema: Json | boolean, indent = ''): string {
  if (typeof schema === 'boolean') return schema ? 'anything' : 'nothing';
  const { $ref, type, format } = schema;
  const choices = (schema['oneOf'] ?? schema['anyOf']) as (Json | boolean)[] | undefined;
  if (typeof $ref === 'string') return $ref.slice($ref.lastIndexOf('/') + 1);
  if ('const' in schema) return JSON.stringify(schema['const']);
  if (Array.isArray(schema['enum'])) return oneOf(schema['enum'].map((one) => JSON.stringify(one)));
  if (choices) return oneOf(choices.map((one) => shapeText(one, indent)));
  const types = (Array.isArray(type) ? type : [type ?? 'anything']) as string[];
  const parts = partsText(schema, indent);
  if (parts !== undefined) return types.includes('null') ? oneOf([parts, 'null']) : parts;
  return oneOf(types.map((one) => (one === 'string' && typeof format === 'string' ? format : one)));
}

/** What has parts of its own; undefined for what has none. */
function partsText(schema: Json, indent: string): string | undefined {
  const { items, properties, additionalProperties } = schema;
  if (properties) return fieldsText(schema, indent);
  if (items) return `${grouped(shapeText(items as Json, indent))}[]`;
  if (typeof additionalProperties !== 'object' || !additionalProperties) return undefined;
  return `{ [name]: ${shapeText(additionalProperties as Json, indent)} }`;
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
  / \| /.test(text.replace(/\{.*\}/s, '')) ? `(${text})` : text;
