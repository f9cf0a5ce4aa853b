import { Redis } from 'ioredis';
import type { Logger } from '../audit/logger.ts';

/**
 * A connection that fails at once while Redis is away, so that no request ever
 * waits for it, and comes back by itself.
 */
export function connectRedis(url: string, log: Logger): Redis {
  const options = { enableOfflineQueue: false, maxRetriesPerRequest: 0, retryStrategy };
  const redis = new Redis(url, options);
  redis.on('error', sayOnce(log));
  return redis;
}

/** Milliseconds to the next attempt to connect. */
export const retryStrategy = (attempts: number): number => Math.min(attempts * 50, 1000);

/** One line for an outage, not one for each attempt to end it. */
export function sayOnce(log: Logger): (error: Error) => void {
  let said = '';
  return (error) => {
    const { code = error.message } = error as NodeJS.ErrnoException;
    if (code === said) return;
    said = code;
    log.warn({ reason: code }, 'Redis is away');
  };
}
