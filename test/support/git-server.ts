import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { PushGate } from '../../src/git/gate.ts';
import { handleSmartHttp } from '../../src/git/smart-http.ts';
import { WaymarkError } from '../../src/model/errors.ts';

export interface GitServer {
  url: string;
  /** What `handleSmartHttp` rejected with. */
  failures: unknown[];
  close(): Promise<void>;
}

/** Serves one bare repository on the loopback address, to anyone, with a gate over pushes. */
export async function serveGit(repo: string, gate?: PushGate): Promise<GitServer> {
  const failures: unknown[] = [];
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
    const isAdvertisement = pathname.endsWith('/info/refs');
    const name = isAdvertisement ? searchParams.get('service') : pathname.split('/').at(-1);
    handleSmartHttp(request, response, {
      repo,
      service: name === 'git-receive-pack' ? 'receive-pack' : 'upload-pack',
      kind: isAdvertisement ? 'advertise' : 'rpc',
      actor: 'user:ada',
      ...(gate ? { gate } : {}),
    }).catch((error: unknown) => {
      failures.push(error);
      if (response.headersSent || response.destroyed) return;
      response.statusCode = error instanceof WaymarkError ? 415 : 500;
      response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/registry.git`,
    failures,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A gate that accepts everything, with any part replaced. */
export const gateWith = (parts: Partial<PushGate> = {}): PushGate => ({
  check: async () => ({ accept: true, messages: [] }),
  received: async () => {},
  ...parts,
});
