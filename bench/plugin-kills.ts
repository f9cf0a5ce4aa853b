import { rm } from 'node:fs/promises';
import { temporaryFolder } from '../test/support/git.ts';
import { document } from '../test/support/plugin-site.ts';
import { writePlugin } from '../test/support/plugins.ts';
import type { RunningServer } from '../test/support/server.ts';
import { type Figure, figure } from './figure.ts';
import { alternate, quantile, timed } from './sample.ts';
import { openSite, removeSite, serveSite } from './site.ts';

const ROUNDS = 5;
const ROUND_MS = 1500;
const ROUTE = { capabilities: { api_routes: true }, apiRoutes: [{ method: 'GET', path: 'do' }] };

const KILLED = {
  loop: 'for (;;);',
  bomb: 'const all = []; for (;;) all.push(new Uint8Array(1e6).fill(1));',
};
const OTHERS = {
  'a plugin’s route': '/api/v1/plugin/echo/do',
  'a page of change requests': '/api/v1/change-requests',
};

/** What requests to a server cost while one of its plugins is killed and started anew, again and again. */
export async function requestsBesideKills(): Promise<Figure[]> {
  const dir = await temporaryFolder('waymark-bench-plugins-');
  await writePlugin(dir, {
    manifest: { id: 'echo', ...ROUTE },
    methods: `{ 'api.handle': () => ({ Body: btoa('fine') }) }`,
  });
  for (const [id, does] of Object.entries(KILLED)) {
    await writePlugin(dir, {
      manifest: { id, ...ROUTE },
      methods: `{ 'api.handle': () => { ${does} } }`,
    });
  }
  const plugins = { echo: {}, loop: {}, bomb: {} };
  const site = await openSite({ 'registry.yaml': document('Registry', { plugins }) });
  await site.close();
  const env = { WAYMARK_PLUGINS_DIR: dir, WAYMARK_PLUGINS_ALLOW_UNSIGNED: '1' };
  const server = await serveSite(site, env);
  try {
    const asking = askerOf(server, site.token);
    const figures: Figure[] = [];
    for (const [what, path] of Object.entries(OTHERS)) {
      for (const id of Object.keys(KILLED)) figures.push(await besideKills(asking, what, path, id));
    }
    return figures;
  } finally {
    await server.stop();
    await removeSite(site);
    await rm(dir, { recursive: true });
  }
}

type Ask = (path: string, expected: readonly number[], body?: string) => Promise<void>;

const askerOf =
  ({ url }: RunningServer, token: string): Ask =>
  async (path, expected, body) => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const post = body === undefined ? {} : { method: 'POST', body };
    const answer = await fetch(url + path, { headers, ...post });
    const said = await answer.text();
    if (!expected.includes(answer.status)) throw new Error(`${path}: ${answer.status} ${said}`);
  };

async function besideKills(ask: Ask, what: string, path: string, id: string): Promise<Figure> {
  let kills = 0;
  const beside = async () => {
    let isOver = false;
    const kill = async () => {
      while (!isOver) {
        await ask(`/api/v1/plugin/${id}/do`, [502, 504]);
        kills += 1;
        // Else its breaker would open, and nothing would be killed.
        await ask(`/api/v1/plugins/${id}/reset`, [200], '{}');
      }
    };
    const measured = p99Of(ask, path).finally(() => {
      isOver = true;
    });
    const [p99] = await Promise.all([measured, kill()]);
    return p99;
  };
  await p99Of(ask, path); // warm-up
  const { product, yardstick, ratio } = await alternate(ROUNDS, beside, () => p99Of(ask, path));
  const perSec = (kills * 1000) / (ROUNDS * ROUND_MS);
  return figure({
    bench: 'plugin',
    unit: 'ms',
    value: product,
    ratio,
    atMost: 1.2,
    metric: `${what}, p99, beside a ${id} killed ${perSec.toFixed(1)} times a second`,
    yardstick: { name: 'alone', value: yardstick, unit: 'ms' },
  });
}

async function p99Of(ask: Ask, path: string): Promise<number> {
  const endMs = performance.now() + ROUND_MS;
  const times: number[] = [];
  while (performance.now() < endMs) {
    times.push(await timed(() => ask(path, [200])));
  }
  return quantile(times, 0.99);
}
