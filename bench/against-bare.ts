import { type BareAnswer, startBareServer } from './bare-server.ts';
import { type Figure, figure } from './figure.ts';
import { type LoadGenerator, type LoadOrder, requestsPerSec } from './load.ts';
import { cpuMs } from './process-figures.ts';
import { alternate, median } from './sample.ts';

const CONNECTIONS = 64;
const ROUNDS = 7;
const ROUND_MS = 1500;

export interface Comparison {
  bench: string;
  metric: string;
  request: Pick<LoadOrder, 'url' | 'headers' | 'method' | 'body'>;
  /** The server's process. */
  pid: number;
  answer: BareAnswer;
  /** Of the bare server's requests/s. */
  atLeast: number;
}

/**
 * Requests/s of the product and of a bare server that gives the same answer,
 * and the processor time of each: where the generator is what limits both,
 * only the latter tells them apart.
 */
export async function compareWithBare(
  load: LoadGenerator,
  { bench, metric, request, pid, answer, atLeast }: Comparison,
): Promise<Figure[]> {
  const bare = await startBareServer(answer);
  const order = { ...request, connections: CONNECTIONS, status: answer.status };
  const costs = { product: [] as number[], bare: [] as number[] };
  const measure = async (who: keyof typeof costs, url: string, process: number) => {
    const before = cpuMs(process);
    const result = await load.run({ ...order, url, durationMs: ROUND_MS });
    costs[who].push(((cpuMs(process) - before) * 1000) / result.requests);
    return requestsPerSec(result);
  };
  const product = () => measure('product', request.url, pid);
  const yardstick = () => measure('bare', bare.url, bare.pid);
  try {
    await alternate(1, product, yardstick);
    const pair = await alternate(ROUNDS, product, yardstick);
    return describe({ bench, metric, atLeast }, pair, median(costs.product), median(costs.bare));
  } finally {
    bare.close();
  }
}

function describe(
  { bench, metric, atLeast }: Pick<Comparison, 'bench' | 'metric' | 'atLeast'>,
  pair: Awaited<ReturnType<typeof alternate>>,
  productUs: number,
  bareUs: number,
): Figure[] {
  const name = 'bare node:http';
  const yardstick = { name, value: pair.yardstick, unit: 'requests/s' };
  const { product: value, ratio } = pair;
  return [
    figure({ bench, metric, value, unit: 'requests/s', yardstick, ratio, atLeast }),
    figure({
      bench,
      metric: `${metric}: server's processor time`,
      value: productUs,
      unit: 'µs/request',
      yardstick: { name, value: bareUs, unit: 'µs/request' },
      ratio: bareUs / productUs,
    }),
  ];
}
