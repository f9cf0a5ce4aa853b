import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigError, readConfig } from '../../src/config/config.ts';
import { armFailpoints } from '../../src/model/failpoint.ts';
import { parseNetworks } from '../../src/outbound/address.ts';

const KEY = Buffer.alloc(32, 0xab);
const NO_PLUGINS = { dir: null, unconfined: new Set(), allowUnsigned: false, keys: [] };

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waymark-config-'));
});

afterAll(() => rm(folder, { recursive: true }));

describe('readConfig', () => {
  it('needs nothing', () => {
    expect(readConfig({})).toEqual({
      dataDir: resolve('data'),
      host: '127.0.0.1',
      port: 7420,
      publicUrl: null,
      adminToken: null,
      managementKey: null,
      masterKey: null,
      exampleOrg: 'acme',
      databaseUrl: null,
      redisUrl: null,
      rateLimit: null,
      outboundAllow: { hosts: new Set(), networks: [] },
      trustedProxies: [],
      metricsPort: null,
      metricsToken: null,
      logLevel: 'info',
      jwt: null,
      oidc: null,
      plugins: NO_PLUGINS,
      failpoints: '',
    });
  });

  it('reads every setting', () => {
    const config = readConfig({
      WAYMARK_DATA_DIR: '/srv/waymark',
      WAYMARK_HOST: '::',
      WAYMARK_PORT: '0',
      WAYMARK_PUBLIC_URL: 'https://waymark.example.com/base/',
      WAYMARK_ADMIN_TOKEN: 'twenty-characters-ok',
      WAYMARK_MASTER_KEY: KEY.toString('base64'),
      WAYMARK_EXAMPLE_ORG: 'demo',
      WAYMARK_ROLE: 'all',
      WAYMARK_RATE_LIMIT: '50',
      WAYMARK_OUTBOUND_ALLOW: 'git.internal',
      WAYMARK_TRUSTED_PROXIES: '10.1.0.0/16, ::1',
      WAYMARK_MANAGEMENT_KEY: 'a-key-for-management-routes',
      WAYMARK_METRICS_PORT: '9464',
      WAYMARK_METRICS_TOKEN: 'a-token-for-metrics-only',
      WAYMARK_LOG_LEVEL: 'debug',
      WAYMARK_FAILPOINTS: 'push.accepted=delay:0',
      DATABASE_URL: 'postgres://db/waymark',
      REDIS_URL: 'rediss://cache/2',
    });
    armFailpoints('');

    expect(config).toEqual({
      dataDir: '/srv/waymark',
      host: '::',
      port: 0,
      publicUrl: 'https://waymark.example.com/base',
      adminToken: 'twenty-characters-ok',
      managementKey: 'a-key-for-management-routes',
      masterKey: KEY,
      exampleOrg: 'demo',
      databaseUrl: 'postgres://db/waymark',
      redisUrl: 'rediss://cache/2',
      rateLimit: 50,
      outboundAllow: { hosts: new Set(['git.internal']), networks: [] },
      trustedProxies: parseNetworks('10.1.0.0/16,::1'),
      metricsPort: 9464,
      metricsToken: 'a-token-for-metrics-only',
      logLevel: 'debug',
      jwt: null,
      oidc: null,
      plugins: NO_PLUGINS,
      failpoints: 'push.accepted=delay:0',
    });
  });

  it('takes an empty setting for one that is not set, but for the example org: none', () => {
    const empty = { WAYMARK_PORT: '', WAYMARK_RATE_LIMIT: '', DATABASE_URL: '' };

    const config = readConfig({ ...empty, WAYMARK_EXAMPLE_ORG: '' });

    expect(config).toMatchObject({ port: 7420, rateLimit: null, databaseUrl: null });
    expect(config.exampleOrg).toBeNull();
  });

  it('cannot be changed afterwards', () => {
    expect(Object.isFrozen(readConfig({}))).toBe(true);
  });

  it('lets a bench or a proxy switch the limit off', () => {
    expect(readConfig({ WAYMARK_RATE_LIMIT: 'off' }).rateLimit).toBe('off');
  });

  it.each(['base64', 'hex'] as const)('reads a master key in %s from a file', async (encoding) => {
    const file = join(folder, encoding);
    await writeFile(file, `${KEY.toString(encoding)}\n`);

    expect(readConfig({ WAYMARK_MASTER_KEY_FILE: file }).masterKey).toEqual(KEY);
  });

  const both = { WAYMARK_MASTER_KEY: 'a', WAYMARK_MASTER_KEY_FILE: 'b' };
  it.each([
    [{ WAYMARK_METRICS_PORT: '-1' }, 'WAYMARK_METRICS_PORT is -1: give a number from 0 to 65535'],
    [{ WAYMARK_PORT: '65536' }, 'WAYMARK_PORT is 65536: give a number from 0 to 65535'],
    [{ WAYMARK_PORT: '-1' }, 'WAYMARK_PORT is -1: give a number from 0 to 65535'],
    [
      { WAYMARK_PUBLIC_URL: 'waymark.example.com' },
      'WAYMARK_PUBLIC_URL must be an address such as https://waymark.example.com, without query and user',
    ],
    [
      { WAYMARK_PUBLIC_URL: 'https://a.example/?x=1' },
      'WAYMARK_PUBLIC_URL must be an address such as https://waymark.example.com, without query and user',
    ],
    [both, 'WAYMARK_MASTER_KEY and WAYMARK_MASTER_KEY_FILE are both set: keep one'],
    [
      { WAYMARK_MASTER_KEY: KEY.toString('base64').slice(4) },
      'WAYMARK_MASTER_KEY is no key: give 32 random bytes in base64, as `openssl rand -base64 32` makes them',
    ],
    [
      { WAYMARK_MASTER_KEY_FILE: '/no/such/file' },
      'WAYMARK_MASTER_KEY_FILE: /no/such/file cannot be read (ENOENT)',
    ],
    [
      { WAYMARK_EXAMPLE_ORG: 'Acme Ltd' },
      'WAYMARK_EXAMPLE_ORG is Acme Ltd: use lower-case letters, digits and single hyphens, or leave it empty for none',
    ],
    [
      { WAYMARK_ROLE: 'worker' },
      'WAYMARK_ROLE is worker: this version runs all parts in one process',
    ],
    [
      { REDIS_URL: 'http://:secret@cache' },
      'REDIS_URL must start with redis:// or rediss://; leave it out for none',
    ],
    [{ WAYMARK_RATE_LIMIT: '1e3' }, 'WAYMARK_RATE_LIMIT is 1e3: give requests a minute, or off'],
    [
      { WAYMARK_OUTBOUND_ALLOW: '10.0.0.0/99' },
      'WAYMARK_OUTBOUND_ALLOW: 10.0.0.0/99 is no host, address or network',
    ],
    ...['proxy.internal', '10.0.0.0/99', '010.0.0.1'].map(
      (entry): [Record<string, string>, string] => [
        { WAYMARK_TRUSTED_PROXIES: `10.0.0.1,${entry}` },
        `WAYMARK_TRUSTED_PROXIES: ${entry} is no address or network`,
      ],
    ),
    [
      { WAYMARK_FAILPOINTS: 'publish.typo=kill' },
      'WAYMARK_FAILPOINTS: no failpoint is named publish.typo',
    ],
  ])('refuses %j', (env, sentence) => {
    expect(() => readConfig(env)).toThrow(new ConfigError(sentence));
  });

  it.each(['short', 'white space is not for headers', 'x'.repeat(513)])(
    'refuses the management key %j without repeating it',
    (key) => {
      const read = () => readConfig({ WAYMARK_MANAGEMENT_KEY: key });

      expect(read).toThrow(/^WAYMARK_MANAGEMENT_KEY cannot be used/);
      expect(read).not.toThrow(key);
    },
  );

  it.each([
    'short',
    'white space is not for headers',
    ...['wmc', 'wms', 'wmf'].map((kind) => `${kind}_0123456789abcdef_${'a'.repeat(43)}`),
  ])('refuses the administrator’s token %j without repeating it', (token) => {
    const read = () => readConfig({ WAYMARK_ADMIN_TOKEN: token });

    expect(read).toThrow(/^WAYMARK_ADMIN_TOKEN cannot be used/);
    expect(read).not.toThrow(token);
  });

  it.each([
    { DATABASE_URL: 'mysql://root:hunter2@db' },
    { REDIS_URL: 'http://:hunter2@cache' },
    { WAYMARK_PUBLIC_URL: 'https://ada:hunter2@waymark.example.com' },
    { WAYMARK_MASTER_KEY: 'hunter2' },
    { WAYMARK_MANAGEMENT_KEY: 'hunter2' },
    { WAYMARK_METRICS_TOKEN: 'hunter2' },
    {
      WAYMARK_OIDC_ISSUER: 'https://ada:hunter2@login.example.com',
      WAYMARK_OIDC_CLIENT_ID: 'waymark',
      WAYMARK_OIDC_CLIENT_SECRET: 'hunter2',
    },
    {
      WAYMARK_JWT_ISSUER: 'https://login.example.com',
      WAYMARK_JWT_AUDIENCE: 'waymark',
      WAYMARK_JWT_JWKS: 'https://ada:hunter2@login.example.com/jwks',
    },
  ])('refuses %j without showing the password in it', (env) => {
    const read = () => readConfig(env);
    const [setting = ''] = Object.keys(env);

    expect(read).toThrow(setting.slice(0, 'WAYMARK_JWT'.length));
    expect(read).not.toThrow('hunter2');
  });
});
