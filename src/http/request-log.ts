import type { Logger } from '../audit/logger.ts';
import type { OnAnswered } from './answered.ts';

/**
 * A line for each request, by its route's pattern: a path, a query or a header may hold a secret.
 * What every client asks all day is told at `debug` alone.
 */
export function logAnswers(log: Logger & Partial<Record<'debug', Logger['info']>>): OnAnswered {
  return ({ isHot, elapsedMs, ...facts }) => {
    const line = { ...facts, elapsedMs: Math.round(elapsedMs * 10) / 10 };
    if (isHot) log.debug?.(line, 'answered');
    else log.info(line, 'answered');
  };
}
