import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Operation } from '../../src/http/openapi.ts';
import { type Asked, ask, type Refused } from '../support/app.ts';
import { openService, type TestService } from '../support/service.ts';

let service: TestService;

const send = (path: string, asked: Asked = {}) =>
  ask<Refused>(`${service.url}${path}`, {
    token: service.admin,
    ...asked,
    headers: { 'x-waymark-org': 'acme', ...asked.headers },
  });

beforeAll(async () => {
  service = await openService();
  await send('/api/v1/orgs', { body: { slug: 'acme' } });
});

afterAll(() => service.close());

const filter = (value: unknown) => `filter=${encodeURIComponent(JSON.stringify(value))}`;
const leaves = (count: number) => ({ $or: Array.from({ length: count }, () => ({ name: 'a' })) });
const nested = (depth: number): object =>
  depth === 1 ? { name: 'a' } : { $not: nested(depth - 1) };

describe('a list', () => {
  it.each([
    ['page=0', 'VAL_PAGE_SIZE', 'page'],
    ['page=one', 'VAL_PAGE_SIZE', 'page'],
    ['pageSize=101', 'VAL_PAGE_SIZE', 'pageSize'],
    ['sort=secretHash', 'VAL_SORT_FIELD', 'sort'],
    [filter({ secretHash: 'a' }), 'VAL_FILTER', 'filter.secretHash'],
    [filter({ name: { $regex: 'a' } }), 'VAL_FILTER', 'filter.name.$regex'],
    [filter({ $and: [{}, { name: { $like: 'a' } }] }), 'VAL_FILTER', 'filter.$and[1].name.$like'],
    [filter(leaves(33)), 'VAL_FILTER', 'filter.$or[32].name'],
    [filter(nested(6)), 'VAL_FILTER', 'filter.$not.$not.$not.$not.$not'],
    [filter({ name: 'a'.repeat(4096) }), 'VAL_FILTER', 'filter'],
    ['filter=%7B', 'VAL_FILTER', 'filter'],
  ])('refuses %s', async (query, code, field) => {
    const { status, body } = await send(`/api/v1/api-keys?${query}`);

    expect(status).toBe(400);
    expect(body.error.code).toBe(code);
    expect(body.error.validationErrors).toMatchObject([{ field }]);
  });

  it.each([
    ['a page beyond every list', `page=${Number.MAX_SAFE_INTEGER}&pageSize=100`],
    ['a thousand keys to sort by', `sort=${'-createdAt,name,'.repeat(500)}name`],
  ])('is asked for %s without a fault', async (_what, query) => {
    const { status } = await send(`/api/v1/api-keys?${query}`);

    expect([200, 400]).toContain(status);
  });

  it('takes as much as there may be', async () => {
    expect((await send(`/api/v1/api-keys?${filter(leaves(32))}`)).status).toBe(200);
    expect((await send(`/api/v1/api-keys?${filter(nested(5))}`)).status).toBe(200);
  });
});

describe('a request', () => {
  const MIB = 1_048_576;
  const brackets = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
  const nobodys = (body: string): Asked => ({ body, headers: { authorization: '' } });

  it.each<[string, string, Asked, number, string]>([
    ['2 MiB', '/api/v1/orgs', { body: { slug: 'x'.repeat(2 * MIB) } }, 413, 'VAL_TOO_LARGE'],
    ['arrays in arrays', '/api/v1/orgs', { body: brackets(500_000) }, 400, 'VAL_FAILED'],
    [
      'arrays in arrays, of nobody',
      '/api/v1/session',
      nobodys(brackets(20_000)),
      400,
      'VAL_FAILED',
    ],
    ['half of JSON', '/api/v1/orgs', { body: '{"slug":' }, 400, 'VAL_JSON'],
    [
      'XML',
      '/api/v1/orgs',
      { body: '<a/>', headers: { 'content-type': 'application/xml' } },
      415,
      'VAL_MEDIA_TYPE',
    ],
    [
      'a key of two words',
      '/api/v1/orgs',
      { body: { slug: 'a' }, headers: { 'idempotency-key': 'a b' } },
      400,
      'VAL_FAILED',
    ],
    [
      'a version that is none',
      '/api/v1/orgs/acme',
      { method: 'PUT', body: { name: 'a' }, headers: { 'if-match': '"x"' } },
      400,
      'VAL_FAILED',
    ],
    [
      'a version that is old',
      '/api/v1/orgs/acme',
      { method: 'PUT', body: { name: 'a' }, headers: { 'if-match': '"99"' } },
      409,
      'RES_VERSION_CONFLICT',
    ],
    [
      'an organisation that is none',
      '/api/v1/api-keys',
      { headers: { 'x-waymark-org': '../acme' } },
      404,
      'RES_NOT_FOUND',
    ],
    ['a NUL in its path', '/api/v1/orgs/a%00b', {}, 400, 'VAL_FAILED'],
    ['a NUL in its query', '/v1/orgs/acme/delivery/clients?cursor=%00', {}, 400, 'VAL_FAILED'],
    ['a NUL in its body', '/api/v1/orgs', { body: { slug: 'a', name: 'a\0' } }, 400, 'VAL_FAILED'],
    ['half a character', '/api/v1/orgs', { body: '{"slug":"\\ud800"}' }, 400, 'VAL_FAILED'],
    ['a path that is no UTF-8', '/api/v1/orgs/%ff', {}, 400, 'VAL_FAILED'],
    ['a method that is none', '/api/v1/orgs', { method: 'PATCH' }, 405, 'RES_METHOD'],
  ])('with %s is refused', async (_what, path, asked, status, code) => {
    const answer = await send(path, asked);

    expect(answer.body.error.code).toBe(code);
    expect(answer.status).toBe(status);
  });

  it('with a second Host header is refused', async () => {
    const socket = connect(Number(new URL(service.url).port), '127.0.0.1');
    let said = '';
    socket.on('data', (chunk) => (said += chunk.toString()));
    socket.write('GET /api/v1/orgs HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n');
    await once(socket, 'close');

    expect(said).toMatch(/^HTTP\/1.1 400 /);
    expect(said).toContain('"code":"VAL_FAILED"');
  });
});

/** What names, titles and notes come as, by mistake or on purpose. */
const NAUGHTY = [
  '',
  ' ',
  '\t\r\n',
  'undefined',
  'null',
  'NaN',
  '-1',
  '1e309',
  '0x0',
  '__proto__',
  'constructor',
  'hasOwnProperty',
  '../../../../etc/passwd',
  '..',
  '/',
  '-rf',
  '--upload-pack=touch /tmp/x',
  '$(touch x)',
  '`id`',
  "' or 1=1 --",
  '"; drop table org; --',
  '%s%n%00',
  '{{7*7}}',
  '${7*7}',
  '<script>alert(1)</script>',
  'a\r\nX-Injected: 1',
  '\u202Etxt.exe',
  '\u0000',
  '\ufeff\u200b',
  'Ṱ̺̺̕o͞ ̷i̲̬n̝̗v̟̜o̘̙k̫̟e̗̖',
  '👩‍👩‍👧‍👦🇩🇪',
  'ﷺ'.repeat(100),
  'x'.repeat(70_000),
];

/** Each attempt derives a key from a password, which is meant to take long. */
const COSTLY = new Set(['/api/v1/session', '/api/v1/backup']);

describe('whatever a text field is given', () => {
  it('is taken or refused by every route, and no fault of the server', async () => {
    const faults: string[] = [];
    for (const { method, path, schema } of takingBodies()) {
      for (const text of COSTLY.has(path) ? NAUGHTY.slice(0, 4) : NAUGHTY) {
        const { status, headers } = await send(path.replace(/\{\w+\}/g, encodeURIComponent(text)), {
          method,
          body: JSON.stringify(filled(schema, text)),
        });
        const isSound = status < 500 || status === 503;
        if (!isSound || headers.has('x-injected')) {
          faults.push(`${method} ${path} ${JSON.stringify(text)} ${status}`);
        }
      }
    }

    expect(faults).toEqual([]);
    expect(service.logged).toEqual([]);
  }, 120_000);

  it('is looked for by every route that names something, and not found', async () => {
    const faults: string[] = [];
    // Of `..` a URL takes the folder away, and then asks for another route.
    const ids = NAUGHTY.filter((text) => text !== '' && text !== '..' && text.length < 10_000);
    for (const [path, methods] of Object.entries(service.openApi.paths)) {
      const ofAcme = path.replace('{orgId}', 'acme');
      if (!methods['get'] || !ofAcme.includes('{')) continue;
      for (const id of ids) {
        const named = ofAcme.replace(/\{\w+\}/g, encodeURIComponent(id));
        const { status } = await send(named);
        const isSound = status < 500 || status === 503;
        if (!isSound || status === 200) faults.push(`${named} ${status}`);
      }
    }

    expect(faults).toEqual([]);
    expect(service.logged).toEqual([]);
  }, 120_000);
});

function takingBodies() {
  return Object.entries(service.openApi.paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, operation]) => {
      const schema = bodyOf(operation);
      const isApi = path.startsWith('/api/v1/');
      return schema && isApi ? [{ method: method.toUpperCase(), path, schema }] : [];
    }),
  );
}

type Schema = Readonly<Record<string, unknown>>;

const bodyOf = ({ requestBody }: Operation): Schema | undefined =>
  requestBody?.content['application/json']?.schema;

/** A body of that form, with `text` wherever a text may be. */
function filled(schema: Schema, text: string): unknown {
  const { type, properties, items, minItems } = schema;
  const [choice] = (schema['oneOf'] ?? schema['anyOf'] ?? []) as Schema[];
  if (choice) return filled(choice, text);
  if ('const' in schema) return schema['const'];
  if (Array.isArray(schema['enum'])) return schema['enum'][0];
  if (properties) {
    const parts = Object.entries(properties as Record<string, Schema>);
    return Object.fromEntries(parts.map(([name, part]) => [name, filled(part, text)]));
  }
  if (items)
    return Array.from({ length: Number(minItems ?? 1) }, () => filled(items as Schema, text));
  if (type === 'object') return { [text]: text };
  if (type === 'integer' || type === 'number') return 1;
  if (type === 'boolean') return false;
  return text;
}
