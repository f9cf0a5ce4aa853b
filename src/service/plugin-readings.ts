import type { Reading } from '../http/metrics.ts';
import type { HostedPlugin } from '../plugin-host/hosted-plugin.ts';
import type { Parts } from './routers.ts';

type Watched = Pick<Parts, 'runtimes' | 'plugins'>;

/** What runs of server parts, by org; of those that are off, nothing. */
const enabledIn = ({ runtimes, plugins }: Watched): { org: string; plugin: HostedPlugin }[] =>
  runtimes.all().flatMap(({ org: { slug: org } }) =>
    plugins
      .plugins(org)
      .filter(({ isEnabled }) => isEnabled)
      .map((plugin) => ({ org, plugin })),
  );

export function readingsOfPlugins(watched: Watched): Reading[] {
  const perPlugin = (value: (plugin: HostedPlugin) => number) => async () =>
    enabledIn(watched).map(({ org, plugin }) => ({
      labels: { org, plugin: plugin.id },
      value: value(plugin),
    }));
  const labels = ['org', 'plugin'];
  return [
    {
      name: 'plugin_calls',
      help: 'Calls of server parts since the start, by what came of them.',
      labels: [...labels, 'outcome'],
      read: async () =>
        enabledIn(watched).flatMap(({ org, plugin: { id: plugin, health } }) =>
          Object.entries(health.calls).map(([outcome, value]) => ({
            labels: { org, plugin, outcome },
            value,
          })),
        ),
    },
    {
      name: 'plugin_restarts',
      help: 'How often a guest came to an end by itself.',
      labels,
      read: perPlugin(({ health }) => health.restarts),
    },
    {
      name: 'plugin_resting',
      help: '1 where the breaker keeps calls from a server part.',
      labels,
      read: perPlugin(({ health }) => Number(health.breaker !== 'closed')),
    },
    {
      name: 'plugin_memory_bytes',
      help: 'Of the guests that live.',
      labels,
      read: perPlugin(({ health }) => health.memoryBytes),
    },
  ];
}

/** For the probe: without names, since whoever may reach the server may read it. */
export function degradedPlugins(watched: Watched): string[] {
  const all = enabledIn(watched);
  const count = (holds: (plugin: HostedPlugin) => boolean) =>
    all.filter(({ plugin }) => holds(plugin)).length;
  const failed = count(({ state }) => state === 'failed');
  const resting = count(({ health }) => health.breaker !== 'closed');
  const waiting = count(({ pending }) => pending !== null);
  return [
    ...(failed > 0 ? [`${failed} plugins do not load: see their lastError`] : []),
    ...(resting > 0 ? [`${resting} plugins failed repeatedly and rest`] : []),
    ...(waiting > 0 ? [`${waiting} plugins have a version that cannot take over`] : []),
  ];
}
