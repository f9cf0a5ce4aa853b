import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ConfigError } from '../config/config.ts';

const DRAIN_MS = 10_000;
const SWEEP_MS = 50;

/** Answers the address, with the port that was picked for port 0. @throws {ConfigError} */
export async function listen(
  server: Server,
  { host, port }: { host: string; port: number },
): Promise<string> {
  server.listen(port, host);
  await once(server, 'listening').catch((cause: NodeJS.ErrnoException) => {
    const what = `WAYMARK_HOST ${host}, WAYMARK_PORT ${port}`;
    throw new ConfigError(`${what}: the address cannot be listened on (${cause.code})`, { cause });
  });
  const { address, family, port: actual } = server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${actual}`;
}

/** Takes no more connections, lets running requests end, and cuts off what is left after `limitMs`. */
export async function drain(server: Server, limitMs = DRAIN_MS): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  // A connection that is kept alive falls idle when its request ends.
  const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_MS);
  const cut = setTimeout(() => server.closeAllConnections(), limitMs);
  await closed;
  clearInterval(sweep);
  clearTimeout(cut);
}
