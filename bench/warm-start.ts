import { type Figure, figure } from './figure.ts';
import { residentMib } from './process-figures.ts';
import { registryOf } from './registry.ts';
import { median } from './sample.ts';
import { deliveryUrl, openSite, removeSite, serveSite } from './site.ts';

const STARTS = 5;

/** A restart with 50,000 objects: from the process's start until it serves them. */
export async function benchWarmStart(): Promise<Figure[]> {
  const site = await openSite(registryOf(50_000));
  await site.close();
  const readyMs: number[] = [];
  const resident: number[] = [];
  try {
    for (let i = 0; i < STARTS; i++) {
      const startMs = performance.now();
      const server = await serveSite(site);
      const authorization = `Bearer ${site.token}`;
      const answer = await fetch(`${deliveryUrl(server)}/index`, { headers: { authorization } });
      if (answer.status !== 200) throw new Error(await answer.text());
      await answer.arrayBuffer();
      readyMs.push(performance.now() - startMs);
      resident.push(residentMib(server.pid));
      await server.stop();
    }
  } finally {
    await removeSite(site);
  }
  const bench = 'warm-start';
  const metric = '50,000 objects, the first index answered';
  return [
    figure({ bench, metric, value: median(readyMs), unit: 'ms', atMost: 1500 }),
    figure({
      bench,
      metric: '50,000 objects, RSS',
      value: Math.max(...resident),
      unit: 'MiB',
      atMost: 400,
    }),
  ];
}
