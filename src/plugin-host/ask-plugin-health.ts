import { WaymarkError } from '../model/errors.ts';
import { type PluginHealth, readHealth } from './contract/read-lifecycle.ts';
import { tellOf } from './failures.ts';
import { healthOf } from './plugin-health.ts';
import type { PluginHost } from './plugin-host.ts';

/**
 * What a plugin says of itself; of one that says nothing, what its calls have
 * told. One that is off, or cannot run, is not asked.
 */
export async function askPluginHealth(
  plugins: Pick<PluginHost, 'find' | 'call'>,
  { org, id, requestId }: { org: string; id: string; requestId: string },
): Promise<PluginHealth> {
  const plugin = plugins.find(org, id);
  if (!plugin?.isEnabled) return { status: 'unknown', message: 'it is off', checks: [] };
  if (plugin.state === 'failed') return { status: 'unhealthy', checks: [] };
  try {
    const asked = { org, pluginId: id, method: 'plugin.health', params: {}, requestId } as const;
    const told = await plugins.call({ ...asked, read: readHealth });
    if (told !== undefined) return told as PluginHealth;
    return { status: healthOf(plugins.find(org, id)), checks: [] };
  } catch (error) {
    const isBusy = error instanceof WaymarkError && error.code === 'PLG_BUSY';
    return { status: isBusy ? 'degraded' : 'unhealthy', message: tellOf(error), checks: [] };
  }
}
