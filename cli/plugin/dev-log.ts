/** A line of the server's log as an author wants it: the plugin's own, and what went wrong. */
export function formatLogLine(line: string, id: string): string | undefined {
  let entry: Record<string, unknown>;
  try {
    entry = JSON.parse(line) as Record<string, unknown>;
  } catch {
    // What does not come from the log is what ended the server.
    return line;
  }
  const level = LEVELS[Number(entry['level'])] ?? 'info';
  const plugin = entry['plugin'] as { id?: string; fields?: object } | undefined;
  const { msg } = entry;
  const message = typeof msg === 'string' ? msg : '';
  if (plugin?.id === id) {
    const fields =
      Object.keys(plugin.fields ?? {}).length > 0 ? ` ${JSON.stringify(plugin.fields)}` : '';
    return `${level} ${id}: ${message}${fields}`;
  }
  if (level === 'info' || level === 'debug') return undefined;
  const { message: cause = '' } = (entry['error'] ?? {}) as { message?: string };
  return `${level} server: ${message}${cause && `: ${cause}`}`;
}

const LEVELS: Readonly<Record<number, string>> = {
  20: 'debug',
  30: 'info',
  40: 'warn',
  50: 'error',
};
