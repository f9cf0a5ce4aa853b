import { createHash, timingSafeEqual } from 'node:crypto';
import express, { type Express, type RequestHandler, Router } from 'express';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { WaymarkError } from '../model/errors.ts';
import type { OnAnswered } from './answered.ts';
import { countRequests } from './request-metrics.ts';
import { refuseOthers } from './route.ts';

/** One number, or one for each value of a label. */
export interface Reading {
  name: string;
  help: string;
  read: () => Promise<readonly { labels?: Readonly<Record<string, string>>; value: number }[]>;
  labels?: readonly string[];
}

export interface Metrics {
  onAnswered: OnAnswered;
  /** In the text format of Prometheus. */
  text: () => Promise<string>;
}

/** @param readings taken when they are asked for; one that fails is left out, and the others stay */
export function createMetrics(readings: readonly Reading[]): Metrics {
  const register = new Registry();
  collectDefaultMetrics({ register, prefix: 'waymark_' });
  const onAnswered = countRequests(register);
  for (const reading of readings) addReading(register, reading);

  return { onAnswered, text: () => register.metrics() };
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
  if (token === null) return router;
  router
    .route('/metrics')
    .get(checkToken(token), answer(text))
    .all(refuseOthers(['GET']));
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
