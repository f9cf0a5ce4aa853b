import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';

/** The answer that the yardstick gives to everything. */
export interface BareAnswer {
  status: number;
  headers: Record<string, string>;
  body: string;
  /** Reads the request's body and parses it as JSON before. */
  parses: boolean;
}

export interface BareServer {
  url: string;
  pid: number;
  close(): void;
}

/** A bare `node:http` server in a process of its own that answers the same bytes to everybody. */
export async function startBareServer(answer: BareAnswer): Promise<BareServer> {
  const child = fork(fileURLToPath(import.meta.url));
  child.send(answer);
  const [port] = (await once(child, 'message')) as [number];
  return { url: `http://127.0.0.1:${port}`, pid: child.pid!, close: () => void child.kill() };
}

function serve({ status, headers, body, parses }: BareAnswer): void {
  const bytes = Buffer.from(body);
  const server = createServer((request, response) => {
    const answer = () => {
      response.writeHead(status, headers);
      response.end(bytes);
    };
    if (!parses) return answer();
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      JSON.parse(Buffer.concat(chunks).toString());
      answer();
    });
  });
  server.listen(0, '127.0.0.1', () => process.send!((server.address() as AddressInfo).port));
}

if (import.meta.main) process.once('message', serve);

const BY_NODE = new Set(['date', 'connection', 'keep-alive']);

/** What a bare server has to answer to equal this answer, byte for byte. */
export async function answerLike(response: Response, parses = false): Promise<BareAnswer> {
  const headers = [...response.headers].filter(([name]) => !BY_NODE.has(name));
  const body = await response.text();
  return { status: response.status, headers: Object.fromEntries(headers), body, parses };
}
