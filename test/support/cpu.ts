/**
 * What this process has computed so far, in milliseconds. For work of which only
 * the amount tells: a machine that does other things too makes it no more.
 */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
