import { createHash, timingSafeEqual } from 'node:crypto';
import express, { type Express, type RequestHandler, Router } from 'express';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { WaymarkError } from '../model/errors.ts';
import type { OnAnswered } from './answered.ts';

/** One number, or one for each value of a label. */
export interface Reading {
  name: string;
  help: string;
  read(): Promise<readonly { labels?: Readonly<Record<string, string>>; value: number }[]>;
  labels?: readonly string[];
}

export interface Metrics {
  onAnswered: OnAnswered;
  /** In the text format of Prometheus. */
  text(): Promise<string>;
}

/** A cached manifest takes 0.1 ms, a bundle for a slow reader minutes. */
const BUCKETS_SEC = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30];

/** @param readings taken when they are asked for; one that fails is left out, and the others stay */
export function createMetrics(readings: readonly Reading[]): Metrics {
  const register = new Registry();
  collectDefaultMetrics({ register, prefix: 'waymark_' });
  const labelNames = ['method', 'route', 'status'] as const;
  const requests = new Counter({
    name: 'waymark_http_requests_total',
    help: 'Requests that were answered, by the pattern of their route.',
    labelNames,
    registers: [register],
  });
  const durations = new Histogram({
    name: 'waymark_http_request_duration_seconds',
    help: 'From the end of the headers to the end of the answer.',
    labelNames: ['method', 'route'] as const,
    buckets: BUCKETS_SEC,
    registers: [register],
  });
  for (const reading of readings) addReading(register, reading);

  return {
    onAnswered({ method, route, status, elapsedMs }) {
      requests.inc({ method, route, status });
      durations.observe({ method, route }, elapsedMs / 1000);
    },
    text: () => register.metrics(),
  };
}

function addReading(register: Registry, { name, help, labels = [], read }: Reading): void {
  const labelNames = [...labels];
  const gauge = new Gauge({
    name: `waymark_${name}`,
    help,
    labelNames,
    registers: [register],
    async collect() {
      // An org that is gone would else keep its last value.
      gauge.reset();
      if (labels.length === 0) gauge.remove(); // reset leaves a zero there
      const values = await read().catch(() => []);
      for (const { labels: own = {}, value } of values) gauge.set(own, value);
    },
  });
}

/** `GET /metrics`, for whoever has the token; nothing is there without one. */
export function metricsRouter({ text }: Metrics, token: string | null): Router {
  const router = Router();
  if (token !== null) router.get('/metrics', checkToken(token), answer(text));
  return router;
}

/** For a port of its own, which only the operator's network reaches. */
export function createMetricsApp({ text }: Metrics): Express {
  const app = express();
  app.disable('x-powered-by');
  app.get('/metrics', answer(text));
  return app;
}

const answer =
  (text: Metrics['text']): RequestHandler =>
  async (_request, response) => {
    response.type('text/plain; version=0.0.4; charset=utf-8').send(await text());
  };

function checkToken(token: string): RequestHandler {
  const expected = hashOf(token);
  return (request, _response, next) => {
    const given = /^Bearer (.+)$/.exec(request.get('authorization') ?? '')?.[1];
    if (given === undefined) {
      throw new WaymarkError('AUTH_TOKEN_MISSING', 'send WAYMARK_METRICS_TOKEN as Bearer');
    }
    if (!timingSafeEqual(hashOf(given), expected)) {
      throw new WaymarkError('AUTH_TOKEN_INVALID', 'this is not WAYMARK_METRICS_TOKEN');
    }
    next();
  };
}

const hashOf = (text: string): Buffer => createHash('sha256').update(text).digest();
