import type { Kind } from '../registry/kinds.ts';
import type { ConfigDocument, Snapshot } from '../registry/snapshot.ts';
import { bindingsOf } from './bindings-of.ts';

type Config = Snapshot['config'];

/** A document of a registry that would miss something. */
export interface Dependent {
  kind: Kind;
  /** Its name. */
  id: string;
  path: string;
}

/** What is bound to a plugin and on, and what has its gates and steps; not the org's own binding. */
export function dependentsOfPlugin(config: Config, pluginId: string): Dependent[] {
  const paths = bindingsOf(config)
    .filter((one) => one.pluginId === pluginId && one.isEnabled && one.scope !== 'org')
    .map(({ path }) => path);
  const bound = new Set(paths);
  const isOfPlugin = (field: string, value: string) =>
    field === 'type' && value.startsWith(`${pluginId}.`);
  return dependentsAmong(
    config,
    (document) =>
      bound.has(document.path) || (TYPED.has(document.kind) && mentions(document.spec, isOfPlugin)),
  );
}

/** Where gates and steps stand. */
const TYPED: ReadonlySet<Kind> = new Set(['Environment', 'WorkflowTemplate']);

/** What names an integration: `registryIntegrationId: <name>`. */
export function dependentsOfIntegration(config: Config, name: string): Dependent[] {
  const isNamed = (field: string, value: string) =>
    /^integration$|integrationId$/i.test(field) && value === name;
  return dependentsAmong(config, ({ spec }) => mentions(spec, isNamed));
}

function dependentsAmong(config: Config, isDependent: (one: ConfigDocument) => boolean) {
  return [...config.values()]
    .flatMap(({ documents }) => documents)
    .filter(isDependent)
    .map(({ kind, name: id, path }): Dependent => ({ kind, id, path }));
}

function mentions(value: unknown, test: (field: string, value: string) => boolean): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).some(
    ([field, part]) => (typeof part === 'string' && test(field, part)) || mentions(part, test),
  );
}
