import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { armFailpoints } from '../model/failpoint.ts';
import { isOrgSlug } from '../model/names.ts';
import {
  type AllowList,
  type Network,
  parseAllowList,
  parseNetworks,
} from '../outbound/address.ts';
import { ConfigError } from './config-error.ts';
import { LOG_LEVELS, type LogLevel } from './log.ts';
import { type PluginSettings, pluginSettingsOf } from './plugins.ts';
import { type JwtSettings, jwtSettingsOf, type OidcSettings, oidcSettingsOf } from './sign-in.ts';

export { ConfigError };

/** What one server runs with. Nothing else reads the environment. */
export interface Config {
  /** Absolute. Repositories, SQLite file, artifacts, keys. */
  dataDir: string;
  host: string;
  /** 0 picks a free one. */
  port: number;
  /** Without a trailing slash. Null: the address that the server listens on. */
  publicUrl: string | null;
  /** What a first start makes a site admin's key of. Null: generated. */
  adminToken: string | null;
  /** For `/v0/management`. Null: kept in the data directory. */
  managementKey: string | null;
  /** 32 bytes. Null: kept in the data directory. */
  masterKey: Buffer | null;
  /** Made by a first start. */
  exampleOrg: string | null;
  /** `postgres://…`. Null: SQLite in the data directory. */
  databaseUrl: string | null;
  /** `redis://…`. Null: jobs and limits stay within the process. */
  redisUrl: string | null;
  /** Requests a minute for each principal. Null: as its org's tier has it. */
  rateLimit: number | 'off' | null;
  /** What outgoing requests may reach beyond the public internet. */
  outboundAllow: AllowList;
  /** Whose `X-Forwarded-For` is taken. */
  trustedProxies: readonly Network[];
  /** A port of its own for `/metrics`. */
  metricsPort: number | null;
  /** What opens `/metrics` on the service's own port. */
  metricsToken: string | null;
  logLevel: LogLevel;
  jwt: JwtSettings | null;
  oidc: OidcSettings | null;
  plugins: PluginSettings;
  failpoints: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

const SHORTEST_SECRET = 20;

/** @throws {ConfigError} for the first setting that is wrong */
export function readConfig(env: Environment = process.env): Config {
  checkUnsupported(env);
  return Object.freeze({
    dataDir: resolve(env['WAYMARK_DATA_DIR'] || './data'),
    host: env['WAYMARK_HOST'] || '127.0.0.1',
    port: portOf(env['WAYMARK_PORT'] || '7420', 'WAYMARK_PORT'),
    publicUrl: publicUrlOf(env['WAYMARK_PUBLIC_URL']),
    adminToken: adminTokenOf(env['WAYMARK_ADMIN_TOKEN']),
    managementKey: managementKeyOf(env['WAYMARK_MANAGEMENT_KEY']),
    masterKey: masterKeyOf(env),
    exampleOrg: exampleOrgOf(env['WAYMARK_EXAMPLE_ORG']),
    databaseUrl: databaseUrlOf(env['DATABASE_URL']),
    redisUrl: redisUrlOf(env['REDIS_URL']),
    rateLimit: rateLimitOf(env['WAYMARK_RATE_LIMIT']),
    outboundAllow: outboundAllowOf(env['WAYMARK_OUTBOUND_ALLOW']),
    trustedProxies: trustedProxiesOf(env['WAYMARK_TRUSTED_PROXIES']),
    metricsPort: metricsPortOf(env['WAYMARK_METRICS_PORT']),
    metricsToken: metricsTokenOf(env['WAYMARK_METRICS_TOKEN']),
    logLevel: logLevelOf(env['WAYMARK_LOG_LEVEL']),
    jwt: jwtSettingsOf(env),
    oidc: oidcSettingsOf(env),
    plugins: pluginSettingsOf(env),
    failpoints: failpointsOf(env['WAYMARK_FAILPOINTS']),
  });
}

/** What later versions know is refused rather than ignored: nobody should count on it. */
function checkUnsupported(env: Environment): void {
  const role = env['WAYMARK_ROLE'] || 'all';
  if (role !== 'all') {
    throw new ConfigError(`WAYMARK_ROLE is ${role}: this version runs all parts in one process`);
  }
}

function portOf(text: string, setting: string): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port;
  throw new ConfigError(`${setting} is ${text}: give a number from 0 to 65535`);
}

const metricsPortOf = (text: string | undefined): number | null =>
  text ? portOf(text, 'WAYMARK_METRICS_PORT') : null;

function metricsTokenOf(text: string | undefined): string | null {
  if (!text) return null;
  if (isPlainSecret(text)) return text;
  throw unusable('WAYMARK_METRICS_TOKEN');
}

function logLevelOf(text: string | undefined): LogLevel {
  const level = LOG_LEVELS.find((one) => one === (text || 'info'));
  if (level) return level;
  throw new ConfigError(`WAYMARK_LOG_LEVEL is ${text}: give one of ${LOG_LEVELS.join(', ')}`);
}

function publicUrlOf(text: string | undefined): string | null {
  if (!text) return null;
  const url = URL.parse(text);
  const isPlain = url && !url.search && !url.hash && !url.username && !url.password;
  if (isPlain && /^https?:$/.test(url.protocol)) return text.replace(/\/+$/, '');
  // Without its value: there may be a password in it.
  throw new ConfigError(
    'WAYMARK_PUBLIC_URL must be an address such as https://waymark.example.com, without query and user',
  );
}

function adminTokenOf(text: string | undefined): string | null {
  if (!text) return null;
  // `wmc_`, `wms_` and `wmf_` are clients', sessions' and feeds', and `eyJ….….…` a JWT.
  const isOfAnotherUse = /^(?:wm[csf]_|eyJ[\w-]*\.[\w-]*\.[\w-]*$)/.test(text);
  if (isPlainSecret(text) && !isOfAnotherUse) return text;
  throw unusable('WAYMARK_ADMIN_TOKEN');
}

function managementKeyOf(text: string | undefined): string | null {
  if (!text) return null;
  if (isPlainSecret(text)) return text;
  throw unusable('WAYMARK_MANAGEMENT_KEY');
}

/** Printable, since it travels in a header. */
const isPlainSecret = (text: string): boolean =>
  /^[\x21-\x7e]+$/.test(text) && text.length >= SHORTEST_SECRET && text.length <= 512;

/** Without its value, which is a secret. */
const unusable = (setting: string): ConfigError =>
  new ConfigError(
    `${setting} cannot be used: give ${SHORTEST_SECRET} to 512 printable characters, no spaces`,
  );

function masterKeyOf(env: Environment): Buffer | null {
  const { WAYMARK_MASTER_KEY: text, WAYMARK_MASTER_KEY_FILE: file } = env;
  if (text && file) {
    throw new ConfigError('WAYMARK_MASTER_KEY and WAYMARK_MASTER_KEY_FILE are both set: keep one');
  }
  if (text) return parseMasterKey(text, 'WAYMARK_MASTER_KEY');
  return file ? parseMasterKey(readKeyFile(file), 'WAYMARK_MASTER_KEY_FILE') : null;
}

function readKeyFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new ConfigError(`WAYMARK_MASTER_KEY_FILE: ${file} cannot be read (${code})`, { cause });
  }
}

/**
 * @param text 32 bytes in base64 or hex
 * @param setting named when it is something else
 */
export function parseMasterKey(text: string, setting: string): Buffer {
  const trimmed = text.trim();
  const isHex = /^[0-9a-fA-F]{64}$/.test(trimmed);
  const key = Buffer.from(trimmed, isHex ? 'hex' : 'base64');
  if (key.length === 32 && (isHex || /^[A-Za-z0-9+/]{43}=?$/.test(trimmed))) return key;
  throw new ConfigError(
    `${setting} is no key: give 32 random bytes in base64, as \`openssl rand -base64 32\` makes them`,
  );
}

function exampleOrgOf(slug: string | undefined): Config['exampleOrg'] {
  if (slug === undefined) return 'acme';
  if (slug === '') return null;
  if (isOrgSlug(slug)) return slug;
  throw new ConfigError(
    `WAYMARK_EXAMPLE_ORG is ${slug}: use lower-case letters, digits and single hyphens, or leave it empty for none`,
  );
}

function databaseUrlOf(text: string | undefined): string | null {
  if (!text) return null;
  if (/^postgres(ql)?:\/\//.test(text)) return text;
  // Without its value: there may be a password in it.
  throw new ConfigError('DATABASE_URL must start with postgres://; leave it out for SQLite');
}

function redisUrlOf(text: string | undefined): string | null {
  if (!text) return null;
  if (/^rediss?:\/\/./.test(text)) return text;
  // Without its value: there may be a password in it.
  throw new ConfigError('REDIS_URL must start with redis:// or rediss://; leave it out for none');
}

function rateLimitOf(text: string | undefined): Config['rateLimit'] {
  if (!text) return null;
  if (text === 'off') return text;
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new ConfigError(`WAYMARK_RATE_LIMIT is ${text}: give requests a minute, or off`);
}

function outboundAllowOf(text = ''): AllowList {
  try {
    return parseAllowList(text);
  } catch (cause) {
    throw new ConfigError(`WAYMARK_OUTBOUND_ALLOW: ${(cause as Error).message}`, { cause });
  }
}

function trustedProxiesOf(text = ''): Network[] {
  try {
    return parseNetworks(text);
  } catch (cause) {
    throw new ConfigError(`WAYMARK_TRUSTED_PROXIES: ${(cause as Error).message}`, { cause });
  }
}

/** Arms nothing that is misspelt, so that a test of a fault cannot pass by doing nothing. */
function failpointsOf(text = ''): string {
  try {
    armFailpoints(text);
    return text;
  } catch (cause) {
    throw new ConfigError(`WAYMARK_FAILPOINTS: ${(cause as Error).message}`, { cause });
  }
}
