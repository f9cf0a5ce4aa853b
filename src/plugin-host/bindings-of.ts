import canonicalize from 'canonicalize';
import { sha256Hex } from '../model/digest.ts';
import { pluginOfType } from '../registry/builtin-plugins.ts';
import type { RegistrySpec } from '../registry/kinds.ts';
import { documentsOf, type Snapshot } from '../registry/snapshot.ts';
import type { Binding } from './binding.ts';

type Config = Pick<Snapshot, 'config'>['config'];

/** What `registry.yaml` says of one server part. */
export interface OrgPlugin {
  isEnabled: boolean;
  version?: string;
  allowUnreleased: boolean;
  grants: readonly string[];
  /** The higher goes first. */
  priority: number;
}

/** By plugin id; one that is not here is off. */
export function orgPluginsOf(config: Config): ReadonlyMap<string, OrgPlugin> {
  return new Map(
    Object.entries(registryOf(config)?.plugins ?? {}).map(([id, plugin]) => [
      id,
      {
        isEnabled: plugin.enabled ?? true,
        ...(plugin.version === undefined ? {} : { version: plugin.version }),
        allowUnreleased: plugin.allowUnreleased ?? false,
        grants: plugin.grants ?? [],
        priority: plugin.priority ?? 0,
      },
    ]),
  );
}

/** Whose signature the org trusts on a server part. */
export const pluginKeysOf = (config: Config): readonly string[] =>
  registryOf(config)?.pluginKeys ?? [];

const registryOf = (config: Config): RegistrySpec | undefined =>
  documentsOf({ config }, 'Registry')[0]?.spec;

/**
 * Every binding of a registry: its own by plugin, then the namespaces', then
 * the integrations', each by path. Off is also what the org has not enabled.
 */
export function bindingsOf(config: Config): Binding[] {
  const plugins = orgPluginsOf(config);
  const isOn = (id: string) => plugins.get(id)?.isEnabled ?? false;
  return [
    ...orgBindings(config, isOn),
    ...namespaceBindings(config, isOn),
    ...integrations(config, isOn),
  ];
}

type IsOn = (pluginId: string) => boolean;

function orgBindings(config: Config, isOn: IsOn): Binding[] {
  return documentsOf({ config }, 'Registry').flatMap(({ path, spec }) =>
    Object.entries(spec.plugins ?? {}).map(([id, plugin]) => ({
      scope: 'org' as const,
      id,
      pluginId: id,
      namespaceId: null,
      departmentId: null,
      isEnabled: isOn(id),
      path,
      ...configured(plugin.config),
    })),
  );
}

function namespaceBindings(config: Config, isOn: IsOn): Binding[] {
  return documentsOf({ config }, 'Namespace').flatMap(({ path, name, spec }) =>
    Object.entries(spec.plugins ?? {}).map(([pluginId, plugin]) => ({
      scope: 'namespace' as const,
      id: `${name}.${pluginId}`,
      pluginId,
      namespaceId: name,
      departmentId: spec.department,
      isEnabled: (plugin.enabled ?? true) && isOn(pluginId),
      path,
      ...(spec.covers === undefined ? {} : { covers: spec.covers }),
      ...configured(plugin.config),
    })),
  );
}

function integrations(config: Config, isOn: IsOn): Binding[] {
  return documentsOf({ config }, 'Integration').map(({ path, name, spec }) => {
    const pluginId = pluginOfType(spec.type);
    return {
      scope: 'integration' as const,
      id: name,
      pluginId,
      namespaceId: null,
      departmentId: null,
      type: spec.type,
      isEnabled: (spec.enabled ?? true) && isOn(pluginId),
      path,
      ...configured(spec.config, spec.credentials),
    };
  });
}

function configured(
  config: Binding['config'] = {},
  credentials?: Binding['credentials'],
): Pick<Binding, 'config' | 'configDigest' | 'credentials'> {
  const all = credentials === undefined ? config : { config, credentials };
  return {
    config,
    ...(credentials === undefined ? {} : { credentials }),
    configDigest: sha256Hex(canonicalize(all)!),
  };
}
