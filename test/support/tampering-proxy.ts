import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
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
  const server = createServer((request, response) => {
    pass(request, response).catch((error: unknown) => response.destroy(error as Error));
  });

  async function pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '/';
    const honest = await forward(target + path, request);
    const changed = proxy.tamper?.(path, honest);
    if (changed) proxy.tampered.push(path);
    const { status, headers, body } = changed ?? honest;
    response.writeHead(status, { ...headers, 'content-length': String(body.length) });
    response.end(body);
  }

  const proxy: TamperingProxy = {
    url: await listen(server, { host: '127.0.0.1', port: 0 }),
    tamper: undefined,
    tampered: [],
    close: () => drain(server, 0),
  };
  return proxy;
}

async function forward(url: string, request: IncomingMessage): Promise<Passing> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const answer = await fetch(url, {
    method: request.method ?? 'GET',
    headers: withoutHop(request.headers as Record<string, string>),
    ...(chunks.length > 0 ? { body: Buffer.concat(chunks) } : {}),
  });
  const headers = withoutHop(Object.fromEntries(answer.headers));
  return { status: answer.status, headers, body: Buffer.from(await answer.arrayBuffer()) };
}

/** Without what is of one connection, or of one body. */
function withoutHop(headers: Readonly<Record<string, string>>): Record<string, string> {
  const own = ['host', 'connection', 'keep-alive', 'transfer-encoding', 'content-length'];
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !own.includes(name)));
}
