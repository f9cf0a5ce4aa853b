import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { type Figure, figure } from './figure.ts';
import { registryOf } from './registry.ts';
import { alternate } from './sample.ts';
import { openSite, removeSite } from './site.ts';

const OBJECTS = 5000;
const ROUNDS = 5;

/** A registry without any cache, against reading and checking the same files on one thread. */
export async function benchColdCompile(): Promise<Figure[]> {
  const site = await openSite(registryOf(OBJECTS));
  const { commit } = site.runtime.view.published;
  await site.close();
  try {
    // A process for each: neither side is to find the other's code warm.
    const run = (who: 'product' | 'yardstick') => () => inProcess(who, site.repo, commit);
    const pair = await alternate(ROUNDS, run('product'), run('yardstick'));
    return [
      figure({
        bench: 'cold-compile',
        metric: `${OBJECTS.toLocaleString('en')} objects`,
        value: pair.product,
        unit: 'ms',
        yardstick: { name: 'git cat-file + yaml + ajv', value: pair.yardstick, unit: 'ms' },
        ratio: pair.ratio,
        atMost: 0.6,
      }),
    ];
  } finally {
    await removeSite(site);
  }
}

async function inProcess(who: string, repo: string, commit: string): Promise<number> {
  const child = fork(join(import.meta.dirname, 'cold-compile-process.ts'), [who, repo, commit]);
  const [answer] = (await once(child, 'message')) as [{ elapsedMs: number }];
  await once(child, 'close');
  return answer.elapsedMs;
}
