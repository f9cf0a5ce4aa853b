import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { docsPage } from '../../src/http/docs-page.ts';
import { shapeText } from '../../src/http/docs-shape.ts';
import { HOST_ROUTES } from '../../src/http/management-plugins.ts';
import { type OpenApi, openApiOf, templateOf } from '../../src/http/openapi.ts';
import { route } from '../../src/http/route.ts';
import { ask } from '../support/app.ts';
import { routeTables } from '../support/route-table.ts';
import { openService, type TestService } from '../support/service.ts';

const golden = join(import.meta.dirname, '../golden/openapi-paths.txt');

let service: TestService;
let document: OpenApi;

beforeAll(async () => {
  service = await openService();
  document = service.openApi;
});

afterAll(() => service.close());

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

  it('has every row of every table', async () => {
    const tables = await routeTables();

    const missing = tables.flatMap(({ at, rows }) =>
      rows.filter((row) => !document.paths[templateOf({ at }, row)]?.[row.method]),
    );

    expect(missing.map(({ method, path }) => `${method} ${path}`)).toEqual([]);
  });

  it('has the server’s own routes below /v0/management', () => {
    const missing = HOST_ROUTES.filter(({ method, path }) => {
      const template = `/v0/management${path.replace(':id', '{id}')}`;
      return !document.paths[template]?.[method.toLowerCase()];
    });

    expect(missing).toEqual([]);
  });

  it('has every route, with its answers and who may', async () => {
    const lines = operations().map(({ label, operation }) => {
      const statuses = Object.keys(operation.responses).filter((status) => /^\d+$/.test(status));
      const permission = [operation['x-permission']].flat().join(',');
      return `${label} (${permission}) → ${statuses.join(', ')}`;
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

describe('GET /openapi.json', () => {
  it('gives the document to everybody, and 304 to whoever has it', async () => {
    const answer = await ask(`${service.url}/openapi.json`);
    const etag = answer.headers.get('etag') ?? '';
    const again = await ask(`${service.url}/openapi.json`, { headers: { 'if-none-match': etag } });

    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(answer.body).toEqual(document);
    expect(again.status).toBe(304);
  });
});

describe.each(['/openapi.json', '/docs'])('another method of %s', (path) => {
  it('is 405, and says which there is', async () => {
    const answer = await ask(service.url + path, { method: 'POST' });

    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toBe('GET, HEAD');
  });
});

describe('GET /docs', () => {
  it('shows every route on one page that asks for nothing from elsewhere', async () => {
    const { status, headers, text } = await ask(`${service.url}/docs`);

    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(text.match(/<article id="/g)).toHaveLength(operations().length);
    expect(text).not.toMatch(/\ssrc=|<link|@import|url\(/);
    const links = [...text.matchAll(/href="([^"]+)"/g)].map(([, link]) => link);
    expect(links.filter((link) => !link?.startsWith('#'))).toEqual(['openapi.json']);
  });

  it('lets run what it was made with, and nothing else', async () => {
    const { headers, text } = await ask(`${service.url}/docs`);

    const policy = headers.get('content-security-policy') ?? '';
    const [, script = ''] = /<script>([\s\S]*)<\/script>/.exec(text) ?? [];
    const hash = createHash('sha256').update(script).digest('base64');
    expect(policy).toMatch(/^default-src 'none';/);
    expect(policy).toContain(`script-src 'sha256-${hash}'`);
    expect(policy).toContain("frame-ancestors 'none'");
    expect(headers.get('x-content-type-options')).toBe('nosniff');
  });
});

describe('docsPage', () => {
  it('writes out whatever a description says', () => {
    const summary = 'Gives <script>alert("1")</script> & `code`.';
    const row = { ...boxes, summary, answers: { 200: { data: { const: '<b>' } } } };
    const page = docsPage(openApiOf([{ at: '/x', rows: [route(row)], isEnveloped: false }], '1'));

    expect(page).toContain('Gives &lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp;');
    expect(page).toContain('<pre>&quot;&lt;b&gt;&quot;</pre>');
    expect(page).not.toContain('<script>alert');
  });
});

describe('shapeText', () => {
  it.each([
    [{ type: 'string' }, 'string'],
    [{ type: ['string', 'null'], format: 'date-time' }, 'date-time | null'],
    [{ enum: ['a', 1] }, '"a" | 1'],
    [{ type: 'array', items: { enum: ['a', 'b'] } }, '("a" | "b")[]'],
    [{ $ref: '#/components/schemas/Meta' }, 'Meta'],
    [{ anyOf: [{ type: 'null' }, { const: true }] }, 'null | true'],
    [{ type: 'object', additionalProperties: { type: 'integer' } }, '{ [name]: integer }'],
    [{ type: 'object', properties: {} }, '{}'],
    [{}, 'anything'],
    [true, 'anything'],
    [{ type: 'object', properties: { a: true, b: false } }, '{\n  a?: anything,\n  b?: nothing\n}'],
    [{ type: ['object', 'null'], properties: {} }, '{} | null'],
    [{ type: 'array', items: { type: ['object', 'null'], properties: {} } }, '({} | null)[]'],
    [{ type: ['array', 'null'], items: { type: 'string' } }, 'string[] | null'],
    [{ oneOf: [true, { type: 'null' }] }, 'anything | null'],
    [
      {
        type: 'object',
        required: ['a'],
        properties: { a: { type: 'string' }, b: { type: 'array', items: { type: 'number' } } },
      },
      '{\n  a: string,\n  b?: number[]\n}',
    ],
  ])('%j is %s', (schema, shown) => {
    expect(shapeText(schema)).toBe(shown);
  });
});

const boxes = {
  method: 'get',
  path: '/boxes/:id',
  permission: 'releases:read',
  handle: async () => undefined,
} as const;

describe('openApiOf', () => {
  const shape = { type: 'string' };
  const of = (row: Parameters<typeof route>[0], isEnveloped = true) => {
    const { paths } = openApiOf([{ at: '/api/v1', rows: [route(row)], isEnveloped }], '1');
    return paths[`/api/v1${row.path.replace(/:(\w+)/g, '{$1}')}`]?.[row.method];
  };
  const row = boxes;
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
