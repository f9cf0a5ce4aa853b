import { rm, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { runGit, temporaryFolder } from '../test/support/git.ts';
import type { RunningServer } from '../test/support/server.ts';
import { type Figure, figure } from './figure.ts';
import { objectFile, objectPath, registryOf } from './registry.ts';
import { quantile } from './sample.ts';
import { deliveryUrl, ORG, openSite, removeSite, type Site, serveSite } from './site.ts';

const WATCHERS = 1000;
const PUSHES = 5;

/** A real `git push`, and how long a thousand waiting clients wait for its index. */
export async function benchWatchers(): Promise<Figure[]> {
  const site = await openSite(registryOf(5000));
  await site.close();
  const server = await serveSite(site);
  const workTree = await temporaryFolder('waymark-bench-push-');
  try {
    await clone(server, site, workTree);
    const afterPush: number[] = [];
    const afterActive: number[] = [];
    for (let i = 0; i < PUSHES; i++) {
      const { startedMs, activeMs, notifiedMs } = await pushOnce(server, site, workTree, i);
      afterPush.push(...notifiedMs.map((ms) => ms - startedMs));
      afterActive.push(...notifiedMs.map((ms) => Math.max(ms - activeMs, 0)));
    }
    const bench = 'watchers';
    const metric = `${WATCHERS.toLocaleString('en')} watchers, from the start of git push`;
    return [
      figure({ bench, metric: `${metric}, median`, value: quantile(afterPush, 0.5), unit: 'ms' }),
      figure({
        bench,
        metric: `${metric}, p99`,
        value: quantile(afterPush, 0.99),
        unit: 'ms',
        atMost: 250,
      }),
      figure({
        bench,
        metric: 'from the first notified to the p99',
        value: quantile(afterActive, 0.99),
        unit: 'ms',
      }),
    ];
  } finally {
    await server.stop();
    await removeSite(site);
    await rm(workTree, { recursive: true, force: true });
  }
}

async function clone(server: RunningServer, { token }: Site, workTree: string): Promise<void> {
  const url = server.url.replace('http://', `http://x:${token}@`);
  await runGit(workTree, ['clone', '-q', `${url}/git/${ORG}.git`, '.']);
}

async function pushOnce(server: RunningServer, site: Site, workTree: string, round: number) {
  const agent = new Agent({ keepAlive: false, maxSockets: WATCHERS });
  const url = `${deliveryUrl(server)}/index`;
  const authorization = `Bearer ${site.token}`;
  const etag = (await fetch(url, { headers: { authorization } })).headers.get('etag')!;
  const headers = { authorization, 'if-none-match': etag, prefer: 'wait=60' };
  const watching = Array.from({ length: WATCHERS }, () => watch(url, headers, agent));
  await Promise.all(watching.map(({ sent }) => sent));
  // Answered after all that came before it on the one thread: now they all wait.
  await fetch(url, { headers: { authorization } });
  const path = objectPath(3, 2);
  await writeFile(join(workTree, path), objectFile(3, 2, round + 1));
  await runGit(workTree, ['commit', '-q', '-a', '-m', 'Change']);
  const startedMs = performance.now();
  await runGit(workTree, ['push', '-q', 'origin', 'HEAD:main']);
  const notifiedMs = await Promise.all(watching.map(({ notifiedMs }) => notifiedMs));
  return { startedMs, activeMs: Math.min(...notifiedMs), notifiedMs };
}

function watch(url: string, headers: Record<string, string>, agent: Agent) {
  const sent = Promise.withResolvers<void>();
  const notified = Promise.withResolvers<number>();
  const asking = request(url, { headers, agent }, (response) => {
    response.resume();
    response.on('end', () => {
      if (response.statusCode === 200) notified.resolve(performance.now());
      else notified.reject(new Error(`a watcher was answered ${response.statusCode}`));
    });
  });
  asking.on('error', notified.reject);
  asking.on('finish', () => sent.resolve());
  asking.end();
  return { sent: sent.promise, notifiedMs: notified.promise };
}
