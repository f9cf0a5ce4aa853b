import { type Clock, toTime } from '../model/clock.ts';
import { WaymarkError } from '../model/errors.ts';
import type { ApiKey, ApiKeyStore } from './api-key.ts';
import { CHOSEN_KEY_ID, mintApiKey, parseToken } from './keys.ts';

/** Where a generated key is left for the operator. */
export interface AdminKeyFile {
  /** Answers the text that is in the file, which is another's where two started at once. */
  keep(token: string): Promise<string>;
  replace(token: string): Promise<void>;
}

interface FirstAdmin {
  apiKeys: Pick<ApiKeyStore, 'find' | 'listOfSite' | 'insert'>;
  file: AdminKeyFile;
  /** What the operator set, in place of a generated key. */
  chosen: string | null;
  clock: Clock;
}

/**
 * Makes sure that somebody can administer the site. A generated key is in the
 * file before it is in the database: a crash between the two must not leave a
 * key that nobody knows.
 *
 * @returns the key that was generated; null where there was an administrator, or the operator chose
 */
export async function ensureSiteAdmin({
  apiKeys,
  file,
  chosen,
  clock,
}: FirstAdmin): Promise<string | null> {
  const keys = await apiKeys.listOfSite();
  if (keys.some((key) => isInForce(key, clock))) return null;
  const token = chosen ?? (await generate());
  await checkUnused(token);
  const at = toTime(clock());
  const key = siteAdminKey(token, at);
  const { id: resource, createdBy: actor } = key;
  await apiKeys.insert(key, { at, tenant: '*', actor, action: 'api-key.create', resource });
  return chosen === null ? token : null;

  async function generate(): Promise<string> {
    const { token: fresh } = mintApiKey();
    const stored = await file.keep(fresh);
    if (await isUnused(stored)) return stored;
    await file.replace(fresh);
    return fresh;
  }

  /** An id that is in the database was revoked, or has expired: keys do not come back. */
  async function isUnused(token: string): Promise<boolean> {
    const parsed = parseToken(token);
    return parsed?.kind === 'key' && (await apiKeys.find(parsed.id)) === undefined;
  }

  async function checkUnused(token: string): Promise<void> {
    if (await isUnused(token)) return;
    const message =
      'WAYMARK_ADMIN_TOKEN names a key that has ended: leave it out, and one is generated';
    throw new WaymarkError('RES_DUPLICATE', message);
  }
}

function siteAdminKey(token: string, createdAt: string): ApiKey {
  const parsed = parseToken(token);
  if (parsed?.kind !== 'key')
    throw new TypeError('an administrator’s key cannot be a client token');
  return {
    id: parsed.id,
    org: null,
    name: parsed.id === CHOSEN_KEY_ID ? 'WAYMARK_ADMIN_TOKEN' : 'first administrator',
    secretHash: parsed.secretHash,
    user: null,
    userId: null,
    teams: [],
    roles: ['owner'],
    scopes: null,
    createdAt,
    createdBy: 'system:start',
    expiresAt: null,
    revokedAt: null,
    lastUsedAt: null,
  };
}

const isInForce = ({ revokedAt, expiresAt }: ApiKey, clock: Clock): boolean =>
  revokedAt === null && (expiresAt === null || clock() < Date.parse(expiresAt));
