import { isDeepStrictEqual } from 'node:util';
import { toPointer } from '../registry/finding.ts';
import type { PatchStep } from '../registry/json-patch.ts';
import type { Kind } from '../registry/kinds.ts';
import type { Metadata } from '../registry/metadata.ts';
import type { Operation } from './operations.ts';

/** What one document of a kind says. */
export interface DocumentBody {
  metadata?: Metadata | undefined;
  spec: Readonly<Record<string, unknown>>;
}

/**
 * What makes a document another one, and keeps the comments of what stays. Undefined is one that
 * is not there.
 */
export function documentOperations(
  { kind, path }: { kind: Kind; path: string },
  before: DocumentBody | undefined,
  next: DocumentBody | undefined,
): Operation[] {
  if (!next) return before ? [{ op: 'remove', path }] : [];
  if (before) {
    const steps = [
      ...metadataSteps(before.metadata, next.metadata),
      ...fieldSteps('/spec', before.spec, next.spec),
    ];
    return [{ op: 'patch', path, patch: steps }];
  }
  const { metadata, spec } = next;
  const parts = Object.entries({ ...(metadata && { metadata }), spec });
  return [
    { op: 'upsert', path, content: `apiVersion: waymark/v1\nkind: ${kind}\n` },
    { op: 'patch', path, patch: parts.map(([name, value]) => add(`/${name}`, value)) },
  ];
}

/** Field by field, so that what stays keeps its place and its comments. */
export function fieldSteps(pointer: string, before: object, next: object): PatchStep[] {
  const said = new Map(Object.entries(next).filter(([, value]) => value !== undefined));
  const gone = Object.keys(before).filter((field) => !said.has(field));
  return [
    ...gone.map((field): PatchStep => ({ op: 'remove', path: pointer + toPointer([field]) })),
    ...[...said].map(([field, value]) => add(pointer + toPointer([field]), value)),
  ];
}

function metadataSteps(before: Metadata | undefined, next: Metadata | undefined): PatchStep[] {
  if (isDeepStrictEqual(before, next)) return [];
  if (!next) return [{ op: 'remove', path: '/metadata' }];
  if (before) return fieldSteps('/metadata', before, next);
  // Where people look for it: what is added goes to the end.
  return [
    { op: 'move', from: '/spec', path: '/later' },
    add('/metadata', next),
    { op: 'move', from: '/later', path: '/spec' },
  ];
}

const add = (path: string, value: unknown): PatchStep => ({ op: 'add', path, value });
