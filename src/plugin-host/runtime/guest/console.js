// @ts-check

/** @import { Waymark } from './types.ts' */

const LEVELS = {
  debug: 'debug',
  trace: 'debug',
  log: 'info',
  info: 'info',
  warn: 'warn',
  error: 'error',
};
const LINE_CHARS = 8000;

/**
 * A console that writes to the server's log, by `host.log`.
 *
 * @param {Pick<Waymark, 'call'>} waymark
 */
export function createConsole(waymark) {
  const write = (/** @type {string} */ level, /** @type {unknown[]} */ said) => {
    const message = said.map(shown).join(' ').slice(0, LINE_CHARS);
    // A line that cannot be written is lost: nobody could be told but by another.
    waymark.call('host.log', { level, message }).catch(() => {});
  };
  const methods = Object.entries(LEVELS).map(([name, level]) => [
    name,
    (/** @type {unknown[]} */ ...said) => write(level, said),
  ]);
  return Object.fromEntries(methods);
}

/** @param {unknown} value */
function shown(value) {
  if (typeof value === 'string') return value;
  if (value instanceof Error) return `${value.name}: ${value.message}\n${value.stack ?? ''}`;
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
}
