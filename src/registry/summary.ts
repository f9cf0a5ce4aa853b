import type { Diagnostic } from '../model/diagnostic.ts';
import type { ObjectType } from '../model/names.ts';
import { describeObject, type ObjectDescription } from './describe-object.ts';
import { type ParsedDocument, parseDocument, parseFaultless } from './document.ts';

/** What one object's document says by itself; undefined when it has errors. */
export interface DocumentSummary {
  id?: string;
  description?: ObjectDescription;
  payloadRefs: { pointer: string; path: string }[];
  diagnostics: Diagnostic[];
}

/** The spec fields that name a payload file of the object's own folder. */
const REF_FIELDS = ['bodyFrom', 'promptFrom', 'templateFrom', 'sourceFrom'] as const;

/**
 * Parses an object's document and keeps only what a snapshot needs: this is
 * what a parse worker sends back, so it must be small.
 *
 * @param path from the registry's root
 */
export function summariseObject(
  type: ObjectType,
  bytes: Uint8Array,
  path: string,
): DocumentSummary {
  return summarise(type, parseDocument(bytes, path), path);
}

/** As `summariseObject`, of a document that `parseFaultless` takes. */
export function summariseFaultless(
  type: ObjectType,
  bytes: Uint8Array,
  path: string,
): DocumentSummary | undefined {
  const document = parseFaultless(bytes, path);
  return document && summarise(type, document, path);
}

function summarise(type: ObjectType, document: ParsedDocument, path: string): DocumentSummary {
  const { id, spec, diagnostics } = document;
  if (spec === undefined) return { payloadRefs: [], diagnostics };
  return {
    ...(id === undefined ? {} : { id }),
    description: describeObject(type, document, path),
    payloadRefs: payloadRefsOf(document),
    diagnostics,
  };
}

function payloadRefsOf({ spec }: ParsedDocument): DocumentSummary['payloadRefs'] {
  const fields = spec as Record<string, unknown>;
  return REF_FIELDS.flatMap((field) => {
    const path = fields[field];
    return typeof path === 'string' ? [{ pointer: `/spec/${field}`, path }] : [];
  });
}
