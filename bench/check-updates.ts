import { compareWithBare } from './against-bare.ts';
import { answerLike } from './bare-server.ts';
import { commitTo } from './commit.ts';
import type { Figure } from './figure.ts';
import { startLoadGenerator } from './load.ts';
import { OBJECTS_PER_PLUGIN, objectFile, objectPath, registryOf } from './registry.ts';
import { deliveryUrl, enrol, openSite, removeSite, serveSite } from './site.ts';

const INSTALLED = 50;
const CHANGED = 5;

/** What a client asks all day, against a bare server that parses the same body. */
export async function benchCheckUpdates(): Promise<Figure[]> {
  const site = await openSite(registryOf(100 * OBJECTS_PER_PLUGIN));
  const digests = () =>
    [...site.runtime.view.published.records.values()]
      .slice(0, INSTALLED)
      .map(({ content: { id, contentDigest } }) => ({ pluginId: id, contentDigest }));
  const before = digests();
  const plugins = Array.from({ length: CHANGED }, (_, plugin) => plugin);
  await commitTo(
    site.repo,
    Object.fromEntries(plugins.map((p) => [objectPath(p, 3), objectFile(p, 3, 1)])),
  );
  await site.runtime.refresh();
  const after = digests();
  await site.close();
  const server = await serveSite(site);
  const load = startLoadGenerator();
  try {
    const client = await enrol(server, site.token, { name: 'laptop' });
    const url = `${deliveryUrl(server)}/clients/${client.clientId}/check-updates`;
    const type = { 'content-type': 'application/json' };
    const headers = { authorization: `Bearer ${client.token}`, ...type };
    const compare = async (metric: string, installed: typeof before, atLeast: number) => {
      const request = {
        url,
        method: 'POST' as const,
        headers,
        body: JSON.stringify({ installed }),
      };
      const answer = await answerLike(await fetch(url, request), true);
      checkUpdates(answer.body, installed === before ? CHANGED : 0);
      const what = { bench: 'check-updates', metric, request, pid: server.pid, answer, atLeast };
      return await compareWithBare(load, what);
    };
    return [
      ...(await compare(`${INSTALLED} installed, none changed`, after, 0.4)),
      ...(await compare(`${INSTALLED} installed, ${CHANGED} changed`, before, 0.25)),
    ];
  } finally {
    load.close();
    await server.stop();
    await removeSite(site);
  }
}

/** A fast answer to another question would be no figure. */
function checkUpdates(body: string, count: number): void {
  const { updates } = JSON.parse(body) as { updates: { items: { changed: unknown[] } }[] };
  const isRight =
    updates.length === count && updates.every(({ items }) => items.changed.length === 1);
  if (!isRight) throw new Error(`not the updates that were asked for: ${body.slice(0, 500)}`);
}
