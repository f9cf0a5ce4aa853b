import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { temporaryFolder } from '../test/support/git.ts';

export interface Nginx {
  /** Serves the files of `dir`. */
  url: string;
  dir: string;
  close(): Promise<void>;
}

/** A worker of nginx in the foreground on loopback; undefined where nginx is not installed. */
export async function startNginx(): Promise<Nginx | undefined> {
  const home = await temporaryFolder('waymark-nginx-');
  const dir = join(home, 'files');
  await mkdir(dir);
  const port = await freePort();
  await writeFile(join(home, 'nginx.conf'), configuration(home, dir, port));
  const child = spawn('nginx', ['-c', join(home, 'nginx.conf'), '-p', home], { stdio: 'inherit' });
  const isMissing = await Promise.race([
    once(child, 'error').then(() => true),
    accepts(port).then(() => false),
  ]);
  if (isMissing) return undefined;
  return {
    url: `http://127.0.0.1:${port}`,
    dir,
    async close() {
      const ended = once(child, 'close');
      child.kill('SIGQUIT');
      await ended;
      await rm(home, { recursive: true, force: true });
    },
  };
}

const configuration = (home: string, dir: string, port: number): string => `
daemon off;
worker_processes 1;
pid ${home}/pid;
error_log stderr error;
events { worker_connections 256; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  client_body_temp_path ${home}/body;
  proxy_temp_path ${home}/proxy;
  fastcgi_temp_path ${home}/fastcgi;
  uwsgi_temp_path ${home}/uwsgi;
  scgi_temp_path ${home}/scgi;
  server { listen 127.0.0.1:${port}; location / { root ${dir}; } }
}
${process.getuid?.() === 0 ? 'user root;' : ''}
`;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function accepts(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      return;
    } catch {
      await setTimeout(20);
    } finally {
      socket.destroy();
    }
  }
}
