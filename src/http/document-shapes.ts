import type { ServedDocument } from '../delivery/served-documents.ts';
import { shownMetadata } from '../registry/metadata.ts';
import { definitionOf } from '../registry/schemas.ts';
import { ONE_LINE } from './patterns.ts';
import type { JsonSchema } from './route.ts';
import { mapOf, oid, text, textOrNull, time } from './shapes.ts';

const { title, description, labels } = definitionOf('metadata')['properties'] as {
  [field in 'title' | 'description' | 'labels']: JsonSchema;
};
const orNull = (schema: JsonSchema) => ({ ...schema, type: ['string', 'null'] });

/** What may be written of every document beside its `spec`, as `MetadataChange`. */
export const metadataBody = {
  displayName: orNull({ ...title, pattern: ONE_LINE }),
  description: orNull(description),
  labels,
};

/** What every resource that is a document shows, beside its `spec`. */
export const documentShape = {
  id: text,
  tenantId: text,
  name: text,
  displayName: text,
  description: textOrNull,
  labels: mapOf(text),
  path: text,
  commit: oid,
  version: text,
  createdAt: time,
  createdBy: text,
  updatedAt: time,
  updatedBy: text,
};

/** What its list is filtered and sorted by. */
export const documentFields = {
  id: { type: 'text', isSortable: true },
  name: { type: 'text', isSortable: true },
  displayName: { type: 'text', isSortable: true },
  createdAt: { type: 'time', isSortable: true },
  createdBy: { type: 'text', isSortable: true },
  updatedAt: { type: 'time', isSortable: true },
  updatedBy: { type: 'text', isSortable: true },
} as const;

/** All but its version, which is of what may be written of it. */
export function shownDocument(org: string, { document, commit, written }: ServedDocument) {
  const { name, metadata, path } = document;
  return {
    id: name,
    tenantId: org,
    name,
    ...shownMetadata(name, metadata),
    path,
    commit,
    ...written,
  };
}

/** @param path such as `integrations/forge.yaml` */
export const documentExample = (path: string, displayName: string) => {
  const name = path.replace(/^.*\/|\.yaml$/g, '');
  return {
    id: name,
    tenantId: 'acme',
    name,
    displayName,
    description: null,
    labels: { tier: 'internal' },
    path,
    commit: '5feceb66ffc86f38d952786c6d696c79c2dbc239',
    version: '5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9',
    createdAt: '2026-11-20T09:12:00.000Z',
    createdBy: 'ada@example.com',
    updatedAt: '2026-11-21T06:50:00.000Z',
    updatedBy: 'grace@example.com',
  };
};
