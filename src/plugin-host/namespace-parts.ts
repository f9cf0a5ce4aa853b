import type { Capability } from '../registry/server-manifest/manifest.ts';
import type { Binding } from './binding.ts';
import type { HostedPlugin } from './hosted-plugin.ts';
import type { PluginHost } from './plugin-host.ts';

export interface BoundPart {
  binding: Binding;
  plugin: HostedPlugin;
}

interface Wanted {
  org: string;
  namespace: string;
  capability: Capability;
}

/** What of a namespace's is on and able: the highest priority first, then by id. */
export function namespaceParts(
  plugins: Pick<PluginHost, 'bindings' | 'find'>,
  { org, namespace, capability }: Wanted,
): BoundPart[] {
  return plugins
    .bindings(org)
    .filter(({ namespaceId, isEnabled }) => namespaceId === namespace && isEnabled)
    .flatMap((binding) => {
      const plugin = plugins.find(org, binding.pluginId);
      return plugin?.manifest.capabilities.has(capability) ? [{ binding, plugin }] : [];
    })
    .sort(byPriority);
}

const byPriority = ({ plugin: a }: BoundPart, { plugin: b }: BoundPart): number =>
  b.priority - a.priority || (a.id < b.id ? -1 : 1);
