import { join } from 'node:path';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { type OpenApi, openApiOf } from '../../src/http/openapi.ts';
import { route } from '../../src/http/route.ts';
import { routeTables } from '../support/route-table.ts';

const golden = join(import.meta.dirname, '../golden/openapi-paths.txt');

let document: OpenApi;

beforeAll(async () => {
  const tables = (await routeTables()).map(({ at, rows }) => ({
    at,
    rows,
    isEnveloped: at === '/api/v1',
  }));
  document = openApiOf(tables, '1.0.0');
});

const operations = () =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      label: `${method.toUpperCase()} ${path}`,
      operation,
    })),
  );

describe('openapi.json', () => {
  it('has nothing that redocly’s recommended rules call an error', async () => {
    const config = await createConfig({ extends: ['recommended'] });

    const problems = await lintFromString({ source: JSON.stringify(document), config });

    const errors = problems.filter(({ severity }) => severity === 'error');
    const shown = errors.map(({ message, location }) => `${location[0]?.pointer}: ${message}`);
    expect(shown).toEqual([]);
  }, 60_000);

  it('has every route, with its answers and who may', async () => {
    const lines = operations().map(({ label, operation }) => {
      const statuses = Object.keys(operation.responses).filter((status) => /^\d+$/.test(status));
      return `${label} (${operation['x-permission']}) → ${statuses.join(', ')}`;
    });

    await expect(`${lines.sort().join('\n')}\n`).toMatchFileSnapshot(golden);
  });

  it('says of every route what it does, in a sentence, and what it answers', () => {
    const lacking = operations().filter(({ operation: { summary, responses } }) => {
      const isSaid = /^[A-Z].*\.$/.test(summary);
      return !isSaid || !Object.keys(responses).some((status) => /^[23]\d\d$/.test(status));
    });

    expect(lacking.map(({ label }) => label)).toEqual([]);
  });

  it('names each operation once', () => {
    const ids = operations().map(({ operation }) => operation.operationId);

    expect(ids).toHaveLength(new Set(ids).size);
  });
});

describe('openApiOf', () => {
  const shape = { type: 'string' };
  const of = (row: Parameters<typeof route>[0], isEnveloped = true) => {
    const { paths } = openApiOf([{ at: '/api/v1', rows: [route(row)], isEnveloped }], '1');
    return paths[`/api/v1${row.path.replace(/:(\w+)/g, '{$1}')}`]?.[row.method];
  };
  const row = {
    method: 'get',
    path: '/boxes/:id',
    permission: 'releases:read',
    handle: async () => undefined,
  } as const;
  const names = (operation: ReturnType<typeof of>) =>
    operation?.parameters?.map(({ name, $ref }) => name ?? String($ref).split('/').at(-1));

  it('puts an answer into the envelope, with its example', () => {
    const operation = of({ ...row, answers: { 200: { data: shape, example: 'a' } } });

    expect(operation?.responses['200']).toMatchObject({
      content: {
        'application/json': {
          schema: { properties: { success: { const: true }, data: shape } },
          example: { success: true, data: 'a', meta: { requestId: expect.any(String) } },
        },
      },
    });
  });

  it('leaves it bare where the table is', () => {
    const operation = of({ ...row, answers: { 200: { data: shape } } }, false);

    expect(operation?.responses['200']).toMatchObject({
      content: { 'application/json': { schema: shape } },
    });
  });

  it('makes a list of what is paged, which is sorted and filtered by its fields', () => {
    const fields = { name: { type: 'text', isSortable: true }, size: { type: 'number' } } as const;
    const operation = of({ ...row, fields, answers: { 200: { data: shape, isPage: true } } });

    expect(names(operation)).toEqual(['id', 'Page', 'PageSize', 'sort', 'filter', 'Org']);
    expect(operation?.parameters).toMatchObject([
      {},
      {},
      {},
      { description: 'By `name`; descending with a hyphen before it.' },
      { description: 'JSON, of `name` (text), `size` (number).' },
      {},
    ]);
    expect(JSON.stringify(operation?.responses['200'])).toContain('PageMeta');
  });

  it('has what a request may carry by its method', () => {
    expect(names(of({ ...row, method: 'post' }))).toEqual(['id', 'Org', 'IdempotencyKey']);
    expect(names(of({ ...row, method: 'put', scope: 'site' }))).toEqual(['id', 'IfMatch']);
  });

  it('needs no credential where everybody may', () => {
    expect(of({ ...row, permission: 'public' })?.security).toEqual([]);
    expect(of(row)?.security).toEqual([{ bearer: [] }, { apiKey: [] }, { session: [] }]);
  });

  it('gives what is no JSON its own type', () => {
    const answers = { 200: { data: shape, contentType: 'application/zip' }, 304: null };
    const operation = of({ ...row, answers });

    expect(operation?.responses['200']).toMatchObject({ content: { 'application/zip': {} } });
    expect(operation?.responses['304']).toEqual({ description: 'Nothing has changed.' });
  });
});
