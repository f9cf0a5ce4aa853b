import { randomBytes } from 'node:crypto';
import { generateClientKey } from '../src/signing/recipient.ts';
import type { RunningServer } from '../test/support/server.ts';
import { type Figure, figure } from './figure.ts';
import { residentMib } from './process-figures.ts';
import { heavyRegistry, pluginId } from './registry.ts';
import { deliveryUrl, enrol, openSite, removeSite, serveSite } from './site.ts';

const SMALL_MB = 4;
const LARGE_MB = 60;
const AT_ONCE = 4;

/** How much the server grows while a bundle is sealed and sent: it should not be the bundle's size. */
export async function benchMemory(): Promise<Figure[]> {
  const small = await measure(SMALL_MB);
  const large = await measure(LARGE_MB);
  const bench = 'memory';
  const metric = `RSS growth, a ${LARGE_MB} MiB bundle`;
  return [
    figure({
      bench,
      metric: `${metric} sealed`,
      value: large.sealing,
      unit: 'MiB',
      yardstick: { name: `${SMALL_MB} MiB`, value: small.sealing, unit: 'MiB' },
    }),
    figure({
      bench,
      metric: `${metric} sent to ${AT_ONCE} at once`,
      value: large.serving,
      unit: 'MiB',
      yardstick: { name: `${SMALL_MB} MiB`, value: small.serving, unit: 'MiB' },
    }),
  ];
}

async function measure(megabytes: number): Promise<{ sealing: number; serving: number }> {
  const site = await openSite(heavyRegistry(megabytes, randomBytes));
  await site.close();
  const server = await serveSite(site);
  try {
    const name = 'laptop';
    const { publicArmored: publicKey } = await generateClientKey(name);
    const { token } = await enrol(server, site.token, { name, publicKey });
    const before = residentMib(server.pid);
    const sealing = await peakDuring(server, () => download(server, token));
    const serving = await peakDuring(server, () =>
      Promise.all(Array.from({ length: AT_ONCE }, () => download(server, token))),
    );
    return { sealing: sealing - before, serving: serving - before };
  } finally {
    await server.stop();
    await removeSite(site);
  }
}

async function download(server: RunningServer, token: string): Promise<void> {
  const url = `${deliveryUrl(server)}/plugins/${pluginId(0)}/download`;
  const answer = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
  if (answer.status !== 200) throw new Error(await answer.text());
  for await (const _ of answer.body!) {
  }
}

async function peakDuring({ pid }: RunningServer, work: () => Promise<unknown>): Promise<number> {
  let peak = residentMib(pid);
  const timer = setInterval(() => {
    peak = Math.max(peak, residentMib(pid));
  }, 10);
  await work();
  clearInterval(timer);
  return peak;
}
