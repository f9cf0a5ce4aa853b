import type { Config } from '../config/config.ts';
import type { OnAnswered } from '../http/answered.ts';
import { createMetrics, createMetricsApp, metricsRouter } from '../http/metrics.ts';
import { logAnswers } from '../http/request-log.ts';
import { type Read, readingsOf } from './readings.ts';
import type { Parts } from './routers.ts';

/** What whoever runs the service sees of it: its metrics, and a line for each request. */
export function openTelemetry(
  { metricsToken, dataDir }: Pick<Config, 'metricsToken' | 'dataDir'>,
  parts: Read & Pick<Parts, 'log'>,
) {
  const metrics = createMetrics(readingsOf(dataDir, parts));
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
