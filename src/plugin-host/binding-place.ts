import {
  type DocumentBody,
  documentOperations,
  fieldSteps,
} from '../changes/document-operations.ts';
import type { Operation } from '../changes/operations.ts';
import { WaymarkError } from '../model/errors.ts';
import { toPointer } from '../registry/finding.ts';
import type { PatchStep } from '../registry/json-patch.ts';
import type { Kind } from '../registry/kinds.ts';
import type { Metadata } from '../registry/metadata.ts';
import { type ConfigDocument, documentsOf, type Snapshot } from '../registry/snapshot.ts';
import type { Config } from './contract/secrets-in-config.ts';
import type { BindingRef } from './contract/wire.ts';

type Registry = Pick<Snapshot, 'config'>;

/** What a registry says of one binding: at a plugin's key, or an integration's whole `spec`. */
export interface BindingEntry {
  enabled?: boolean;
  config?: Config;
  /** Of an integration: `{secretRef}` as in git; a text or `***` in what is to be written. */
  credentials?: Config;
  /** Of an integration's document. */
  metadata?: Metadata | undefined;
  /** What else is said of a plugin of the org: `version`, `grants`; of an integration: `type`. */
  [field: string]: unknown;
}

/** Where a binding stands, or is to stand, in a registry's files. */
export interface BindingPlace {
  path: string;
  entry: BindingEntry | undefined;
  /** What makes the entry another one; undefined takes it away. */
  operations(next: BindingEntry | undefined): Operation[];
}

/** @throws {WaymarkError} `RES_NOT_FOUND` for a namespace that is not there */
export function placeOf(registry: Registry, { scope, id }: BindingRef): BindingPlace {
  if (scope === 'integration') return integrationPlace(registry, id);
  const [namespace = '', pluginId = ''] = scope === 'org' ? [undefined, id] : split(id);
  const document =
    scope === 'org'
      ? documentsOf(registry, 'Registry')[0]
      : findDocument(registry, 'Namespace', namespace);
  if (!document) throw new WaymarkError('RES_NOT_FOUND', `there is no namespace ${namespace}`);
  return pluginPlace(document.path, document.spec.plugins, pluginId);
}

/** A namespace's name has no dot. */
const split = (id: string): [string, string] => {
  const dot = id.indexOf('.');
  return [id.slice(0, dot), id.slice(dot + 1)];
};

const findDocument = <K extends Kind>(
  registry: Registry,
  kind: K,
  name: string,
): ConfigDocument<K> | undefined => documentsOf(registry, kind).find((one) => one.name === name);

type Entries = Readonly<Record<string, BindingEntry>>;

function pluginPlace(path: string, plugins: Entries | undefined, id: string): BindingPlace {
  const entry = plugins && Object.hasOwn(plugins, id) ? plugins[id] : undefined;
  const isOnlyOne = Object.keys(plugins ?? {}).length === 1;
  const pointer = toPointer(['spec', 'plugins', id]);
  const patch = (...steps: PatchStep[]): Operation[] => [{ op: 'patch', path, patch: steps }];
  return {
    path,
    entry,
    operations(next) {
      if (!next) {
        // An empty map would be left behind, and say nothing.
        return entry ? patch({ op: 'remove', path: isOnlyOne ? '/spec/plugins' : pointer }) : [];
      }
      if (!plugins) return patch({ op: 'add', path: '/spec/plugins', value: { [id]: next } });
      if (!entry) return patch({ op: 'add', path: pointer, value: next });
      return patch(...fieldSteps(pointer, entry, next));
    },
  };
}

function integrationPlace(registry: Registry, name: string): BindingPlace {
  const document = findDocument(registry, 'Integration', name);
  const path = document?.path ?? `integrations/${name}.yaml`;
  const { metadata } = document ?? {};
  const entry: BindingEntry | undefined = document && {
    ...document.spec,
    ...(metadata && { metadata }),
  };
  const at = { kind: 'Integration', path } as const;
  return {
    path,
    entry,
    operations: (next) => documentOperations(at, entry && bodyOf(entry), next && bodyOf(next)),
  };
}

const bodyOf = ({ metadata, ...spec }: BindingEntry): DocumentBody => ({ metadata, spec });
