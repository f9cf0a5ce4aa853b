import { stringify } from 'yaml';
import { readYaml } from '../yaml-document.ts';

export type Fields = Record<string, unknown>;

/** A Markdown file with an optional YAML header. */
export interface Markdown {
  /** `invalid`: a header that is no YAML mapping; `fields` then holds what its lines plainly say. */
  status: 'ok' | 'none' | 'invalid';
  fields: Fields;
  /** Everything after the header's closing line, untouched. */
  body: string;
}

// Real headers are under 4 KiB.
const LARGEST_HEADER = 64 * 1024;

/**
 * Reads the header only where the very first line opens it: a `---` further
 * down is a rule or an example, never a header.
 */
export function parseMarkdown(text: string): Markdown {
  const header = /^\uFEFF?---[ \t]*\r?\n([\s\S]*?)(?<=\n)---[ \t]*(?:\r?\n|$)/.exec(text);
  if (!header) return { status: 'none', fields: {}, body: text.replace(/^\uFEFF/, '') };

  const source = header[1] ?? '';
  const body = text.slice(header[0].length);
  const fields = parseMapping(source);
  if (fields) return { status: 'ok', fields, body };
  return { status: 'invalid', fields: readLines(source), body };
}

export function writeMarkdown(fields: Fields, body: string): string {
  if (Object.keys(fields).length === 0) return body;
  return `---\n${stringify(fields, { lineWidth: 0 })}---\n${body}`;
}

/** The first line that says something, without its Markdown marks. */
export function leadOf(body: string): string | undefined {
  for (const line of body.split('\n')) {
    const words = line.replace(/^[\s#>*-]+/, '').trim();
    if (words && !words.startsWith('```')) return words;
  }
  return undefined;
}

function parseMapping(source: string): Fields | undefined {
  if (source.length > LARGEST_HEADER) return undefined;
  if (source.trim() === '') return {};
  const read = readYaml(source.replaceAll('\r\n', '\n'));
  return read.ok && isFields(read.value.value) ? read.value.value : undefined;
}

/** `key: text` lines and their indented continuation: what the author meant, whatever YAML says. */
function readLines(source: string): Fields {
  const fields: Record<string, string> = {};
  let key: string | undefined;
  for (const line of source.split(/\r?\n/)) {
    const start = /^([A-Za-z][\w-]*):[ \t]*(.*)$/.exec(line);
    if (start) {
      key = start[1]!;
      fields[key] = start[2]!.trim();
    } else if (key !== undefined && /^[ \t]+\S/.test(line)) {
      fields[key] = `${fields[key]} ${line.trim()}`.trim();
    }
  }
  return fields;
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
