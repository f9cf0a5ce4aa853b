import type { Diagnostic } from '../model/diagnostic.ts';
import type { PluginContent } from '../model/object.ts';
import type { Fragment, SourceFile } from './fragment.ts';
import type { Kind, SpecByKind } from './kinds.ts';
import type { Metadata } from './metadata.ts';
import type { SymbolTable } from './symbols.ts';

/** A document outside `plugins/` and `objects/`, whole: these are few and small. */
export interface ConfigDocument<K extends Kind = Kind> {
  path: string;
  oid: string;
  kind: K;
  /** The file's name without `.yaml`. */
  name: string;
  /** The plugin of a ReleaseStatus, the environment of a FreezeWindow. */
  parent?: string;
  metadata?: Metadata;
  spec: SpecByKind[K];
}

/** One top-level folder of config documents, or the root's own files (`root: ''`). */
export interface ConfigFolder {
  root: string;
  tree: string;
  files: SourceFile[];
  trees: Record<string, string>;
  /** Files and folders, documents or not. */
  entries: number;
  documents: ConfigDocument[];
  diagnostics: Diagnostic[];
}

/** A registry's tree, compiled and linked. Depends on the tree alone, not on its commit. */
export interface Snapshot {
  tree: string;
  pluginsTree: string;
  plugins: ReadonlyMap<string, Fragment>;
  shared: Fragment | undefined;
  config: ReadonlyMap<string, ConfigFolder>;
  symbols: SymbolTable;
  contents: ReadonlyMap<string, PluginContent>;
  warnings: readonly Diagnostic[];
}

/** Every document of one kind, by path. */
export function documentsOf<K extends Kind>(
  snapshot: Pick<Snapshot, 'config'>,
  kind: K,
): ConfigDocument<K>[] {
  return [...snapshot.config.values()].flatMap(({ documents }) =>
    documents.filter((document): document is ConfigDocument<K> => document.kind === kind),
  );
}
