import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Pushed } from './author-process.ts';
import { type Figure, figure } from './figure.ts';
import { OBJECTS_PER_PLUGIN, objectFile, objectPath, registryOf } from './registry.ts';
import { median, quantile, timed } from './sample.ts';
import { openSite, removeSite } from './site.ts';

const PUSHES = 120;
const WARM_UP = 20;

interface Times {
  compiled: number[];
  yardstick: number[];
}

/** A commit of one file, compiled, stored and active; the ref has moved already. */
export async function benchPush(): Promise<Figure[]> {
  const small = await measure(5_000);
  const large = await measure(50_000);
  const growth = median(large.compiled) / median(small.compiled);
  return [
    ...figuresOf('5,000 objects', small),
    ...figuresOf('50,000 objects', large),
    figure({
      bench: 'push',
      metric: 'median, 50,000 objects against 5,000',
      value: median(large.compiled),
      unit: 'ms',
      yardstick: { name: 'at 5,000', value: median(small.compiled), unit: 'ms' },
      ratio: growth,
      atMost: 1.5,
    }),
  ];
}

function figuresOf(metric: string, { compiled, yardstick }: Times): Figure[] {
  const bench = 'push';
  const git = { name: 'git diff-tree + yaml', value: median(yardstick), unit: 'ms' };
  const ratio = median(compiled) / median(yardstick);
  return [
    figure({
      bench,
      metric: `${metric}, median`,
      value: median(compiled),
      unit: 'ms',
      yardstick: git,
      ratio,
    }),
    figure({
      bench,
      metric: `${metric}, p99`,
      value: quantile(compiled, 0.99),
      unit: 'ms',
      atMost: 25,
    }),
  ];
}

async function measure(objects: number): Promise<Times> {
  const site = await openSite(registryOf(objects));
  const author = fork(join(import.meta.dirname, 'author-process.ts'));
  const times: Times = { compiled: [], yardstick: [] };
  try {
    for (let i = 0; i < PUSHES + WARM_UP; i++) {
      const plugin = (i * 37) % (objects / OBJECTS_PER_PLUGIN);
      const path = objectPath(plugin, i % OBJECTS_PER_PLUGIN);
      const text = objectFile(plugin, i % OBJECTS_PER_PLUGIN, i + 1);
      author.send({ repo: site.repo, path, text });
      const [{ commit, yardstickMs }] = (await once(author, 'message')) as [Pushed];
      const compiledMs = await timed(() => site.runtime.refresh());
      if (site.runtime.view.published.commit !== commit) throw new Error('the push is not active');
      if (i < WARM_UP) continue;
      times.compiled.push(compiledMs);
      times.yardstick.push(yardstickMs);
    }
  } finally {
    author.kill();
    await site.close();
    await removeSite(site);
  }
  return times;
}
