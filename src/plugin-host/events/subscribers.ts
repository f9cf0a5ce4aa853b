import { HOOK_CAPABILITIES } from '../../registry/server-manifest/hook-events.ts';
import type { PluginManifest } from '../../registry/server-manifest/manifest.ts';
import type { Binding } from '../binding.ts';
import type { PluginHost } from '../plugin-host.ts';
import type { HookEvent } from './event.ts';

/** Who knows what an org has bound. */
export type Bound = Pick<PluginHost, 'bindings' | 'find'>;

/** The bindings whose hooks hear of an event: the org's own, and of the namespaces that it is about. */
export const subscribersOf = (bound: Bound, event: HookEvent): Binding[] =>
  bound
    .bindings(event.org)
    .filter((one) => one.isEnabled && reaches(event, one) && hears(bound, event, one));

function reaches(event: HookEvent, { scope, covers }: Binding): boolean {
  if (scope !== 'namespace') return scope === 'org';
  const { plugins = [], environments = [] } = covers ?? {};
  return (
    event.plugins.some((id) => plugins.includes(id)) ||
    event.environments.some((id) => environments.includes(id))
  );
}

/** One that names no hooks hears of everything that it is capable of. */
export function hears(
  bound: Bound,
  { org, type }: Pick<HookEvent, 'org' | 'type'>,
  binding: Binding,
): boolean {
  const plugin = bound.find(org, binding.pluginId);
  if (!plugin?.isEnabled || isForOthers(binding, plugin.manifest)) return false;
  const { capabilities, hooks } = plugin.manifest;
  const isNamed = hooks.length === 0 || hooks.includes('*') || hooks.includes(type);
  return isNamed && capabilities.has(HOOK_CAPABILITIES[type]!);
}

/** Switched on for namespaces and integrations alone: the org gives it nothing of what it requires. */
function isForOthers({ scope, config }: Binding, { configSchema }: PluginManifest): boolean {
  const required = configSchema?.['required'];
  const isBare = scope === 'org' && Object.keys(config).length === 0;
  return isBare && Array.isArray(required) && required.length > 0;
}
