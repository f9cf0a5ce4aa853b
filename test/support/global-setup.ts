import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestProject } from 'vitest/node';
import { HOW_TO_INSTALL, type RunningPostgres, startPostgres } from './postgres.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Answers the PostgreSQL server's URL, and starts it when first asked. */
    postgresStarter: string;
  }
}

/** One PostgreSQL for the whole run, started only when a test file asks for it. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  let postgres: Promise<RunningPostgres | undefined> | undefined;

  const starter = createServer((_request, response) => {
    postgres ??= startPostgres();
    postgres.then(
      (server) => response.writeHead(server ? 200 : 404).end(server?.url ?? HOW_TO_INSTALL),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  await new Promise<void>((resolve) => starter.listen(0, '127.0.0.1', resolve));
  const { port } = starter.address() as AddressInfo;
  project.provide('postgresStarter', `http://127.0.0.1:${port}/`);

  return async () => {
    starter.close();
    await (await postgres?.catch(() => undefined))?.stop();
  };
}
