import { createHash } from 'node:crypto';
import { readFile, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { extract } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { makeClient, type TestClient } from '../../support/client.ts';

const AUTHOR = { author: 'Acme', repository: 'https://a.example' };
const NAMES = { id: 'example', displayName: 'Example', version: '1.2.0', ...AUTHOR };

describe('waymark plugin pack', () => {
  let author: TestClient;
  beforeEach(async () => {
    author = await makeClient();
    // As `npm install zod` would have it.
    await symlink(join(import.meta.dirname, '../../../node_modules'), author.path('node_modules'));
    await author.write('plugin.json', JSON.stringify(NAMES));
  });
  afterEach(() => author.remove());

  /** The packed `plugin.json`. */
  async function manifest(): Promise<Record<string, unknown>> {
    await pack('--dir', 'packed');
    return JSON.parse(await author.read('packed/plugin.json'));
  }

  /** The packed method table, loaded here. */
  async function table(): Promise<Record<string, (...args: unknown[]) => unknown>> {
    await pack('--dir', 'packed');
    return (await import(author.path('packed/index.js'))).default;
  }

  async function pack(...argv: string[]): Promise<string> {
    const run = await author.run('plugin', 'pack', ...argv);
    expect(run.exitCode, run.stderr).toBe(0);
    return run.stdout;
  }

  async function refusal(): Promise<string> {
    const run = await author.run('plugin', 'pack');
    expect(run.exitCode).not.toBe(0);
    return run.stderr;
  }

  it('makes <id>.tar.gz of plugin.json and one script', async () => {
    await author.write('plugin.ts', queryPlugin);

    expect(await pack()).toMatch(/^example 1\.2\.0: .* in example\.tar\.gz\n$/);

    const archive = extract();
    archive.end(gunzipSync(await readFile(author.path('example.tar.gz'))));
    const files: string[] = [];
    for await (const entry of archive) {
      if (await text(entry)) files.push(entry.header.name);
    }
    expect(files).toEqual(['index.js', 'plugin.json']);
  });

  it('makes the same bytes of the same files, wherever they lie', async () => {
    const other = await makeClient();
    for (const one of [author, other]) {
      await one.write('plugin.json', JSON.stringify(NAMES));
      await one.write('plugin.ts', queryPlugin);
      expect((await one.run('plugin', 'pack', '-o', 'out/p.tgz')).exitCode).toBe(0);
    }
    const digestOf = async (one: TestClient) =>
      createHash('sha256')
        .update(await readFile(one.path('out/p.tgz')))
        .digest('hex');

    expect(await digestOf(author)).toBe(await digestOf(other));
    await other.remove();
  });

  it('packs an integration object in the style of the integration contract', async () => {
    await author.write('plugin.json', JSON.stringify(AUTHOR));
    await author.write('package.json', '{"version": "1.2.0"}');
    await author.write(
      'src/plugin.ts',
      `import { z } from 'zod';
       import { PluginCapability, type IntegrationPlugin } from '../types.ts';
       const configSchema = z.object({
         url: z.url(),
         token: z.string().meta({ secret: true }),
         tries: z.number().default(3),
       });
       export const examplePlugin: IntegrationPlugin<z.infer<typeof configSchema>> = {
         id: 'example', name: 'Example', category: 'automation', configSchema,
         capabilities: [PluginCapability.ApprovalHook],
         async onApprovalCreated(event, context) {
           await context.http.post(context.config.url, { approvalId: event.approvalId });
         },
       };`,
    );

    expect(await manifest()).toEqual({
      ...NAMES,
      category: 'automation',
      schemaVersion: 1,
      entry: 'index.js',
      capabilities: { approval_hook: true },
      hooks: ['approval.created'],
      configSchema: {
        type: 'object',
        properties: {
          url: { type: 'string', format: 'uri' },
          token: { type: 'string', writeOnly: true },
          tries: { type: 'number', default: 3 },
        },
        required: ['url', 'token'],
      },
    });
    expect(Object.keys(await table())).toEqual(['config.validate', 'hook.handle']);
  });

  it('packs route files in the style of the route contract', async () => {
    await author.write(
      'plugin.config.ts',
      `export default { id: 'example', api: { find: (id: string) => 'item ' + id } };`,
    );
    await author.write(
      'api/items/[id]/route.ts',
      `import { type NextRequest, NextResponse } from 'next/server'
       import { authenticateRequest } from '@/core/lib/api/auth/dual-auth'
       import { withRateLimitTier } from '@nextsparkjs/core/lib/api/rate-limit'
       import { usePlugin } from '@/core/lib/registries/plugin-registry'
       export const GET = withRateLimitTier(async (
         request: NextRequest, { params }: { params: { id: string } },
       ) => {
         const auth = await authenticateRequest(request)
         const { find } = usePlugin('example')
         return NextResponse.json({ by: auth.session.user.id, item: find(params.id) })
       }, 'read')
       export async function DELETE() { return NextResponse.json({ success: true }) }`,
    );

    expect(await manifest()).toMatchObject({
      capabilities: { api_routes: true },
      apiRoutes: [
        { method: 'GET', path: 'items/[id]', rateTier: 'read' },
        { method: 'DELETE', path: 'items/[id]' },
      ],
    });
    const answer = await (await table())['api.handle']?.(
      {
        Method: 'GET',
        Path: '/api/v1/plugin/example/items/7',
        Endpoint: 'items/[id]',
        Params: { id: '7' },
        Headers: {},
        Query: {},
        Body: '',
        Principal: { id: 'ada', type: 'user', roles: [], scopes: [] },
        context: { config: {}, host_callback_id: 'call-1' },
      },
      {},
    );
    expect(answer).toMatchObject({ Body: btoa('{"by":"ada","item":"item 7"}') });
  });

  it('packs raw handlers', async () => {
    await author.write(
      'index.js',
      `export default {
         register: () => ({ Resources: [{ Path: '/status', Menu: 'Status' }] }),
         handle: () => ({ StatusCode: 200, Body: '' }),
         'agent.query': () => ({ results: [] }),
       };`,
    );

    expect(await manifest()).toMatchObject({
      capabilities: { management_api: true, agent_query: true },
    });
    expect(Object.keys(await table()).sort()).toEqual([
      'agent.query',
      'management.handle',
      'management.register',
    ]);
  });

  it('leaves to plugin.json what that says of a route', async () => {
    const apiRoutes = [{ method: 'GET', path: 'items', auth: 'public', rateTier: 'webhook' }];
    await author.write('plugin.json', JSON.stringify({ ...NAMES, apiRoutes }));
    await author.write('api/items/route.ts', 'export const GET = () => new Response("");');

    expect(await manifest()).toMatchObject({ apiRoutes });
  });

  it('keeps the schemas of tools and integrations', async () => {
    await author.write(
      'plugin.ts',
      `import { z } from 'zod';
       import { definePlugin } from 'waymark/plugin';
       export default definePlugin({
         name: 'Example', category: 'automation',
         tools: [{ name: 'sum', inputSchema: z.object({ a: z.int() }), call: ({ a }) => a + 1 }],
         integrations: [{
           name: 'monitor', category: 'automation', displayName: 'Monitor',
           secretsSchema: z.object({ token: z.string() }),
           resourceTypes: ['page'], operations: { pause: async () => ({}) },
         }],
       });`,
    );

    expect(await manifest()).toMatchObject({
      tools: [{ name: 'sum', inputSchema: { properties: { a: { type: 'integer' } } } }],
      integrationTypes: [
        {
          name: 'monitor',
          secretsSchema: { properties: { token: { type: 'string' } } },
          resourceTypes: ['page'],
          operations: ['pause'],
        },
      ],
    });
  });

  it('writes into a folder without the signature of what was there', async () => {
    await author.write('plugin.ts', queryPlugin);
    await author.write('server/plugin.sig.json', '{}');

    await pack('--dir', 'server');

    expect(Object.keys(await author.files('server')).sort()).toEqual(['index.js', 'plugin.json']);
  });

  it('names each refused import with its file, line and column', async () => {
    await author.write(
      'plugin.ts',
      `import { read } from './lib/read.ts';\nexport default { read };`,
    );
    await author.write(
      'lib/read.ts',
      `import http from 'http';\nimport { readFileSync } from 'node:fs';\nimport 'no-such/part';
       export const read = () => [http, readFileSync];`,
    );

    expect(await refusal()).toBe(
      [
        'waymark: lib/read.ts:1:18: the sandbox has no http: use ctx.http or fetch',
        'lib/read.ts:2:30: the sandbox has no node:fs: ctx.kv keeps values',
        'lib/read.ts:3:8: Could not resolve "no-such/part": is it installed? npm install no-such',
        '',
      ].join('\n'),
    );
  });

  it('names where the syntax is wrong', async () => {
    await author.write('plugin.ts', 'export default {\n  a: ;\n};');

    expect(await refusal()).toBe('waymark: plugin.ts:2:6: Unexpected ";"\n');
  });

  it('lets a plugin of runtime process use Node', async () => {
    const process = { ...NAMES, runtime: 'process', capabilities: { agent_query: true } };
    await author.write('plugin.json', JSON.stringify(process));
    await author.write('index.ts', `import { tmpdir } from 'node:os';\n${queryPlugin}\ntmpdir();`);

    await pack('--dir', 'packed');

    expect(await author.read('packed/index.js')).toMatch(/from "node:os"/);
  });

  it('gives the code no setting of its author’s', async () => {
    vi.stubEnv('WAYMARK_TOKEN', 'a-key-of-the-author');
    await author.write(
      'plugin.ts',
      `const { WAYMARK_TOKEN: name = 'Nobody' } = globalThis.process?.env ?? {};
       export default { tools: [{ name: 'who', description: name, call: () => name }] };`,
    );

    expect(await manifest()).toMatchObject({ tools: [{ description: 'Nobody' }] });
    vi.unstubAllEnvs();
  });

  it('leaves an author’s own types.ts in peace', async () => {
    await author.write('types.ts', `export const greeting = 'of my own';`);
    await author.write(
      'src/plugin.ts',
      `import { greeting } from '../types.ts';
       export default { 'agent.query': () => ({ results: [{ type: 'note', title: greeting }] }) };`,
    );

    expect(await (await table())['agent.query']?.()).toMatchObject({
      results: [{ title: 'of my own' }],
    });
  });

  it.each([
    [
      'another id in the code',
      `export default { id: 'other', capabilities: ['tools'] }`,
      /the id "example", the code "other"/,
    ],
    [
      'two plugins',
      `export const a = { capabilities: [] }; export const b = { capabilities: [] };`,
      /several exports are plugins: make one the default/,
    ],
    [
      'what fails as it loads',
      `throw new TypeError('no luck')`,
      /the plugin does not load:\nTypeError: no luck/,
    ],
    [
      'what ends its process',
      `process.exit(0)`,
      /the plugin does not load:\nit ended without a word/,
    ],
    [
      'nothing that it can do',
      `export default {}`,
      /plugin\.json: \/capabilities it has no capability/,
    ],
  ])('refuses %s', async (_, code, message) => {
    await author.write('plugin.ts', code);

    expect(await refusal()).toMatch(message);
  });

  it('refuses a schema that has no JSON form', async () => {
    await author.write(
      'plugin.ts',
      `const configSchema = { '~standard': { vendor: 'other', validate: (value) => ({ value }) } };
       export default { configSchema, 'agent.query': () => ({ results: [] }) };`,
    );

    expect(await refusal()).toMatch(
      'a schema of other has no JSON form: use zod 4, or write JSON Schema',
    );
  });

  it('leaves to their formats what zod writes as patterns that look ahead', async () => {
    await author.write(
      'plugin.ts',
      `import { z } from 'zod';
       const configSchema = z.object({ host: z.hostname(), every: z.iso.duration(), to: z.email() });
       export default { configSchema, 'agent.query': () => ({ results: [] }) };`,
    );

    expect(await manifest()).toMatchObject({
      configSchema: {
        properties: {
          host: { type: 'string', format: 'hostname' },
          every: { type: 'string', format: 'duration' },
          to: { format: 'email', pattern: expect.any(String) },
        },
      },
    });
    expect(await author.read('packed/plugin.json')).not.toMatch('(?=');
  });

  it('refuses patterns that servers do not run, each with its place', async () => {
    await author.write(
      'plugin.ts',
      `import { z } from 'zod';
       const names = { patternProperties: { '^(?!x-)': {} }, default: { pattern: '(?=' } };
       export default {
         configSchema: z.object({ id: z.string().regex(/^(?=a).*$/), twice: z.string().regex(/(a)\\1/) }),
         tools: [{ name: 'sum', inputSchema: names, call: () => 0 }],
       };`,
    );

    expect(await refusal()).toBe(
      [
        'waymark: plugin.json: /configSchema/properties/id/pattern the pattern ^(?=a).*$ looks ahead or behind',
        'plugin.json: /configSchema/properties/twice/pattern the pattern (a)\\1 refers back to a group',
        'plugin.json: /tools/0/inputSchema/patternProperties the pattern ^(?!x-) looks ahead or behind',
        '',
      ].join(", which RE2 does not know: check it in the code, as by zod's .refine()\n"),
    );
  });

  it('refuses a route of plugin.json that no file answers', async () => {
    const apiRoutes = [{ method: 'POST', path: 'items' }];
    await author.write('plugin.json', JSON.stringify({ ...NAMES, apiRoutes }));
    await author.write('api/items/route.ts', 'export const GET = () => new Response("");');

    expect(await refusal()).toMatch('plugin.json has the route POST items, and no route file');
  });

  it.each([
    ['no plugin.json', { 'plugin.json': null }, /has no plugin\.json/],
    ['a plugin.json that is no JSON', { 'plugin.json': '{' }, /plugin\.json: .*JSON/],
    ['a plugin.json that is a list', { 'plugin.json': '[]' }, /is no JSON object/],
    ['no code', {}, /has neither src\/plugin\.ts nor api/],
    ['a route without a folder', { 'api/route.ts': '' }, /a route needs a folder/],
  ])('refuses a folder with %s', async (_, files, message) => {
    for (const [path, content] of Object.entries(files)) {
      if (content === null) await rm(author.path(path));
      else await author.write(path, content);
    }

    expect(await refusal()).toMatch(message);
  });

  it('refuses what is no folder: exit 2', async () => {
    expect((await author.run('plugin', 'pack', 'nowhere')).exitCode).toBe(2);
  });
});

const queryPlugin = `
  export default { 'agent.query': () => ({ results: [] }) };
`;
