import type { ObjectType } from '../model/names.ts';
import type { ObjectInput } from '../model/object.ts';
import { supportOf } from './client-support.ts';
import type { ParsedDocument } from './document.ts';
import type { SpecByKind } from './kinds.ts';
import { placeOf } from './path-rules.ts';

/** What a manifest says about an object beside its files. */
export interface ObjectDescription {
  title: string;
  description?: string;
  requires: string[];
  inputs: ObjectInput[];
  /** Client tool → `native`, `translated` or `unsupported: <why>`. */
  targets: Record<string, string>;
}

type ObjectSpec = SpecByKind['Mcp'] | SpecByKind['Skill'];

/**
 * @param document one without errors
 * @param path the document's, from the registry's root: it names what has no title
 */
export function describeObject(
  type: ObjectType,
  document: ParsedDocument,
  path: string,
): ObjectDescription {
  const spec = document.spec as ObjectSpec;
  const { description, requires = [] } = spec;
  return {
    title: document.title ?? placeOf(path).name,
    ...(description === undefined ? {} : { description }),
    requires,
    inputs: 'inputs' in spec ? spec.inputs : [],
    targets: supportOf(type, spec),
  };
}
