import { createServer } from 'node:http';
import { drain, listen } from '../../src/http/listen.ts';

/** An answer on its way: what is changed in it goes out. */
export interface Passing {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
}

/** Gives what goes out instead; undefined: as it came. */
export type Tamper = (path: string, answer: Passing) => Passing | undefined;

export interface TamperingProxy {
  url: string;
  /** Honest until it is set. */
  tamper: Tamper | undefined;
  /** The paths that it tampered with. */
  tampered: string[];
  close(): Promise<void>;
}

/** Somebody between a client and its server, on the loopback address. */
export async function startTamperingProxy(target: string): Promise<TamperingProxy> {
  const server = createServer(async (request, response) => {
    const path = request.url ?? '/';
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { host: _host, connection: _connection, ...headers } = request.headers;
    const answer = await fetch(target + path, {
      method: request.method ?? 'GET',
      headers: headers as Record<string, string>,
      ...(chunks.length > 0 ? { body: Buffer.concat(chunks) } : {}),
    });
    const honest = {
      status: answer.status,
      headers: Object.fromEntries(answer.headers),
      body: Buffer.from(await answer.arrayBuffer()),
    };
    const changed = proxy.tamper?.(path, honest);
    if (changed) proxy.tampered.push(path);
    const { status, headers: out, body } = changed ?? honest;
    const { 'content-length': _length, connection: _kept, 'keep-alive': _alive, ...rest } = out;
    response.writeHead(status, { ...rest, 'content-length': String(body.length) });
    response.end(body);
  });
  const proxy: TamperingProxy = {
    url: await listen(server, { host: '127.0.0.1', port: 0 }),
    tamper: undefined,
    tampered: [],
    close: () => drain(server, 0),
  };
  return proxy;
}
