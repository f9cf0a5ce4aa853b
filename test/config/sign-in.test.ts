import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ConfigError, readConfig } from '../../src/config/config.ts';

const jwt = {
  WAYMARK_JWT_ISSUER: 'https://id.example.com',
  WAYMARK_JWT_AUDIENCE: 'waymark',
  WAYMARK_JWT_JWKS: 'https://id.example.com/keys',
};

const oidc = {
  WAYMARK_OIDC_ISSUER: 'https://login.example.com',
  WAYMARK_OIDC_CLIENT_ID: 'waymark',
  WAYMARK_OIDC_CLIENT_SECRET: 'a secret of the client',
};

describe('readConfig, of an outside authority', () => {
  it('is none by default', () => {
    expect(readConfig({}).jwt).toBeNull();
  });

  it('takes what the design calls the claims, unless they are named', () => {
    const claims = { WAYMARK_JWT_USER_CLAIM: 'sub', WAYMARK_JWT_ROLES_CLAIM: 'realm_access.roles' };

    expect(readConfig({ ...jwt, ...claims }).jwt).toEqual({
      issuer: 'https://id.example.com',
      audience: 'waymark',
      keys: 'https://id.example.com/keys',
      claims: {
        user: 'sub',
        tenant: 'tenant_id',
        roles: 'realm_access.roles',
        permissions: 'permissions',
        departments: 'departments',
      },
    });
  });

  it('takes a key set from a file', () => {
    expect(readConfig({ ...jwt, WAYMARK_JWT_JWKS: 'keys.json' }).jwt?.keys).toBe(
      resolve('keys.json'),
    );
  });

  it('takes plain http from this machine alone', () => {
    const local = { ...jwt, WAYMARK_JWT_JWKS: 'http://127.0.0.1:9000/keys' };
    const remote = { ...jwt, WAYMARK_JWT_JWKS: 'http://id.example.com/keys' };

    expect(readConfig(local).jwt?.keys).toBe('http://127.0.0.1:9000/keys');
    expect(() => readConfig(remote)).toThrow(
      new ConfigError('WAYMARK_JWT_JWKS must be an https address without a user'),
    );
  });

  it.each(Object.keys(jwt))('names %s when it alone is missing', (name) => {
    expect(() => readConfig({ ...jwt, [name]: '' })).toThrow(`is set without ${name}: give`);
  });
});

describe('readConfig, of log-in by OIDC', () => {
  it('is none by default', () => {
    expect(readConfig({}).oidc).toBeNull();
  });

  it('reads who the client is, and what groups are here', () => {
    const groups = { 'sales-eu': { org: 'acme', teams: ['field'] }, ops: { org: 'acme' } };

    const config = readConfig({ ...oidc, WAYMARK_OIDC_GROUPS: JSON.stringify(groups) });

    expect(config.oidc).toEqual({
      issuer: 'https://login.example.com',
      clientId: 'waymark',
      clientSecret: 'a secret of the client',
      groupsClaim: 'groups',
      groups: {
        'sales-eu': { org: 'acme', roles: [], teams: ['field'] },
        ops: { org: 'acme', roles: [], teams: [] },
      },
    });
  });

  it('does not show the secret when another setting is missing', () => {
    const { WAYMARK_OIDC_ISSUER: _issuer, ...rest } = oidc;

    expect(() => readConfig(rest)).toThrow(
      /^WAYMARK_OIDC_CLIENT_ID is set without WAYMARK_OIDC_ISSUER: give [A-Z_, ]+ together$/,
    );
  });

  it.each(['http://login.example.com', 'https://me:secret@login.example.com', 'login'])(
    'refuses %s as an issuer',
    (issuer) => {
      expect(() => readConfig({ ...oidc, WAYMARK_OIDC_ISSUER: issuer })).toThrow(ConfigError);
    },
  );

  it.each([
    'groups',
    '["ops"]',
    'null',
    '{"ops": null}',
    '{"ops": {"teams": ["field"]}}',
    '{"ops": {"org": "Acme"}}',
    '{"ops": {"org": "acme", "teams": "field"}}',
    '{"ops": {"org": "acme", "roles": [1]}}',
    '{"ops": {"org": "acme", "role": ["editor"]}}',
    '{"ops": {"org": "acme", "roles": ["client"]}}',
  ])('refuses %s as groups', (groups) => {
    expect(() => readConfig({ ...oidc, WAYMARK_OIDC_GROUPS: groups })).toThrow(
      /^WAYMARK_OIDC_GROUPS/,
    );
  });
});

describe('readConfig, of the first administrator', () => {
  it('takes no JWT for a key: it would be looked up as one', () => {
    const WAYMARK_ADMIN_TOKEN = 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJyb290In0.';

    expect(() => readConfig({ WAYMARK_ADMIN_TOKEN })).toThrow(/^WAYMARK_ADMIN_TOKEN cannot be/);
  });
});
