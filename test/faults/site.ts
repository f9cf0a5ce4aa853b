import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { repositoryPath } from '../../src/git/repository.ts';
import { runGit, temporaryFolder } from '../support/git.ts';
import { type RunningServer, startServer } from '../support/server.ts';

export const ORG = 'acme';
/** `npm run test:faults`: every fault as often as the design asks for. */
export const isFull = process.env['WAYMARK_FAULTS'] === 'full';

/** The data of a server with the example org, on which one server after the other works. */
export interface Site {
  dataDir: string;
  /** The org's bare repository. */
  repo: string;
  adminKey: string;
  /** The server that runs now. */
  server: RunningServer;
  /** Ends the one before by SIGKILL, where it lives still. */
  serve(failpoints?: string, env?: Record<string, string>): Promise<RunningServer>;
  /** A new clone of the registry. */
  clone(): Promise<string>;
  /** The address for git, by any key. */
  gitUrl(token?: string): string;
  /** An answer of the management API or of delivery; a path that starts with a word is delivery's. */
  ask(path: string, options?: AskOptions): Promise<Response>;
  query<Row>(sql: string, ...values: string[]): Row[];
  remove(): Promise<void>;
}

export interface AskOptions {
  body?: unknown;
  token?: string;
  headers?: Record<string, string>;
}

export async function makeSite(): Promise<Site> {
  const folder = await temporaryFolder('waymark-fault-');
  const dataDir = join(folder, 'data');
  const first = await startServer({ dataDir });
  let clones = 0;

  const site: Site = {
    dataDir,
    repo: repositoryPath(dataDir, ORG),
    adminKey: first.adminKey,
    server: first,
    async serve(failpoints = '', env = {}) {
      await site.server.kill('SIGKILL');
      site.server = await startServer({ dataDir, failpoints, env });
      return site.server;
    },
    async clone() {
      const name = `clone-${clones++}`;
      await runGit(folder, ['clone', '-q', site.gitUrl(), name]);
      return join(folder, name);
    },
    gitUrl: (token = site.adminKey) =>
      `${site.server.url.replace('://', `://x:${token}@`)}/git/${ORG}.git`,
    ask(path, { body, token = site.adminKey, headers = {} } = {}) {
      const url = path.startsWith('/') ? path : `/v1/orgs/${ORG}/delivery/${path}`;
      const common = { authorization: `Bearer ${token}`, 'x-waymark-org': ORG, ...headers };
      if (body === undefined) return fetch(`${site.server.url}${url}`, { headers: common });
      return fetch(`${site.server.url}${url}`, {
        method: 'POST',
        headers: { ...common, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    },
    query<Row>(sql: string, ...values: string[]) {
      const database = new DatabaseSync(join(dataDir, 'waymark.db'));
      try {
        return database.prepare(sql).all(...values) as Row[];
      } finally {
        database.close();
      }
    },
    async remove() {
      await site.server.kill('SIGKILL');
      await rm(folder, { recursive: true, force: true });
    },
  };
  return site;
}
