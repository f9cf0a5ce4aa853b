import { isDeepStrictEqual } from 'node:util';
import { type Fields, isFields, leadOf, type Markdown, writeMarkdown } from './markdown.ts';

/** The kinds of config object that Claude Code keeps as one Markdown file with a header. */
export type PromptType = 'skill' | 'agent' | 'command';

/** The spec field that names the file, for each type. */
export const SOURCE_FIELD = {
  skill: 'bodyFrom',
  agent: 'promptFrom',
  command: 'templateFrom',
} as const satisfies Record<PromptType, string>;

/** How one header key and one spec field stand for each other. */
interface Mapping {
  key: string;
  field: string;
  /** Undefined where the registry has no form for the value: it then stays in the file alone. */
  read: (value: unknown) => unknown;
  write: (value: unknown) => unknown;
}

const DESCRIPTION_LIMIT = { skill: 1024, agent: 4096, command: 1024 } as const;

const asIs = (value: unknown): unknown => value;
const text =
  (limit: number) =>
  (value: unknown): unknown =>
    typeof value === 'string' && value !== '' && value.length <= limit ? value : undefined;

const model: Mapping = {
  key: 'model',
  field: 'model',
  read: text(Number.POSITIVE_INFINITY),
  write: (value) => (isFields(value) ? value['claude'] : value),
};

const MAPPINGS: Record<PromptType, readonly Mapping[]> = {
  skill: [
    { key: 'license', field: 'license', read: text(500), write: asIs },
    { key: 'compatibility', field: 'compatibility', read: text(500), write: asIs },
    { key: 'allowed-tools', field: 'allowedTools', read: readTools, write: writeTools },
    { key: 'metadata', field: 'metadata', read: readTexts, write: asIs },
  ],
  agent: [{ key: 'tools', field: 'tools', read: readTools, write: writeTools }, model],
  command: [
    { key: 'argument-hint', field: 'arguments', read: readArguments, write: writeArguments },
    model,
  ],
};

/** What a Markdown file says of itself, in the registry's fields. */
export interface PromptReading {
  /** Without the text itself and without what the file cannot say, such as `requires`. */
  spec: Fields;
  /** The header's `name`, where it has one. */
  name?: string;
  /** Where the description came from: its key, or the text for want of one. */
  descriptionFrom: 'header' | 'text' | 'nothing';
  isShortened: boolean;
  /** Header keys that no spec field stands for. */
  unmapped: string[];
}

/**
 * Reads leniently: a file that a strict parser refuses is a skill all the same.
 * The import writes what this gives, and rendering compares with it, so a file
 * that still says the same as its object is delivered untouched.
 */
export function readPrompt(
  type: PromptType,
  { fields, body }: Markdown,
  name: string,
): PromptReading {
  const stated = oneText(fields['description']);
  const lead = stated === undefined ? leadOf(body) : undefined;
  // A command may do without; the other kinds must say something.
  const described = stated ?? lead ?? (type === 'command' ? undefined : name);

  const spec: Fields = {};
  if (described !== undefined) spec['description'] = shorten(described, DESCRIPTION_LIMIT[type]);
  const unmapped = new Set(Object.keys(fields));
  for (const { key, field, read } of MAPPINGS[type]) {
    const value = read(fields[key]);
    if (value === undefined) continue;
    spec[field] = value;
    unmapped.delete(key);
  }
  unmapped.delete('name');
  if (stated !== undefined) unmapped.delete('description');
  const title = oneText(fields['name']);
  return {
    spec,
    ...(title === undefined ? {} : { name: title }),
    descriptionFrom: stated !== undefined ? 'header' : lead !== undefined ? 'text' : 'nothing',
    isShortened: described !== undefined && spec['description'] !== described,
    unmapped: [...unmapped],
  };
}

/** Whether the file alone says what the object's document says, as far as a file can. */
export function saysTheSame(type: PromptType, file: Markdown, spec: Fields, name: string): boolean {
  const reading = readPrompt(type, file, name).spec;
  const isEqual = ({ field, write }: Pick<Mapping, 'field' | 'write'>): boolean =>
    isDeepStrictEqual(written(reading[field], write), written(spec[field], write));
  return isEqual({ field: 'description', write: asIs }) && MAPPINGS[type].every(isEqual);
}

function written(value: unknown, write: Mapping['write']): unknown {
  return value === undefined ? undefined : write(value);
}

/** The file anew: the object's fields over what else the header held, then the text. */
export function writePrompt(type: PromptType, file: Markdown, spec: Fields, name: string): string {
  const { name: title = name, description: _old, ...others } = file.fields;
  const header: Fields = type === 'command' ? {} : { name: title };
  if (spec['description'] !== undefined) header['description'] = spec['description'];
  for (const { key, field, read, write } of MAPPINGS[type]) {
    const old = others[key];
    delete others[key];
    const value = written(spec[field], write);
    if (value !== undefined) header[key] = value;
    // A value that has no spec form was never the document's to remove.
    else if (old !== undefined && read(old) === undefined) header[key] = old;
  }
  return writeMarkdown({ ...header, ...others }, file.body);
}

/** At most `limit` characters, as JSON Schema counts them; an ellipsis shows the cut. */
export function shorten(words: string, limit: number): string {
  const characters = Array.from(words);
  return characters.length <= limit ? words : `${characters.slice(0, limit - 1).join('')}…`;
}

function oneText(value: unknown): string | undefined {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return typeof value === 'string' && value.trim() ? value.trim() : undefined;
}

/** `Read, Bash(git add:*)` or a YAML list; a comma inside brackets parts nothing. */
function readTools(value: unknown): string[] | undefined {
  if (typeof value === 'string') {
    const parts = value.includes(',') ? value.match(/(?:\([^)]*\)|[^,(])+/g) : [value];
    const tools = (parts ?? []).map((part) => part.trim()).filter(Boolean);
    return tools.length > 0 ? tools : undefined;
  }
  const isList = Array.isArray(value) && value.every((item) => typeof item === 'string' && item);
  return isList ? (value as string[]) : undefined;
}

function writeTools(value: unknown): unknown {
  return Array.isArray(value) ? value.join(', ') : value;
}

function readTexts(value: unknown): Fields | undefined {
  const isTexts = isFields(value) && Object.values(value).every((item) => typeof item === 'string');
  return isTexts ? value : undefined;
}

const HINT = /\[([^[\]<>]+)\]|<([^[\]<>]+)>/g;
const ARGUMENT = /^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$/;

/** `<needed> [optional]`. YAML reads a lone `[name]` as a list: it means the same. */
function readArguments(value: unknown): Fields[] | undefined {
  const isList = Array.isArray(value) && value.every((item) => typeof item === 'string');
  const hint = isList ? value.map((item) => `[${item}]`).join(' ') : value;
  if (typeof hint !== 'string' || hint.replace(HINT, '').trim() !== '') return undefined;
  const found = [...hint.matchAll(HINT)].map(([, optional, needed]) =>
    needed === undefined ? { name: optional! } : { name: needed, required: true },
  );
  return found.length > 0 && found.every(({ name }) => ARGUMENT.test(name)) ? found : undefined;
}

function writeArguments(value: unknown): unknown {
  const list = value as { name: string; required?: boolean }[];
  return list.map(({ name, required }) => (required ? `<${name}>` : `[${name}]`)).join(' ');
}
