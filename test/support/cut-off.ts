import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A wire to a server that can be cut. */
export interface Wire {
  port: number;
  /** `refuse`: every connection ends, and no new one is taken. `silence`: nothing passes any more. */
  cut(how: 'refuse' | 'silence'): void;
  mend(): void;
  close(): Promise<void>;
}

/** Passes on what comes to `targetPort` of the loopback address. */
export async function openWire(targetPort: number): Promise<Wire> {
  const sockets = new Set<Socket>();
  let state: 'whole' | 'refuse' | 'silence' = 'whole';

  const keep = (socket: Socket, other: Socket) => {
    sockets.add(socket);
    socket
      .on('error', () => {})
      .on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    socket.on('data', (chunk) => state === 'whole' && other.write(chunk));
  };
  const server = createServer((inner) => {
    if (state === 'refuse') return void inner.destroy();
    const outer = connect(targetPort, '127.0.0.1');
    keep(inner, outer);
    keep(outer, inner);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const endAll = () => {
    for (const socket of sockets) socket.destroy();
  };

  return {
    port: (server.address() as AddressInfo).port,
    cut(how) {
      state = how;
      if (how === 'refuse') endAll();
    },
    mend() {
      state = 'whole';
      // What was lost on the way cannot be made up for.
      endAll();
    },
    async close() {
      endAll();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
