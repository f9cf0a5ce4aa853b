import { spawn } from 'node:child_process';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname } from 'node:path';

/** A repository behind git's own CGI program, as a plain web server would have it. */
export interface HttpBackend {
  /** Of the repository. */
  url: string;
  port: number;
  /** Only requests with this as Basic credentials are served; anyone's when undefined. */
  login: { username: string; password: string } | undefined;
  /** Answers a request in git's place; false leaves it to git. */
  intercept: (request: IncomingMessage, response: ServerResponse) => boolean;
  /** Method and path of each request so far. */
  asked: string[];
  close(): Promise<void>;
}

export async function serveHttpBackend(repo: string): Promise<HttpBackend> {
  const server = createServer((request, response) => {
    backend.asked.push(`${request.method} ${request.url}`);
    if (backend.intercept(request, response)) return;
    if (isLoggedIn(request, backend.login)) runCgi(repo, request, response);
    else response.writeHead(401, { 'www-authenticate': 'Basic realm="test"' }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const name = repo.slice(dirname(repo).length + 1);
  const backend: HttpBackend = {
    url: `http://127.0.0.1:${port}/${name}`,
    port,
    login: undefined,
    intercept: () => false,
    asked: [],
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return backend;
}

function isLoggedIn({ headers }: IncomingMessage, login: HttpBackend['login']): boolean {
  if (!login) return true;
  const expected = Buffer.from(`${login.username}:${login.password}`).toString('base64');
  return headers.authorization === `Basic ${expected}`;
}

function runCgi(repo: string, request: IncomingMessage, response: ServerResponse): void {
  const { pathname, search } = new URL(request.url ?? '/', 'http://localhost');
  const { headers, method } = request;
  const child = spawn('git', ['http-backend'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: {
      PATH: process.env['PATH'],
      GIT_PROJECT_ROOT: dirname(repo),
      GIT_HTTP_EXPORT_ALL: '1',
      GIT_CONFIG_NOSYSTEM: '1',
      PATH_INFO: pathname,
      QUERY_STRING: search.slice(1),
      REQUEST_METHOD: method,
      CONTENT_TYPE: headers['content-type'] ?? '',
      HTTP_CONTENT_ENCODING: headers['content-encoding'] ?? '',
      GIT_PROTOCOL: String(headers['git-protocol'] ?? ''),
    },
  });
  child.stdin.on('error', () => {});
  request.pipe(child.stdin);
  let head: Buffer | undefined = Buffer.alloc(0);
  child.stdout.on('data', (chunk: Buffer) => {
    if (!head) return void response.write(chunk);
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) return;
    writeHead(response, head.subarray(0, end).toString());
    response.write(head.subarray(end + 4));
    head = undefined;
  });
  child.once('close', () => response.end());
}

function writeHead(response: ServerResponse, text: string): void {
  for (const line of text.split('\r\n')) {
    const [, name = '', value = ''] = /^([^:]+): *(.*)$/.exec(line) ?? [];
    if (name === 'Status') response.statusCode = Number.parseInt(value, 10);
    else response.setHeader(name, value);
  }
}
