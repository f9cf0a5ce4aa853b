import { stringify } from 'yaml';
import { isError } from '../../src/model/diagnostic.ts';
import { parseDocument } from '../../src/registry/document.ts';
import type { Kind } from '../../src/registry/kinds.ts';
import type { Fields } from '../../src/registry/layout/markdown.ts';
import { fileOf, type ImportFile } from './source-tree.ts';

/** `labels` and a title that says no more than the path are left out. */
export interface DocumentFacts {
  title?: string | undefined;
  labels?: Record<string, string>;
  spec: Fields;
}

/** A document of the registry as a file. */
export function documentFile(kind: Kind, { title, labels = {}, spec }: DocumentFacts): ImportFile {
  const metadata = {
    ...(title === undefined ? {} : { title }),
    ...(Object.keys(labels).length === 0 ? {} : { labels }),
  };
  const document = {
    apiVersion: 'waymark/v1',
    kind,
    ...(Object.keys(metadata).length === 0 ? {} : { metadata }),
    spec,
  };
  return fileOf(stringify(document, { lineWidth: 0 }));
}

/** The first reason why `waymark validate` would refuse the document at that path. */
export async function refusalOf(path: string, file: ImportFile): Promise<string | undefined> {
  const { diagnostics } = parseDocument(await file.read(), path);
  return diagnostics.find(isError)?.message;
}

/** One line of at most 200 characters, as titles must be; undefined when nothing is left. */
export function asTitle(text: string): string | undefined {
  const line = text.replace(/[\u0000-\u001f\u007f]+/g, ' ').trim();
  return Array.from(line).slice(0, 200).join('') || undefined;
}
