import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { compile, type JSONSchema } from 'json-schema-to-typescript';
import { readSchemas } from '../src/registry/schema-files.ts';

const TARGET = new URL('../src/registry/kinds.ts', import.meta.url);
const SCHEMAS = new URL('../schemas/', import.meta.url);
/** Editors complete a registry's files from its own copy, wherever it was cloned to. */
const TEMPLATE_SCHEMAS = new URL('../registry-template/.waymark/schemas/', import.meta.url);

const HEADER = `/** Generated from schemas/ by \`npm run generate\`: change those, never this. */
`;

type Node = { [key: string]: unknown };

/**
 * Types say which fields there are; which of them go together is ajv's to say,
 * and as unions it would only make the types unreadable.
 */
const UNTYPED = new Set(['oneOf', 'anyOf', 'not', 'if', 'then', 'else', 'propertyNames']);

function simplify(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(simplify);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([key]) => !UNTYPED.has(key));
  const node = Object.fromEntries(kept.map(([key, child]) => [key, simplify(child)]));
  const ref = node['$ref'];
  if (typeof ref !== 'string') return node;
  return { ...node, $ref: ref.replace('definitions.json', '') };
}

/** The TypeScript source of `src/registry/kinds.ts`, as the schemas stand now. */
export async function generateKinds(): Promise<string> {
  const { definitions, kinds } = readSchemas();
  const names = [...kinds.keys()];
  const specs = [...kinds].map(([name, schema]) => {
    const { spec } = schema['properties'] as { spec: Node };
    return [name, { ...(simplify(spec) as Node), title: `${name}Spec` }];
  });
  const root = {
    title: 'SpecByKind',
    description: 'The `spec` of a document, by its kind.',
    type: 'object',
    properties: Object.fromEntries(specs) as Node,
    required: names,
    additionalProperties: false,
    $defs: simplify(definitions['$defs']) as Node,
  };
  const source = await compile(root as JSONSchema, 'SpecByKind', {
    bannerComment: '',
    strictIndexSignatures: false,
    unreachableDefinitions: false,
    style: { singleQuote: true, printWidth: 100 },
  });
  const list = names.map((name) => `  '${name}',\n`).join('');
  return `${HEADER}${source}
export type Kind = keyof SpecByKind;

export const KINDS: readonly Kind[] = [
${list}];
`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const source = await generateKinds();
  if (source !== readFileSync(TARGET, 'utf8')) writeFileSync(TARGET, source);
  rmSync(TEMPLATE_SCHEMAS, { recursive: true, force: true });
  const isSchema = (path: string) => !/[\\/]schemas[\\/]plugin(s|-manifest)/.test(path);
  cpSync(SCHEMAS, TEMPLATE_SCHEMAS, { recursive: true, filter: isSchema });
}
