import { pino } from 'pino';

const SECRETS = ['token', 'key', 'secret', 'password', 'authorization', 'headers', 'cookie'];

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** JSON lines on standard error: standard output is for the person who started the server. */
export function createLog(level: LogLevel) {
  const redact = SECRETS.flatMap((name) => [name, `*.${name}`]);
  const serializers = { error: pino.stdSerializers.err };
  // Synchronous: what a dying process said last is what is looked for.
  return pino({ level, redact, serializers }, pino.destination({ dest: 2, sync: true }));
}
