export function quantile(values: readonly number[], q: number): number {
  if (values.length === 0) throw new Error('nothing was measured');
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!;
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** Milliseconds that the work took. */
export async function timed(work: () => unknown): Promise<number> {
  const startMs = performance.now();
  await work();
  return performance.now() - startMs;
}

export interface Pair {
  product: number;
  yardstick: number;
  /** The median of the rounds' product / yardstick. */
  ratio: number;
}

/** Measures both by turns: on a shared machine the two of one round met the same neighbours. */
export async function alternate(
  rounds: number,
  product: () => Promise<number>,
  yardstick: () => Promise<number>,
): Promise<Pair> {
  const pairs: { product: number; yardstick: number }[] = [];
  for (let i = 0; i < rounds; i++) {
    pairs.push({ product: await product(), yardstick: await yardstick() });
  }
  return {
    product: median(pairs.map((pair) => pair.product)),
    yardstick: median(pairs.map((pair) => pair.yardstick)),
    ratio: median(pairs.map((pair) => pair.product / pair.yardstick)),
  };
}
