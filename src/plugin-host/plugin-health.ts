import type { HostedPlugin } from './hosted-plugin.ts';

export type PluginHealth = 'healthy' | 'degraded' | 'unhealthy' | 'unknown';

/** As far as its calls have told; unknown of one that was never called. */
export function healthOf(plugin: HostedPlugin | undefined): PluginHealth {
  if (!plugin) return 'unknown';
  const { state, health, pending } = plugin;
  if (state === 'failed' || health.breaker === 'open') return 'unhealthy';
  if (health.breaker === 'half-open' || pending) return 'degraded';
  return state === 'discovered' ? 'unknown' : 'healthy';
}
