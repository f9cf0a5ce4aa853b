import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect } from 'vitest';
import { makeClient, type TestClient } from './client.ts';
import { gitOutput, runGit } from './git.ts';
import { type RunningServer, startServer } from './server.ts';

/** A real server with one organisation, and the people who work with it by `waymark` and git. */
export interface Site {
  server: RunningServer;
  org: string;
  /** The site's administrator, whose folder also holds the work trees. */
  admin: TestClient;
  /** A new API key of the org, made with `waymark key create`. */
  keyOf(...flags: string[]): Promise<string>;
  /** Someone at a folder of their own, who has this key. */
  person(token: string): Promise<TestClient>;
  /** The registry's address for git, as whoever has this key. */
  gitUrl(token: string): string;
  close(): Promise<void>;
}

export interface SiteOptions {
  org?: string;
  /** An empty repository instead of the template. */
  isEmpty?: boolean;
  env?: Record<string, string>;
}

export async function openSite(options: SiteOptions = {}): Promise<Site> {
  const { org = 'tools', isEmpty = false, env = {} } = options;
  const server = await startServer({ env: { WAYMARK_EXAMPLE_ORG: '', ...env } });
  const people: TestClient[] = [];
  let keys = 0;

  const site: Site = {
    server,
    org,
    admin: await person(server.adminKey),
    async keyOf(...flags) {
      keys += 1;
      const { stdout } = await succeed(site.admin, 'key', 'create', `key-${keys}`, ...flags);
      return stdout.trim();
    },
    person,
    gitUrl: (token) => `${server.url.replace('//', `//git:${token}@`)}/git/${org}.git`,
    async close() {
      await Promise.all(people.map((one) => one.remove()));
      await server.stop();
    },
  };
  await succeed(site.admin, 'org', 'create', org, ...(isEmpty ? ['--empty'] : []));
  return site;

  async function person(token: string): Promise<TestClient> {
    const credentials = { WAYMARK_URL: server.url, WAYMARK_ORG: org, WAYMARK_TOKEN: token };
    const client = await makeClient(credentials);
    // The server's clock is the real one, so its clients' is too.
    Object.defineProperty(client, 'nowMs', { get: Date.now });
    people.push(client);
    return client;
  }
}

/** Runs `waymark` and gives what it said; a failure of it is the test's. */
export async function succeed(client: TestClient, ...argv: string[]) {
  const run = await client.run(...argv);
  expect(run.exitCode, `waymark ${argv.join(' ')}\n${run.stdout}${run.stderr}`).toBe(0);
  return run;
}

/** Writes the files into a work tree (null removes one), commits them and pushes `main`. */
export async function push(
  tree: string,
  files: Readonly<Record<string, string | null>>,
): Promise<{ stderr: string }> {
  for (const [path, content] of Object.entries(files)) {
    if (content === null) await runGit(tree, ['rm', '-q', path]);
    else await writeIn(tree, path, content);
  }
  await runGit(tree, ['add', '-A']);
  await runGit(tree, ['commit', '-q', '-m', 'Change']);
  return gitOutput(tree, ['push', 'origin', 'HEAD:main']);
}

async function writeIn(tree: string, path: string, content: string): Promise<void> {
  await mkdir(dirname(join(tree, path)), { recursive: true });
  await writeFile(join(tree, path), content);
}
