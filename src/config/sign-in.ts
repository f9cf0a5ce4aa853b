import { resolve } from 'node:path';
import { isOrgSlug, isPluginId } from '../model/names.ts';
import { ConfigError } from './config-error.ts';

/** An outside authority whose JWTs are taken for what they say. */
export interface JwtSettings {
  issuer: string;
  audience: string;
  /** An `http(s)` address, or an absolute path. */
  keys: string;
  /** What it calls each claim. */
  claims: { user: string; tenant: string; roles: string; permissions: string; departments: string };
}

/** Where people log in. */
export interface OidcSettings {
  issuer: string;
  clientId: string;
  clientSecret: string;
  /** The claim that lists a person's groups. */
  groupsClaim: string;
  /** What a group is here, by its name there. */
  groups: Readonly<Record<string, OidcGroup>>;
}

export interface OidcGroup {
  org: string;
  roles: readonly string[];
  teams: readonly string[];
}

type Environment = Readonly<Record<string, string | undefined>>;

/** @throws {ConfigError} for the first setting that is wrong, or the one that is missing */
export function jwtSettingsOf(env: Environment): JwtSettings | null {
  const names = ['WAYMARK_JWT_ISSUER', 'WAYMARK_JWT_AUDIENCE', 'WAYMARK_JWT_JWKS'] as const;
  const given = together(env, names);
  if (!given) return null;
  const [issuer, audience, keys] = given;
  return {
    issuer,
    audience,
    keys: /^https?:/.test(keys) ? addressOf('WAYMARK_JWT_JWKS', keys) : resolve(keys),
    claims: {
      user: env['WAYMARK_JWT_USER_CLAIM'] || 'user_id',
      tenant: env['WAYMARK_JWT_TENANT_CLAIM'] || 'tenant_id',
      roles: env['WAYMARK_JWT_ROLES_CLAIM'] || 'roles',
      permissions: env['WAYMARK_JWT_PERMISSIONS_CLAIM'] || 'permissions',
      departments: env['WAYMARK_JWT_DEPARTMENTS_CLAIM'] || 'departments',
    },
  };
}

/** @throws {ConfigError} as above */
export function oidcSettingsOf(env: Environment): OidcSettings | null {
  const names = [
    'WAYMARK_OIDC_ISSUER',
    'WAYMARK_OIDC_CLIENT_ID',
    'WAYMARK_OIDC_CLIENT_SECRET',
  ] as const;
  const given = together(env, names);
  if (!given) return null;
  const [issuer, clientId, clientSecret] = given;
  return {
    issuer: addressOf('WAYMARK_OIDC_ISSUER', issuer),
    clientId,
    clientSecret,
    groupsClaim: env['WAYMARK_OIDC_GROUPS_CLAIM'] || 'groups',
    groups: groupsOf(env['WAYMARK_OIDC_GROUPS'] || '{}'),
  };
}

/** All of them or none. */
function together<const Names extends readonly string[]>(
  env: Environment,
  names: Names,
): { [K in keyof Names]: string } | undefined {
  const missing = names.find((name) => !env[name]);
  const present = names.find((name) => env[name]);
  if (present === undefined) return undefined;
  if (missing === undefined) {
    return names.map((name) => env[name]!) as { [K in keyof Names]: string };
  }
  throw new ConfigError(`${present} is set without ${missing}: give ${names.join(', ')} together`);
}

const LOOPBACK = /^(localhost|127\.0\.0\.1|\[::1\])$/;

/** What comes over plain HTTP anybody on the way can write. */
function addressOf(setting: string, text: string): string {
  const url = URL.parse(text);
  const isSafe = url?.protocol === 'https:' || (url && LOOPBACK.test(url.hostname));
  if (url && isSafe && !url.username && !url.password) return text;
  // Without its value: there may be a password in it.
  throw new ConfigError(`${setting} must be an https address without a user`);
}

function groupsOf(text: string): Record<string, OidcGroup> {
  const groups = parseObject(text);
  return Object.fromEntries(Object.entries(groups).map(([name, of]) => [name, groupOf(name, of)]));
}

function parseObject(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch {
    // refused below, like any other text
  }
  throw new ConfigError('WAYMARK_OIDC_GROUPS is no JSON object');
}

function groupOf(name: string, value: unknown): OidcGroup {
  const { org, roles = [], teams = [], ...rest } = Object(value) as Record<string, unknown>;
  const isKnown = Object.keys(rest).length === 0 && typeof org === 'string' && isOrgSlug(org);
  // A client has a token of its own.
  const isGivable = isNames(roles) && !roles.includes('client');
  if (isKnown && isGivable && isNames(teams)) return { org, roles, teams };
  throw new ConfigError(
    `WAYMARK_OIDC_GROUPS: ${name} must have an org, and may have lists of roles, without client, and of teams`,
  );
}

const isNames = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((item) => typeof item === 'string' && isPluginId(item));
