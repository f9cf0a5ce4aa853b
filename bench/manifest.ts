import { compareWithBare } from './against-bare.ts';
import { answerLike } from './bare-server.ts';
import type { Figure } from './figure.ts';
import { startLoadGenerator } from './load.ts';
import { pluginId, registryOf } from './registry.ts';
import { deliveryUrl, openSite, removeSite, serveSite } from './site.ts';

/** A manifest and its 304, authenticated and rate-limited, against a bare server. */
export async function benchManifest(): Promise<Figure[]> {
  const site = await openSite(registryOf(5000));
  await site.close();
  // Really counted, and never reached.
  const server = await serveSite(site, { WAYMARK_RATE_LIMIT: '999999999' });
  const load = startLoadGenerator();
  const compare = async (metric: string, headers: Record<string, string>) => {
    const url = `${deliveryUrl(server)}/plugins/${pluginId(7)}/manifest`;
    const answer = await answerLike(await fetch(url, { headers }));
    const request = { url, headers };
    const what = { bench: 'manifest', metric, request, pid: server.pid, answer, atLeast: 0.6 };
    return { figures: await compareWithBare(load, what), answer };
  };
  try {
    const authorization = `Bearer ${site.token}`;
    const whole = await compare('200', { authorization });
    const etag = whole.answer.headers['etag']!;
    const unchanged = await compare('304', { authorization, 'if-none-match': etag });
    return [...whole.figures, ...unchanged.figures];
  } finally {
    load.close();
    await server.stop();
    await removeSite(site);
  }
}
