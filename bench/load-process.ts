import { connect } from 'node:net';
import type { LoadOrder, LoadResult } from './load.ts';

/**
 * Own code over plain sockets: a generator that parses HTTP in full needs more
 * of a two-core machine than the server it is to load.
 */
process.on('message', (order: LoadOrder) => {
  run(order).then(
    (result) => process.send!(result),
    (error: Error) => process.send!({ error: error.message }),
  );
});

const buffer = Buffer.allocUnsafe(1024 * 1024);
/** A head that does not come in one piece fails the measurement: ours are short. */
const MOST_HEAD_BYTES = 4096;

async function run(order: LoadOrder): Promise<LoadResult> {
  const bytes = requestBytes(order);
  const startMs = performance.now();
  const untilMs = startMs + order.durationMs;
  const counts = await Promise.all(
    Array.from({ length: order.connections }, () => ask(bytes, order, untilMs)),
  );
  const elapsedMs = performance.now() - startMs;
  return {
    requests: counts.reduce((sum, { requests }) => sum + requests, 0),
    bytes: counts.reduce((sum, one) => sum + one.bytes, 0),
    elapsedMs,
  };
}

function requestBytes({ url, method = 'GET', headers = {}, body }: LoadOrder): Buffer {
  const { host, pathname, search } = new URL(url);
  const lines = [`${method} ${pathname}${search} HTTP/1.1`, `Host: ${host}`];
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
  if (body !== undefined) lines.push(`Content-Length: ${Buffer.byteLength(body)}`);
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body ?? ''}`);
}

/** One request after the other on a connection of its own, until the time is over. */
function ask(
  bytes: Buffer,
  { url, status }: LoadOrder,
  untilMs: number,
): Promise<{ requests: number; bytes: number }> {
  const { hostname, port } = new URL(url);
  const done = { requests: 0, bytes: 0 };
  return new Promise((resolve, reject) => {
    let missing = 0;
    const socket = connect({
      host: hostname,
      port: Number(port),
      noDelay: true,
      // One buffer for all that is read: nothing is kept of it.
      onread: { buffer, callback: (size) => received(size) },
    });
    socket.once('connect', () => socket.write(bytes));
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('the server closed a connection')));

    function received(size: number): boolean {
      done.bytes += size;
      if (missing > 0) missing -= size;
      else {
        const head = buffer.toString('latin1', 0, Math.min(size, MOST_HEAD_BYTES));
        const end = head.indexOf('\r\n\r\n');
        if (end < 0 || !head.startsWith(`HTTP/1.1 ${status} `)) {
          fail(new Error(head));
          return false;
        }
        missing = end + 4 + lengthOf(head, end) - size;
      }
      if (missing > 0) return true;
      done.requests += 1;
      if (performance.now() < untilMs) socket.write(bytes);
      else {
        resolve(done);
        socket.destroy();
      }
      return true;
    }

    function fail(error: Error): void {
      reject(error);
      socket.destroy();
    }
  });
}

function lengthOf(head: string, end: number): number {
  const at = head.indexOf('ontent-Length: ');
  return at < 0 || at > end ? 0 : Number.parseInt(head.slice(at + 15, at + 30), 10);
}
