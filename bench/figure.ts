/** One measured figure, as `npm run bench` prints it. */
export interface Figure {
  bench: string;
  metric: string;
  value: number;
  unit: string;
  /** What the value is compared with, measured in the same run. */
  yardstick: { name: string; value: number; unit: string } | null;
  /** Of value and yardstick, the way round that makes larger better or that the target names. */
  ratio: number | null;
  /** As the performance page states it; null for a figure that only informs. */
  target: string | null;
  met: boolean | null;
}

interface Measured {
  bench: string;
  metric: string;
  value: number;
  unit: string;
  yardstick?: { name: string; value: number; unit: string };
  ratio?: number;
  /** Of the ratio where there is one, else of the value. */
  atLeast?: number;
  atMost?: number;
}

export function figure(measured: Measured): Figure {
  const { bench, metric, unit, yardstick = null, ratio, atLeast, atMost } = measured;
  const judged = ratio ?? measured.value;
  const what = ratio === undefined ? ` ${unit}` : ' x';
  const target =
    atLeast !== undefined
      ? `≥ ${atLeast}${what}`
      : atMost !== undefined
        ? `≤ ${atMost}${what}`
        : null;
  const isMet = judged >= (atLeast ?? -Infinity) && judged <= (atMost ?? Infinity);
  return {
    bench,
    metric,
    value: rounded(measured.value),
    unit,
    yardstick: yardstick && { ...yardstick, value: rounded(yardstick.value) },
    ratio: ratio === undefined ? null : rounded(ratio),
    target,
    met: target === null ? null : isMet,
  };
}

/** Three digits tell apart what a shared machine can. */
const rounded = (value: number): number => Number(value.toPrecision(3));

export function table(figures: readonly Figure[]): string {
  const rows = figures.map(({ bench, metric, value, unit, yardstick, ratio, target, met }) => [
    bench,
    metric,
    `${value.toLocaleString('en')} ${unit}`,
    yardstick
      ? `${yardstick.value.toLocaleString('en')} ${yardstick.unit} (${yardstick.name})`
      : '',
    ratio === null ? '' : String(ratio),
    target ?? '',
    met === null ? '' : met ? 'met' : 'MISSED',
  ]);
  const all = [['bench', 'metric', 'value', 'yardstick', 'ratio', 'target', ''], ...rows];
  const widths = all[0]!.map((_, i) => Math.max(...all.map((row) => row[i]!.length)));
  return all
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
