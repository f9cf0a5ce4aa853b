import type { Metric, Registry } from 'prom-client';
import type { Answered } from './answered.ts';

/** A cached manifest takes 0.1 ms, a bundle for a slow reader minutes. */
const BUCKETS_SEC = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30];

const REQUESTS = 'waymark_http_requests_total';
const DURATIONS = 'waymark_http_request_duration_seconds';

interface Series {
  labels: { method: string; route: string; status: string };
  count: number;
  sumSec: number;
  /** By bucket, not added up; the last one is for what is longer than all. */
  buckets: number[];
}

/** A line of the text format. */
interface Value {
  labels: Readonly<Record<string, string | number>>;
  value: number;
  metricName?: string;
}

/**
 * Counts requests, and how long they took. The library's own counter and histogram sort and join
 * labels at every call, which takes 2 µs: a twentieth of what a cached manifest takes in all. Here
 * that is done when somebody asks.
 */
export function countRequests(register: Registry): (answered: Answered) => void {
  const known = new Map<string, Series>();
  add(
    register,
    REQUESTS,
    'counter',
    'Requests that were answered, by the pattern of their route.',
    () => [...known.values()].map(({ labels, count }) => ({ labels, value: count })),
  );
  add(
    register,
    DURATIONS,
    'histogram',
    'From the end of the headers to the end of the answer.',
    () =>
      [
        ...Map.groupBy(known.values(), ({ labels: { method, route } }) => `${method} ${route}`),
      ].flatMap(([, all]) => histogramOf(all)),
  );

  return ({ method, route, status, elapsedMs }) => {
    const key = `${method} ${status} ${route}`;
    let series = known.get(key);
    if (!series) {
      const buckets = Array.from({ length: BUCKETS_SEC.length + 1 }, () => 0);
      series = { labels: { method, route, status: String(status) }, count: 0, sumSec: 0, buckets };
      known.set(key, series);
    }
    const elapsedSec = elapsedMs / 1000;
    series.count += 1;
    series.sumSec += elapsedSec;
    let at = 0;
    while (at < BUCKETS_SEC.length && elapsedSec > BUCKETS_SEC[at]!) at += 1;
    series.buckets[at]! += 1;
  };
}

/** Of one method and route, whatever the status. */
function histogramOf(all: readonly Series[]): Value[] {
  const { method, route } = all[0]!.labels;
  const labels = { method, route };
  const sum = (of: (series: Series) => number) => all.reduce((total, one) => total + of(one), 0);
  let upTo = 0;
  const buckets = [...BUCKETS_SEC, '+Inf'].map((le, i) => {
    upTo += sum((series) => series.buckets[i]!);
    return { metricName: `${DURATIONS}_bucket`, labels: { le, ...labels }, value: upTo };
  });
  return [
    ...buckets,
    { metricName: `${DURATIONS}_sum`, labels, value: sum(({ sumSec }) => sumSec) },
    { metricName: `${DURATIONS}_count`, labels, value: sum(({ count }) => count) },
  ];
}

function add(
  register: Registry,
  name: string,
  type: 'counter' | 'histogram',
  help: string,
  read: () => Value[],
): void {
  const metric = {
    name,
    get: async () => ({ name, help, type, aggregator: 'sum', values: read() }),
  };
  // All that a registry asks of a metric; its type names only the library's own classes.
  register.registerMetric(metric as unknown as Metric);
}
