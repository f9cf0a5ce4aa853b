import { afterAll, afterEach, describe, expect, it } from 'vitest';
import {
  createSchemaChecker,
  type SchemaChecker,
} from '../../../src/plugin-host/contract/schema-checker.ts';

// No test is about how fast this machine is, but for those that say so.
const patient = createSchemaChecker({ deadlineMs: 60_000, workers: 2 });
afterAll(() => patient.close());

const opened: SchemaChecker[] = [];
function open(options: Parameters<typeof createSchemaChecker>[0]): SchemaChecker {
  const checker = createSchemaChecker(options);
  opened.push(checker);
  return checker;
}
afterEach(() => {
  for (const checker of opened.splice(0)) checker.close();
});

/** Hours of work: each of so many items is compared with all the others. */
const SLOW = { uniqueItems: true, items: { type: 'object' } };
const MANY = Array.from({ length: 100_000 }, (_, i) => ({ i }));

const SCHEMA = {
  type: 'object',
  properties: {
    url: { type: 'string', format: 'uri' },
    retries: { type: 'integer', default: 3, maximum: 10 },
    mode: { enum: ['fast', 'safe'], default: 'safe' },
    auth: { type: 'object', properties: { user: { type: 'string' } }, required: ['user'] },
  },
  required: ['url'],
  additionalProperties: false,
};

describe('check', () => {
  it('fills in defaults, in a copy', async () => {
    const config = { url: 'https://example.com' };

    expect(await patient.check(SCHEMA, config)).toEqual({
      isValid: true,
      value: { url: 'https://example.com', retries: 3, mode: 'safe' },
    });
    expect(config).toEqual({ url: 'https://example.com' });
  });

  it.each<[unknown, [field: string, message: string][]]>([
    [{}, [['/url', 'is missing']]],
    [{ url: 'https://a.example', auth: {} }, [['/auth/user', 'is missing']]],
    [{ url: 'https://a.example', 'a/b': 1 }, [['/a~1b', 'is not known here']]],
    [{ url: 'no url' }, [['/url', 'must match format "uri"']]],
    [{ url: 'https://a.example', mode: 'x' }, [['/mode', 'must be one of fast, safe']]],
    [
      { url: 1, retries: 11 },
      [
        ['/url', 'must be string'],
        ['/retries', 'must be <= 10'],
      ],
    ],
    [[], [['', 'must be object']]],
    [undefined, [['', 'must be object']]],
  ])('says what is wrong with %j', async (value, errors) => {
    expect(await patient.check(SCHEMA, value)).toEqual({
      isValid: false,
      errors: errors.map(([field, message]) => ({ field, message })),
    });
  });

  it('takes no text for a number', async () => {
    const config = { url: 'https://example.com', retries: '3' };

    expect(await patient.check(SCHEMA, config)).toMatchObject({
      errors: [{ field: '/retries', message: 'must be integer' }],
    });
  });

  it('never repeats the value, which may be a secret', async () => {
    const schema = {
      properties: { key: { type: 'string', pattern: '^k-', maxLength: 4, const: 'k-1' } },
    };

    const verdict = await patient.check(schema, { key: 'sesame' });

    expect(verdict.isValid).toBe(false);
    expect(JSON.stringify(verdict)).not.toContain('sesame');
  });

  it('knows keywords of no standard, and takes them for nothing', async () => {
    const schema = { properties: { key: { type: 'string', writeOnly: true, 'x-writable': true } } };

    expect(await patient.check(schema, { key: 'a' })).toMatchObject({ isValid: true });
  });

  it('asks of a value what is its own', async () => {
    const schema = { required: ['constructor', 'toString'] };

    expect(await patient.check(schema, {})).toMatchObject({
      errors: [{ field: '/constructor' }, { field: '/toString' }],
    });
  });

  it('keeps equal $ids of two orgs apart', async () => {
    const one = { $id: 'https://example.com/s', type: 'string' };
    const other = { $id: 'https://example.com/s', type: 'number' };

    const verdicts = await Promise.all([patient.check(one, 'a'), patient.check(other, 'a')]);
    const again = await Promise.all([patient.check(one, 1), patient.check(other, 1)]);

    expect([...verdicts, ...again].map(({ isValid }) => isValid)).toEqual([
      true,
      false,
      false,
      true,
    ]);
  });

  it('matches a pattern in time that follows the text', async () => {
    const schema = { type: 'string', pattern: '^(([a-z])+.)+[A-Z]([a-z])+$' };

    const verdict = await patient.check(schema, 'a'.repeat(100_000));

    expect(verdict).toMatchObject({ isValid: false });
  });

  it.each<[string, object]>([
    ['is none', { type: 'text' }],
    ['refers to nowhere', { $ref: '#/$defs/none' }],
    ['refers to elsewhere', { $ref: 'https://example.com/a' }],
    ['looks ahead', { pattern: '(?=a)b' }],
    ['looks back', { pattern: '(a)\\1' }],
    [
      'nests too deep',
      Array(40)
        .fill(0)
        .reduce((not: object) => ({ not }), {}),
    ],
  ])('refuses a schema that %s', async (_, schema) => {
    await expect(patient.check(schema as Record<string, unknown>, 1)).rejects.toMatchObject({
      code: 'PLG_MANIFEST',
      message: expect.stringMatching(/^the plugin's schema cannot be used: /),
    });
  });

  it.each<[unknown, string]>([
    [JSON.parse('['.repeat(200_000) + ']'.repeat(200_000)), 'nests more than 100 deep'],
    [JSON.parse('{"a": [{"__proto__": {"isAdmin": true}}]}'), 'has the key __proto__'],
    [{ a: { ['n'.repeat(1001)]: [] } }, 'has a name of more than 1000 characters'],
  ])('refuses a value before any schema sees it, %#', async (value, message) => {
    expect(await patient.check({}, value)).toEqual({
      isValid: false,
      errors: [{ field: '', message }],
    });
  });
});

describe('check, of what takes too long', () => {
  it('ends it at the deadline', async () => {
    const hasty = open({ deadlineMs: 50, workers: 1 });

    await expect(hasty.check(SLOW, MANY)).rejects.toMatchObject({
      code: 'PLG_SCHEMA_TIMEOUT',
      message: "the plugin's schema takes more than 50 ms",
    });
  });

  it('answers the next one all the same, even with one worker', async () => {
    const one = open({ deadlineMs: 5000, workers: 1 });
    const ends: string[] = [];

    const slow = one.check(SLOW, MANY).catch(() => ends.push('slow'));
    const next = one.check({ type: 'string' }, 'a').then(({ isValid }) => ends.push(`${isValid}`));
    await Promise.all([slow, next]);

    expect(ends).toEqual(['slow', 'true']);
  });

  it('holds up nobody beside it', async () => {
    const two = open({ deadlineMs: 60_000, workers: 2 });
    const slow = two.check(SLOW, MANY).catch((error: { code: string }) => error.code);

    expect(await two.check({ type: 'string' }, 'a')).toMatchObject({ isValid: true });

    two.close();
    expect(await slow).toBe('RES_UNAVAILABLE');
  });

  it('leaves a worker to the others, however often it is asked', async () => {
    const hasty = open({ deadlineMs: 3000, workers: 2 });
    await hasty.check(SLOW, MANY).catch(() => {});
    let ended = 0;
    const slow = Array.from({ length: 12 }, () =>
      hasty.check(SLOW, MANY).catch(() => {
        ended += 1;
      }),
    );

    expect(await hasty.check({ type: 'string' }, 'a')).toMatchObject({ isValid: true });
    expect(ended).toBeLessThan(8);

    hasty.close();
    await Promise.all(slow);
  });

  it('takes no more than 32 of them at a time', async () => {
    const hasty = open({ deadlineMs: 50, workers: 1 });
    await hasty.check(SLOW, MANY).catch(() => {});
    const slow = Array.from({ length: 32 }, () => hasty.check(SLOW, []).catch(() => {}));

    await expect(hasty.check(SLOW, [])).rejects.toMatchObject({ code: 'PLG_BUSY' });

    hasty.close();
    await Promise.all(slow);
  });

  it('ends what unfolds until no memory is left', async () => {
    const checker = open({ deadlineMs: 60_000, workers: 1 });
    // Each level names the one below ten times: ten billion schemas.
    const levels = Array.from({ length: 10 }, (_, i) => [
      `l${i}`,
      { anyOf: Array.from({ length: 10 }, () => ({ $ref: `#/$defs/l${i + 1}` })) },
    ]);
    const $defs = { ...Object.fromEntries(levels), l10: { type: 'null', title: 'none' } };
    const schema = { $defs, $ref: '#/$defs/l0' };

    const ended = await checker.check(schema, 1).catch((error: { code: string }) => error.code);

    expect(ended).toBe('PLG_SCHEMA_TIMEOUT');
    expect(await checker.check({}, 1)).toEqual({ isValid: true, value: 1 });
  });
});

describe('checkSchema', () => {
  it('takes a schema', async () => {
    expect(await patient.checkSchema(SCHEMA)).toBeUndefined();
    expect(await patient.checkSchema({})).toBeUndefined();
  });

  it.each<[unknown, string, RegExp]>([
    [{ type: 'text' }, '', /^schema is invalid: data\/type/],
    [{ pattern: '(?!a)' }, '', /^error parsing regexp/],
    [{ properties: { a: { $ref: 'b.json' } } }, '/properties/a/$ref', /outside the schema$/],
  ])('says what is wrong with %j', async (schema, field, message) => {
    expect(await patient.checkSchema(schema)).toEqual({
      field,
      message: expect.stringMatching(message),
    });
  });
});

describe('close', () => {
  it('ends who asks, and refuses who comes later', async () => {
    const checker = open({ deadlineMs: 60_000, workers: 1 });
    const asked = checker.check(SLOW, MANY).catch((error: { code: string }) => error.code);
    const waiting = checker.check({}, 1).catch((error: { code: string }) => error.code);

    checker.close();

    expect(await asked).toBe('RES_UNAVAILABLE');
    expect(await waiting).toBe('RES_UNAVAILABLE');
    await expect(checker.check({}, 1)).rejects.toMatchObject({ code: 'RES_UNAVAILABLE' });
  });

  it('ends idle workers by itself', async () => {
    const checker = open({ deadlineMs: 60_000, workers: 1, idleMs: 0 });

    expect(await checker.check({}, 1)).toMatchObject({ isValid: true });
    expect(await checker.check({}, 2)).toMatchObject({ isValid: true });
  });
});
