import { describe, expect, it } from 'vitest';
import type { Permission } from '../../src/identity/roles.ts';
import { originsOf } from '../../src/plugin-host/callbacks/origins.ts';
import { checkReferences } from '../../src/plugin-host/check-references.ts';
import { type Config, takeSecrets } from '../../src/plugin-host/contract/secrets-in-config.ts';

type Entry = { config?: Config; credentials?: Config };

const ref = { secretRef: 'deploy-token' };
const url = 'https://a.example.com/v1';

function check(before: Entry | undefined, next: Entry, ...permissions: Permission[]): () => void {
  const written = {
    config: takeSecrets({}, next.config ?? {}),
    credentials: takeSecrets({}, next.credentials ?? {}),
    origins: originsOf(next.config),
  };
  return () => checkReferences(new Set(permissions), before, written);
}

describe('checkReferences', () => {
  it.each<[string, Entry | undefined, Entry]>([
    ['a new binding', undefined, { config: { token: ref } }],
    ['credentials', { config: { url } }, { config: { url }, credentials: { token: ref } }],
    ['place of another', { config: { token: { secretRef: 'b' } } }, { config: { token: ref } }],
    ['another field', { config: { a: ref } }, { config: { a: ref, b: ref } }],
    ['credentials of a field', { config: { a: ref } }, { config: {}, credentials: { a: ref } }],
    ['a list', { config: { a: [ref] } }, { config: { a: ['x', ref] } }],
    ['a field of a reference', undefined, { config: { a: { secretRef: ref } } }],
    ['no text', undefined, { config: { a: { secretRef: null } } }],
  ])('refuses one that is new in %s', (_, before, next) => {
    expect(check(before, next, 'plugins:manage')).toThrow(
      expect.objectContaining({ code: 'PERM_DENIED' }),
    );
    expect(check(before, next, 'secrets:write')).not.toThrow();
  });

  it.each<[string, Entry]>([
    ['as it is', { config: { url, token: ref } }],
    ['with other fields', { config: { url: `${url}/more`, token: ref, limit: 3 } }],
    ['to be taken away', { config: { url: 'https://b.example.com' } }],
  ])('leaves one %s', (_, next) => {
    expect(check({ config: { url, token: ref } }, next)).not.toThrow();
  });

  it.each([
    ['elsewhere too', { url, other: 'https://b.example.com', token: ref }],
    ['nowhere any more', { token: ref }],
  ])('refuses one whose configuration leads %s', (_, config) => {
    const next = { config };

    expect(check({ config: { url, token: ref } }, next)).toThrow(
      expect.objectContaining({
        code: 'INT_CREDENTIALS_REQUIRED',
        facts: { details: { field: 'token' } },
      }),
    );
  });
});
