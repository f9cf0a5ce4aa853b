import type { ObjectInput } from '../model/object.ts';
import type { ObjectType } from '../model/names.ts';
import type { ParsedDocument } from './document.ts';

/** What a manifest says about an object beside its files. */
export interface ObjectDescription {
  title: string;
  description?: string;
  requires: string[];
  inputs: ObjectInput[];
  /** Client tool → `native`, `translated` or `unsupported: <why>`. */
  targets: Record<string, string>;
}

/** `path` is the document's path from the registry's root: it gives the title where none is written. */
export function describeObject(
  _type: ObjectType,
  _document: ParsedDocument,
  _path: string,
): ObjectDescription {
  return { title: '', requires: [], inputs: [], targets: {} };
}
