import { byPosition, type Diagnostic, fileError } from '../model/diagnostic.ts';
import { checkDocument, checkName, type DocumentValue } from './document-rules.ts';
import { type Finding, toPointer } from './finding.ts';
import type { Kind } from './kinds.ts';
import type { Metadata } from './metadata.ts';
import { isKind, type Place, placeOf } from './path-rules.ts';
import { toFindings } from './schema-findings.ts';
import { validatorFor } from './schemas.ts';
import { decodeText, positionOf } from './text.ts';
import { readYaml, type YamlDocument } from './yaml-document.ts';
import type { YamlFault } from './yaml-guard.ts';
import { readSimpleYaml } from './yaml-simple.ts';

/** Part of the blob cache's key: raised whenever the same bytes would parse differently. */
export const PARSER_VERSION = 2;

/** One file of the registry, as far as it can be judged alone. */
export interface ParsedDocument {
  /** The kind that the path asks for, unless the file says that it is another. */
  kind?: Kind;
  /** `metadata.id`, where given. */
  id?: string;
  title?: string;
  labels?: Record<string, string>;
  /** Whole, where the file has one. */
  metadata?: Metadata;
  /** Plain JSON values, of the kind's type in `kinds.ts`. Absent when there is any error. */
  spec?: unknown;
  diagnostics: Diagnostic[];
}

const DIAGNOSTICS_KEPT = 100;
/** Words and a position are made for each, and a broken list can have 100,000. */
const ERRORS_WORDED = 1_000;

/**
 * Everything that can be said of one file by itself, all at once.
 *
 * @param path from the registry's root; one for which `expectedKind` names a kind
 */
export function parseDocument(bytes: Uint8Array, path: string): ParsedDocument {
  const place = placeOf(path);
  const { role: kind } = place;
  if (!isKind(kind)) throw new RangeError(`no document stands at ${path}`);
  if (path.endsWith('.yml')) return { kind, diagnostics: [wrongEnding(path)] };

  const decoded = decodeText(bytes);
  if (!decoded.ok) {
    return { kind, diagnostics: report(path, new TextDecoder().decode(bytes), [decoded.error]) };
  }
  const text = decoded.value;
  const yaml = readYaml(text);
  if (!yaml.ok) return { kind, diagnostics: report(path, text, yaml.error) };

  const { value } = yaml.value;
  const findings = judge(value, kind, place);
  const fields = fieldsOf(value, kind);
  if (findings.length === 0) return { kind, ...fields, diagnostics: [] };
  const { spec: _, ...known } = fields;
  const isOther = findings.some(({ code }) => code === 'wrong-kind');
  const located = findings.map((finding) => locate(finding, yaml.value));
  const diagnostics = report(path, text, located);
  return { ...(isOther ? {} : { kind }), ...known, diagnostics };
}

/**
 * A document that is plain YAML and has no fault, in time that follows its
 * size; undefined for any other, whose faults are worth a worker's time.
 */
export function parseFaultless(bytes: Uint8Array, path: string): ParsedDocument | undefined {
  const place = placeOf(path);
  const { role: kind } = place;
  const text = isKind(kind) && path.endsWith('.yaml') ? decodeText(bytes) : undefined;
  if (!isKind(kind) || !text?.ok) return undefined;
  const value = readSimpleYaml(text.value);
  if (value === undefined || judge(value, kind, place).length > 0) return undefined;
  return { kind, ...fieldsOf(value, kind), diagnostics: [] };
}

function wrongEnding(path: string): Diagnostic {
  const hint = `rename it to ${path.slice(0, -'.yml'.length)}.yaml`;
  return fileError(path, 'yml-ending', 'documents end in .yaml', hint);
}

function judge(value: unknown, kind: Kind, place: Place): Finding[] {
  const named = checkName(place);
  const stated = isMap(value) ? value['kind'] : undefined;
  if (!isMap(value)) {
    const message = 'a document is a map of apiVersion, kind, metadata and spec';
    return [...named, { code: 'wrong-type', pointer: [], of: 'value', message }];
  }
  if (typeof stated === 'string' && stated !== kind) {
    // By another kind's schema every field would be wrong as well.
    const message = `kind must be ${kind} at this path, not ${stated}`;
    return [...named, { code: 'wrong-kind', pointer: ['kind'], of: 'value', message }];
  }
  const validate = validatorFor(kind);
  if (!validate(value)) {
    const errors = validate.errors?.slice(0, ERRORS_WORDED) ?? [];
    return [...named, ...toFindings(errors)];
  }
  // What the schema has just accepted has that shape.
  return [...named, ...checkDocument(value as unknown as DocumentValue, place)];
}

/** Read from what may have failed its schema, so that a reference to it is not reported too. */
function fieldsOf(value: unknown, kind: Kind): Omit<ParsedDocument, 'diagnostics' | 'kind'> {
  const { metadata, spec } = isMap(value) ? value : {};
  const { id, title, labels } = isMap(metadata) ? metadata : {};
  const ownTitle = title ?? (isMap(spec) && TITLED.has(kind) ? spec['title'] : undefined);
  return {
    ...(typeof id === 'string' ? { id } : {}),
    ...(typeof ownTitle === 'string' ? { title: ownTitle } : {}),
    ...(isMap(labels) ? { labels: labels as Record<string, string> } : {}),
    ...(isMap(metadata) ? { metadata } : {}),
    ...(spec === undefined ? {} : { spec }),
  };
}

const TITLED: ReadonlySet<Kind> = new Set(['Registry', 'Plugin', 'Marketplace']);

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A finding with its place in the text. */
type Located = YamlFault & { pointer?: string };

function locate({ pointer, of, ...words }: Finding, yaml: YamlDocument): Located {
  return { ...words, offset: yaml.offsetOf(pointer, of), pointer: toPointer(pointer) };
}

/**
 * In the file's order, the first hundred: a list of thousands helps nobody, and
 * every position costs a walk over the text.
 */
function report(path: string, text: string, faults: readonly Located[]): Diagnostic[] {
  const first = faults.toSorted((a, b) => a.offset - b.offset).slice(0, DIAGNOSTICS_KEPT);
  const diagnostics = first.map(({ offset, code, message, hint, pointer = '' }): Diagnostic => {
    const at = { path, ...positionOf(text, offset), pointer };
    return { severity: 'error', code, ...at, message, ...(hint === undefined ? {} : { hint }) };
  });
  if (faults.length <= DIAGNOSTICS_KEPT) return diagnostics.sort(byPosition);
  const { hint: _, ...last } = diagnostics.at(-1)!;
  return [...diagnostics, { ...last, code: 'more-errors', message: 'this file has more errors' }];
}
