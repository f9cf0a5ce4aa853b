import type { Config } from '../config/config.ts';
import type { OnAnswered } from '../http/answered.ts';
import { createMetrics, createMetricsApp, metricsRouter } from '../http/metrics.ts';
import { logAnswers } from '../http/request-log.ts';
import { readingsOf } from './readings.ts';
import type { Parts } from './routers.ts';

/** What whoever runs the service sees of it: its metrics, and a line for each request. */
export function openTelemetry({ metricsToken }: Pick<Config, 'metricsToken'>, parts: Parts) {
  const metrics = createMetrics(readingsOf(parts));
  const log = logAnswers(parts.log);
  const onAnswered: OnAnswered = (answered) => {
    metrics.onAnswered(answered);
    log(answered);
  };
  return {
    metrics: metricsRouter(metrics, metricsToken),
    metricsApp: createMetricsApp(metrics),
    onAnswered,
  };
}
