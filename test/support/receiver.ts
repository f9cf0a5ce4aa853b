import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface Received {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** Somebody else's server on loopback, that is told of things. */
export interface Receiver {
  url: string;
  port: number;
  received: Received[];
  /** Replaced for another answer than 204. */
  respond(response: ServerResponse, received: Received): void;
  close(): Promise<void>;
}

/** @param host an address of this machine; `port` is any where it is not given */
export async function openReceiver({ host = '127.0.0.1', port = 0 } = {}): Promise<Receiver> {
  const take = async (request: IncomingMessage, response: ServerResponse) => {
    const { method = '', url: path = '', headers } = request;
    const received = { method, path, headers, body: await text(request) };
    receiver.received.push(received);
    receiver.respond(response, received);
  };
  const server = createServer((request, response) => {
    // Who breaks off has sent nothing.
    take(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(port, host, resolve));
  const free = (server.address() as AddressInfo).port;
  const receiver: Receiver = {
    url: `http://${host}:${free}`,
    port: free,
    received: [],
    respond: (response) => response.writeHead(204).end(),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return receiver;
}
