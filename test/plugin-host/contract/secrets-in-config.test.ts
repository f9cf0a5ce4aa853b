import { describe, expect, it } from 'vitest';
import { compile } from '../../../src/plugin-host/contract/schema-verdict.ts';
import {
  type Config,
  maskSecrets,
  resolveConfig,
  takeSecrets,
  withReferences,
} from '../../../src/plugin-host/contract/secrets-in-config.ts';

const secret = { type: 'string', minLength: 3, writeOnly: true };
const SCHEMA = {
  type: 'object',
  properties: {
    url: { type: 'string' },
    token: secret,
    auth: { type: 'object', properties: { key: secret } },
    hooks: { type: 'array', items: { type: 'object', properties: { key: secret } } },
  },
  additionalProperties: false,
};
const ref = (secretRef: string) => ({ secretRef });

/** As git has it. */
const KEPT = {
  url: 'https://example.com',
  token: ref('binding.1'),
  auth: { key: ref('shared') },
  hooks: [{ key: ref('binding.2') }, { key: ref('binding.3') }],
};

/** Of a schema that doubles at each of its twenty levels. */
const ENTANGLED = {
  $defs: Object.fromEntries(
    Array.from({ length: 20 }, (_, i) => [
      `d${i}`,
      { allOf: [{ $ref: `#/$defs/d${i + 1}` }, { allOf: [{ $ref: `#/$defs/d${i + 1}` }] }] },
    ]),
  ),
  properties: { a: { items: { items: { $ref: '#/$defs/d0' } } } },
};
const LARGE = { a: Array.from({ length: 200 }, () => Array.from({ length: 200 }, () => 1)) };

describe('maskSecrets', () => {
  it('shows that there is a secret, and no more', () => {
    expect(maskSecrets(SCHEMA, KEPT)).toEqual({
      url: 'https://example.com',
      token: '***',
      auth: { key: '***' },
      hooks: [{ key: '***' }, { key: '***' }],
    });
  });

  it('masks what stands there literally, too', () => {
    expect(maskSecrets(SCHEMA, { token: 'sesame' })).toEqual({ token: '***' });
  });

  it('leaves what it was given as it was', () => {
    const config = structuredClone(KEPT);
    maskSecrets(SCHEMA, config);

    expect(config).toEqual(KEPT);
  });

  it('shows nothing when the schema is too entangled to tell', () => {
    expect(() => maskSecrets(ENTANGLED, LARGE)).toThrow(
      expect.objectContaining({ code: 'PLG_SCHEMA_TIMEOUT' }),
    );
  });
});

describe('takeSecrets', () => {
  const names = (taken: Iterable<string>) =>
    new Map([...taken].map((field, i) => [field, `new.${i}`]));

  it('takes what is new, and names it for git', () => {
    const next = { url: 'u', token: 'sesame', hooks: [{ key: 'open' }] };

    const taken = takeSecrets(SCHEMA, next);

    expect(taken.errors).toEqual([]);
    expect([...taken.secrets]).toEqual([
      ['token', 'sesame'],
      ['hooks/0/key', 'open'],
    ]);
    expect(taken.config).toEqual(next);
    expect(taken.withNames(names(taken.secrets.keys()))).toEqual({
      url: 'u',
      token: ref('new.0'),
      hooks: [{ key: ref('new.1') }],
    });
  });

  it('keeps what is masked, and what is named', () => {
    const shown = maskSecrets(SCHEMA, KEPT);
    const next = { ...shown, auth: { key: ref('other') } };

    const taken = takeSecrets(SCHEMA, next, KEPT);

    expect(taken).toMatchObject({ errors: [], secrets: new Map() });
    expect(taken.withNames(new Map())).toEqual({ ...KEPT, auth: { key: ref('other') } });
  });

  it('forgets what is left out', () => {
    expect(takeSecrets(SCHEMA, { url: 'u' }, KEPT).withNames(new Map())).toEqual({ url: 'u' });
  });

  it.each<[Config, Config, object[]]>([
    [{ token: '***' }, {}, [{ field: '/token', message: 'there is no secret to keep: give one' }]],
    [
      { hooks: [{}, {}, { key: '***' }] },
      KEPT,
      [{ field: '/hooks/2/key', message: 'there is no secret to keep: give one' }],
    ],
    // What a reader of git could have written there is never taken for kept.
    [
      { token: '***' },
      { token: 'literal' },
      [{ field: '/token', message: 'there is no secret to keep: give one' }],
    ],
    [{ token: 7 }, {}, [{ field: '/token', message: 'a secret is a text' }]],
    [{ auth: { key: ['a'] } }, {}, [{ field: '/auth/key', message: 'a secret is a text' }]],
  ])('refuses %j where %j is kept', (next, kept, errors) => {
    expect(takeSecrets(SCHEMA, next, kept).errors).toEqual(errors);
  });
});

describe('resolveConfig', () => {
  const read = async (field: string) => (field === 'hooks/1/key' ? undefined : `value of ${field}`);

  it('gives what was granted, and the names of the others', async () => {
    const granted = new Set(['token', 'hooks/*/key']);

    expect(await resolveConfig(SCHEMA, KEPT, { granted, read })).toEqual({
      url: 'https://example.com',
      token: 'value of token',
      auth: { key: 'secret:auth/key' },
      // The second was never given.
      hooks: [{ key: 'value of hooks/0/key' }, {}],
    });
  });

  it('reads nothing that was not granted', async () => {
    const refuse = async () => Promise.reject(new Error('it was read'));

    const config = await resolveConfig(SCHEMA, KEPT, { granted: [], read: refuse });

    expect(config).toMatchObject({
      token: 'secret:token',
      hooks: [{ key: 'secret:hooks/0/key' }, {}],
    });
  });

  it('shows what is not saved yet to those who were granted it only', async () => {
    const config = { token: 'sesame', auth: { key: 'open' } };

    expect(await resolveConfig(SCHEMA, config, { granted: ['token'], read })).toEqual({
      token: 'sesame',
      auth: { key: 'secret:auth/key' },
    });
  });

  it('leaves a reference where no secret is meant', async () => {
    const config = { url: ref('shared') };

    expect(await resolveConfig(SCHEMA, config, { granted: ['url'], read })).toEqual(config);
  });
});

describe('withReferences', () => {
  const validate = compile(withReferences(SCHEMA));

  it.each<[unknown, boolean]>([
    [KEPT, true],
    [{ token: 'sesame' }, true],
    [{ token: 'ab' }, false],
    [{ token: { secretRef: '' } }, false],
    [{ token: { secretRef: 'a', value: 'b' } }, false],
    [{ token: {} }, false],
    [{ url: ref('shared') }, false],
  ])('takes %j: %s', (config, isTaken) => {
    expect(validate(structuredClone(config))).toBe(isTaken);
  });
});
