import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestProject } from 'vitest/node';
import { HOW_TO_INSTALL, startPostgres } from './postgres.ts';
import { findRedis, HOW_TO_INSTALL_REDIS } from './redis.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Answers a server's URL at `postgres` and `redis`, and starts it when first asked. */
    starter: string;
  }
}

interface Running {
  url: string;
  stop: () => Promise<void>;
}

const kinds = {
  '/postgres': { start: startPostgres, hint: HOW_TO_INSTALL },
  '/redis': { start: findRedis, hint: HOW_TO_INSTALL_REDIS },
};

/** One PostgreSQL and one Redis for the whole run, started only when a test file asks for it. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const started = new Map<string, Promise<Running | undefined>>();

  const starter = createServer((request, response) => {
    const path = request.url as keyof typeof kinds;
    const { start, hint } = kinds[path];
    const starting = started.get(path) ?? start();
    started.set(path, starting);
    starting.then(
      (server) => response.writeHead(server ? 200 : 404).end(server?.url ?? hint),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  await new Promise<void>((resolve) => starter.listen(0, '127.0.0.1', resolve));
  const { port } = starter.address() as AddressInfo;
  project.provide('starter', `http://127.0.0.1:${port}`);

  return async () => {
    starter.close();
    for (const starting of started.values()) {
      await (await starting.catch(() => undefined))?.stop();
    }
  };
}
