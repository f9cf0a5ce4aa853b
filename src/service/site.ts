import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Logger } from '../audit/logger.ts';
import { type Config, ConfigError } from '../config/config.ts';
import { findSecret, keepSecret, replaceSecret } from '../config/secret-file.ts';
import type { OrgRuntimes } from '../delivery/runtimes.ts';
import type { ApiKeyStore } from '../identity/api-key.ts';
import { ensureSiteAdmin } from '../identity/site-admin.ts';
import type { Clock } from '../model/clock.ts';
import type { ArtifactStore } from '../registry/artifacts.ts';
import { publishDeclared } from '../release/publish.ts';

interface SiteParts {
  runtimes: OrgRuntimes;
  artifacts: ArtifactStore;
  apiKeys: ApiKeyStore;
  clock: Clock;
}

/**
 * A first start makes the example org, then the administrator: a crash between is a first start
 * again.
 *
 * @returns the administrator's key, where one was generated
 */
export async function prepareSite(config: Config, parts: SiteParts): Promise<string | null> {
  const { runtimes, apiKeys, clock } = parts;
  await checkMasterKey(runtimes);
  const isFirstStart = (await apiKeys.listOfSite()).length === 0;
  if (isFirstStart && config.exampleOrg !== null) await makeExample(config.exampleOrg, parts);
  const path = adminKeyFile(config);
  const file = {
    keep: (token: string) => keepSecret(path, token),
    replace: (token: string) => replaceSecret(path, token),
  };
  return ensureSiteAdmin({ apiKeys, file, chosen: config.adminToken, clock });
}

async function makeExample(slug: string, { runtimes, artifacts, clock }: SiteParts) {
  const actor = 'system:start';
  const org = { slug, name: 'Acme', initial: 'template', mode: 'hosted', actor } as const;
  const known = runtimes.find(slug);
  if (!known) await runtimes.create(org);
  const runtime = known ?? runtimes.find(slug)!;
  await publishDeclared({ runtime, artifacts, clock, actor });
}

/** One that is generated is told of once, by the file that it is in. */
export async function managementKeyOf(
  { managementKey, dataDir }: Pick<Config, 'managementKey' | 'dataDir'>,
  log: Logger,
): Promise<string> {
  if (managementKey !== null) return managementKey;
  const file = join(dataDir, 'management-key');
  const known = await findSecret(file);
  if (known) return known;
  log.info({ file }, 'a management key was generated');
  return keepSecret(file, randomBytes(32).toString('base64url'));
}

export const adminKeyFile = ({ dataDir }: Pick<Config, 'dataDir'>): string =>
  join(dataDir, 'admin-key');

/** Now, rather than at the first signature. */
async function checkMasterKey(runtimes: OrgRuntimes): Promise<void> {
  const [runtime] = runtimes.all();
  try {
    await runtime?.keyring.privateKey('index');
  } catch (cause) {
    const places = 'WAYMARK_MASTER_KEY, WAYMARK_MASTER_KEY_FILE or <data>/master-key';
    const message = `the master key (${places}) is not the one that secrets were stored with`;
    throw new ConfigError(message, { cause });
  }
}
