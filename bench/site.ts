import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { keepSecret } from '../src/config/secret-file.ts';
import { createArtifactStore } from '../src/database/artifact-store.ts';
import { openDatabase } from '../src/database/open.ts';
import { createStores, type Stores } from '../src/database/stores.ts';
import type { OrgRuntime } from '../src/delivery/runtime.ts';
import { OrgRuntimes } from '../src/delivery/runtimes.ts';
import { repositoryPath } from '../src/git/repository.ts';
import { mintApiKey } from '../src/identity/keys.ts';
import { NOTHING_ALLOWED } from '../src/outbound/address.ts';
import { ParsePool } from '../src/registry/parse-pool.ts';
import { createMasterKey } from '../src/signing/master-key.ts';
import { type Files, temporaryFolder } from '../test/support/git.ts';
import { makeApiKey, makeEntry } from '../test/support/records.ts';
import { type RunningServer, startServer } from '../test/support/server.ts';
import { commitTo } from './commit.ts';

export const ORG = 'bench';

/** A data directory with one org in it, opened in this process. */
export interface Site {
  dataDir: string;
  repo: string;
  runtime: OrgRuntime;
  stores: Stores;
  /** The token of a key that may do everything in the org. */
  token: string;
  keyId: string;
  /** Closed, the directory can be served by a process. */
  close(): Promise<void>;
}

const MASTER_KEY = Buffer.alloc(32, 7);

/** Makes the directory and the org; its registry is compiled and active. */
export async function openSite(files: Files): Promise<Site> {
  const dataDir = await temporaryFolder('waymark-bench-');
  await keepSecret(join(dataDir, 'master-key'), MASTER_KEY.toString('base64'));
  const database = await openDatabase({ file: join(dataDir, 'waymark.db') });
  const stores = createStores(database);
  const artifacts = await createArtifactStore(join(dataDir, 'artifacts'));
  const parsers = new ParsePool();
  const log = { info() {}, warn() {}, error: (...said: unknown[]) => console.error(...said) };
  const master = createMasterKey(MASTER_KEY);
  const outbound = { allow: NOTHING_ALLOWED };
  const shared = { ...stores, artifacts, master, parsers, clock: Date.now, log, outbound };
  const runtimes = new OrgRuntimes({ ...shared, dataDir, templateDir: '' });
  const org = {
    slug: ORG,
    name: 'Bench',
    initial: 'empty',
    mode: 'hosted',
    actor: 'bench',
  } as const;
  await runtimes.create(org);
  const runtime = runtimes.find(ORG)!;
  const repo = repositoryPath(dataDir, ORG);
  await commitTo(repo, files);
  await runtime.refresh();
  if (!runtime.maybeView) throw new Error(JSON.stringify(runtime.diagnostics.slice(0, 3)));
  const { id: keyId, token, secretHash } = mintApiKey();
  const key = makeApiKey(keyId, { org: ORG, secretHash, user: null, teams: [], roles: ['owner'] });
  await stores.apiKeys.insert(key, makeEntry({ tenant: ORG }));
  return {
    dataDir,
    repo,
    runtime,
    stores,
    token,
    keyId,
    async close() {
      runtimes.close();
      parsers.close();
      await artifacts.close();
      await database.close();
    },
  };
}

/** The directory of a closed site, served by the real process. */
export function serveSite(
  { dataDir }: Site,
  env: Record<string, string> = {},
): Promise<RunningServer> {
  return startServer({ dataDir, env: { WAYMARK_EXAMPLE_ORG: '', ...env } });
}

export const removeSite = ({ dataDir }: Site): Promise<void> =>
  rm(dataDir, { recursive: true, force: true });

export const deliveryUrl = (server: RunningServer): string =>
  `${server.url}/v1/orgs/${ORG}/delivery`;

/** Enrols a client and answers its id and token. */
export async function enrol(
  server: RunningServer,
  token: string,
  client: { name: string; publicKey?: string },
): Promise<{ clientId: string; token: string }> {
  const answer = await fetch(`${deliveryUrl(server)}/clients`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(client),
  });
  if (answer.status !== 201) throw new Error(await answer.text());
  return (await answer.json()) as { clientId: string; token: string };
}
