import type { Logger } from '../audit/logger.ts';
import type { Answered, OnAnswered } from './answered.ts';

type LeveledLogger = Logger & {
  debug?: Logger['info'];
  isLevelEnabled?(level: 'debug'): boolean;
};

/**
 * A line for each request, by its route's pattern: a path, a query or a header may hold a secret.
 * What every client asks all day is told at `debug` alone.
 */
export function logAnswers(log: LeveledLogger): OnAnswered {
  const tellsHot = log.isLevelEnabled?.('debug') ?? false;
  return (answered) => {
    if (!answered.isHot) log.info(lineOf(answered), 'answered');
    else if (tellsHot) log.debug?.(lineOf(answered), 'answered');
  };
}

const lineOf = ({ isHot: _isHot, elapsedMs, ...facts }: Answered) => ({
  ...facts,
  elapsedMs: Math.round(elapsedMs * 10) / 10,
});
