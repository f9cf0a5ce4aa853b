import { describe, expect, it } from 'vitest';
import { grantedOf, missingGrants, requestedBy } from '../../src/plugin-host/permissions.ts';

const asked = {
  http: [
    { hosts: ['api.example.com', 'config:/url'], methods: ['POST'] },
    { hosts: ['api.example.com', '*.example.net'] },
  ],
  kv: true,
  secrets: ['token', 'auth.token'],
  read: ['releases'],
  model: true,
};
const requested = [
  'http:api.example.com',
  'http:config:/url',
  'http:*.example.net',
  'kv',
  'secrets:token',
  'secrets:auth.token',
  'read:releases',
  'model',
];

describe('requestedBy', () => {
  it('names each thing that is asked for once', () => {
    expect(requestedBy(asked)).toEqual(requested);
    expect(requestedBy({ kv: false })).toEqual([]);
    expect(requestedBy({ publicRoutes: true })).toEqual(['publicRoutes']);
  });
});

describe('missingGrants', () => {
  it('is what neither its own name nor its kind grants', () => {
    expect(missingGrants(requested, requested)).toEqual([]);
    expect(missingGrants(requested, ['http', 'secrets', 'read', 'kv', 'model'])).toEqual([]);
    expect(missingGrants(requested, ['http:api.example.com', 'secrets:token', 'kv'])).toEqual([
      'http:config:/url',
      'http:*.example.net',
      'secrets:auth.token',
      'read:releases',
      'model',
    ]);
  });
});

describe('grantedOf', () => {
  it('leaves of what is asked for what is granted', () => {
    const granted = grantedOf(asked, ['http:*.example.net', 'secrets:token', 'model']);

    expect(granted).toEqual({
      http: [{ hosts: ['*.example.net'] }],
      secrets: ['token'],
      read: [],
      kv: false,
      model: true,
      publicRoutes: false,
    });
  });

  it('gives nothing that is not asked for', () => {
    expect(requestedBy(grantedOf({}, ['http', 'kv', 'read', 'secrets', 'model']))).toEqual([]);
  });
});
