import { afterAll, describe, expect, it } from 'vitest';
import type { Binding } from '../../src/plugin-host/binding.ts';
import { type ConfigFor, configForBy } from '../../src/plugin-host/config-for.ts';
import { createSchemaChecker } from '../../src/plugin-host/contract/schema-checker.ts';
import { requestedBy } from '../../src/plugin-host/permissions.ts';
import { bareBinding } from '../../src/plugin-host/question.ts';
import { acting, makeGuest, openHost } from '../support/callbacks.ts';

const schemas = createSchemaChecker();
afterAll(() => schemas.close());

const configSchema = {
  type: 'object',
  properties: {
    url: { type: 'string', format: 'uri' },
    retries: { type: 'integer', default: 3 },
    token: { type: 'string', writeOnly: true },
    other: { type: 'string', writeOnly: true },
  },
  required: ['url'],
};
const url = 'https://api.example.com';

/** Of a plugin that was granted `token`, for one binding. */
async function openConfig(
  part: Partial<Binding> = {},
  checker: Pick<typeof schemas, 'check'> = schemas,
) {
  const { secrets, vault } = await openHost();
  await vault.put('example-token', 'a secret', { org: 'acme', ...acting });
  const configFor = configForBy({ secrets, schemas: checker });
  const guest = makeGuest({ configSchema, permissions: { secrets: ['token'] } });
  const grants = new Set(requestedBy(guest.manifest.permissions));
  const binding = { ...bareBinding('example'), config: { url }, configDigest: 'one', ...part };
  const record = { guest, binding, grants, requestId: 'request-1' };
  const ask = (more: Partial<Parameters<ConfigFor>[0]> = {}) => configFor({ ...record, ...more });
  return { ask, binding };
}

describe('configForBy', () => {
  it('fills in the schema’s defaults', async () => {
    const { ask } = await openConfig();

    expect(await ask()).toEqual({ url, retries: 3 });
  });

  it('has the secrets that were granted, and the names of the others', async () => {
    const ref = { secretRef: 'example-token' };
    const { ask } = await openConfig({ config: { url, token: ref, other: ref } });

    expect(await ask()).toEqual({ url, retries: 3, token: 'a secret', other: 'secret:other' });
  });

  it('has an integration’s credentials in the same way', async () => {
    const ref = { secretRef: 'example-token' };
    const credentials = { token: ref, password: ref };
    const { ask } = await openConfig({ scope: 'integration', id: 'crm', credentials });

    expect(await ask()).toMatchObject({ token: 'a secret', password: 'secret:password' });
  });

  it('has of a configuration that is not saved what was given with it', async () => {
    const { ask } = await openConfig({ scope: 'integration', id: 'crm' });
    const overlay = { config: { url: 'https://new.example.com' }, credentials: { token: 'new' } };

    expect(await ask({ overlay })).toEqual({
      url: 'https://new.example.com',
      retries: 3,
      token: 'new',
    });
  });

  it('refuses what does not suit, by the file and the field', async () => {
    const { ask } = await openConfig({ config: { url: 7 }, path: 'namespaces/west.yaml' });

    await expect(ask()).rejects.toMatchObject({
      code: 'VAL_FAILED',
      message: expect.stringMatching(
        /^the configuration in namespaces\/west\.yaml is not valid: \/url /,
      ),
    });
  });

  it('asks the schema once for each configuration', async () => {
    let checks = 0;
    const counting: Pick<typeof schemas, 'check'> = {
      async check(_schema, value) {
        checks += 1;
        return { isValid: true, value };
      },
    };
    const { ask, binding } = await openConfig({}, counting);

    await Promise.all([ask(), ask()]);
    await ask({ binding: { ...binding, configDigest: 'two' } });

    expect(checks).toBe(2);
  });

  it('tries again what could not be checked', async () => {
    let isSlow = true;
    const { ask } = await openConfig(
      {},
      {
        async check(_schema, value) {
          if (isSlow) throw new Error('too slow');
          return { isValid: true, value };
        },
      },
    );
    await expect(ask()).rejects.toThrow('too slow');
    isSlow = false;

    expect(await ask()).toEqual({ url });
  });
});
