import { describe, expect, it } from 'vitest';
import { readSchemas } from '../../../src/registry/schema-files.ts';
import { HOOK_CAPABILITIES } from '../../../src/registry/server-manifest/hook-events.ts';
import { CAPABILITIES } from '../../../src/registry/server-manifest/manifest.ts';
import { parseManifest } from '../../../src/registry/server-manifest/parse-manifest.ts';

type Source = 'builtin' | 'host' | 'registry';

const parse = (text: string | Uint8Array, source: Source = 'host', hostVersion = '1.2.0') =>
  parseManifest(text, { source, hostVersion });

/** The least of a host's plugin. */
const LEAST = {
  id: 'example',
  displayName: 'Example',
  version: '1.4.0',
  author: 'Acme',
  repository: 'https://example.com/acme/example',
  capabilities: { tools: true },
};

const with_ = (more: object) => JSON.stringify({ ...LEAST, ...more });

/** Everything that is wrong, as `<pointer> <message>`. */
function problemsOf(text: string | Uint8Array, source: Source = 'host') {
  const parsed = parse(text, source);
  return parsed.ok ? [] : parsed.error.map(({ pointer, message }) => `${pointer} ${message}`);
}

const FULL = {
  $schema: 'https://example.com/plugin-manifest.json',
  ...LEAST,
  category: 'automation',
  schemaVersion: 1,
  engines: { waymark: '^1.0.0', 'x-why': 'pages' },
  runtime: 'process',
  entry: 'main.mjs',
  capabilities: Object.fromEntries(CAPABILITIES.map((name) => [name, true])),
  hooks: ['approval.created', '*'],
  configSchema: {
    type: 'object',
    properties: {
      url: { type: 'string' },
      auth: { properties: { token: { type: 'string', writeOnly: true } } },
    },
  },
  permissions: {
    http: [{ hosts: ['*.example.net', 'api.example.com', 'config:/url'], methods: ['POST'] }],
    kv: true,
    secrets: ['auth/token', 'apiKey'],
    read: ['releases', 'change-requests'],
    model: true,
  },
  apiRoutes: [
    { method: 'GET', path: 'items/[id]', rateTier: 'read', bridge: true },
    { method: 'GET', path: 'items/mine', permission: 'releases:read' },
    { method: 'POST', path: 'hook/[...rest]', auth: 'public', input: { type: 'object' } },
  ],
  integrationTypes: [
    {
      name: 'tracker',
      category: 'automation',
      displayName: 'Tracker',
      secretsSchema: { type: 'object', properties: { apiKey: { type: 'string' } } },
      operations: ['issue.open'],
    },
  ],
  gates: [{ name: 'open_issues', 'x-icon': 'flag' }],
  stepTypes: [{ name: 'close-issues' }],
  tools: [{ name: 'findIssue', inputSchema: { type: 'object' } }],
  limits: { memoryMb: 32 },
  'x-build': { by: 'hand' },
};

describe('parseManifest', () => {
  it('reads all that there can be', () => {
    const parsed = parse(JSON.stringify(FULL));

    expect(parsed).toMatchObject({
      ok: true,
      value: {
        ...FULL,
        capabilities: new Set(CAPABILITIES),
        permissions: { ...FULL.permissions, publicRoutes: true },
        apiRoutes: [
          { path: 'items/[id]', auth: 'user', rateTier: 'read', bridge: true },
          { path: 'items/mine', auth: 'user', rateTier: 'api', bridge: false },
          { path: 'hook/[...rest]', auth: 'public' },
        ],
      },
    });
  });

  it('fills in what a registry may leave out', () => {
    expect(parse('{"id": "a", "capabilities": {"tools": true}}', 'registry')).toEqual({
      ok: true,
      value: {
        id: 'a',
        displayName: 'a',
        author: '',
        repository: '',
        category: 'automation',
        schemaVersion: 1,
        runtime: 'sandbox',
        entry: 'index.js',
        capabilities: new Set(['tools']),
        hooks: [],
        permissions: {},
        apiRoutes: [],
        integrationTypes: [],
        gates: [],
        stepTypes: [],
        tools: [],
        limits: {},
      },
    });
  });

  it('has a hook hear of all that it can when it names no event', () => {
    const parsed = parse(with_({ capabilities: { release_hook: true, tools: false } }));

    expect(parsed).toMatchObject({
      value: { hooks: ['*'], capabilities: new Set(['release_hook']) },
    });
  });

  it('gives what nobody changes', () => {
    const parsed = parse(JSON.stringify(FULL));

    expect(parsed.ok && Object.isFrozen(parsed.value)).toBe(true);
    expect(parsed.ok && Object.isFrozen(parsed.value.configSchema?.['properties'])).toBe(true);
  });

  it('reads bytes', () => {
    expect(parse(Buffer.from(with_({ displayName: 'Прикладъ' })))).toMatchObject({ ok: true });
    expect(problemsOf(Buffer.from([0x7b, 0xff, 0x7d]))).toEqual([' plugin.json is not UTF-8']);
  });

  it('says all that is wrong at once', () => {
    expect(problemsOf('{"id": "A b", "name": "x", "limits": {"memoryMb": 65}}')).toEqual([
      ' plugin.json needs the field capabilities (What it offers, each as true)',
      expect.stringMatching(/^\/name plugin.json has no field "name" \(known are/),
      expect.stringMatching(/^\/id id cannot be "A b"/),
      '/limits/memoryMb limits.memoryMb must be at most 64, not 65',
    ]);
  });
});

describe('parseManifest, of its text', () => {
  it.each([
    ['{"id": "a"', /^ plugin.json is no JSON: /],
    ['', /^ plugin.json is no JSON: /],
    ['null', ' plugin.json must be a map, and is empty'],
    ['[]', ' plugin.json must be a map, not a list'],
    ['{"id": "a", "id": "b"}', '/id id stands there twice'],
    [String.raw`{"id": "a", "\u0069d": "b"}`, '/id id stands there twice'],
    [
      '{"tools": [{"name": "a"}, {"name": "b", "x-\\"": ",{[", "name": "c"}]}',
      '/tools/1/name tools[1].name stands there twice',
    ],
    ['{"__proto__": {"id": "a"}}', '/__proto__ __proto__ is no name for a key'],
    [
      '{"configSchema": {"properties": {"__proto__": {}}}}',
      '/configSchema/properties/__proto__ configSchema.properties.__proto__ is no name for a key',
    ],
    [' '.repeat(256 * 1024 + 1), ' plugin.json has 262145 bytes: at most 262144'],
  ])('refuses %.60s', (text, problem) => {
    expect(problemsOf(text)).toEqual([
      typeof problem === 'string' ? problem : expect.stringMatching(problem),
    ]);
  });

  it('refuses what nests deeper than any schema may, whatever the depth', () => {
    const deep = '['.repeat(100_000) + ']'.repeat(100_000);

    expect(problemsOf(deep)).toEqual([expect.stringMatching(/nests more than 48 deep$/)]);
  });

  it('pollutes nothing', () => {
    parse('{"constructor": {"prototype": {"polluted": 1}}, "__proto__": {"polluted": 1}}');

    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });
});

describe('parseManifest, of its fields', () => {
  const item = { name: 'a', category: 'scm', displayName: 'A' };
  const many = (count: number) =>
    Array.from({ length: count }, (_, i) => ({ method: 'GET', path: `r${i}` }));

  it.each<[object, string | RegExp]>([
    [{ id: '' }, /^\/id id cannot be ""/],
    [{ id: 'Example' }, /^\/id id cannot be "Example"/],
    [{ displayName: ' ' }, /^\/displayName displayName cannot be " "/],
    [{ version: 'v1' }, /^\/version version cannot be "v1"/],
    [{ name: 'x' }, /^\/name plugin.json has no field "name"/],
    [{ entry: '../index.js' }, /^\/entry entry cannot be/],
    [{ entry: 'lib/index.js' }, /^\/entry entry cannot be/],
    [{ entry: '.index.js' }, /^\/entry entry cannot be/],
    [{ entry: 'index.ts' }, /^\/entry entry cannot be/],
    [{ runtime: 'native' }, /^\/runtime runtime must be one of sandbox, process/],
    [{ schemaVersion: 0 }, '/schemaVersion schemaVersion must be at least 1, not 0'],
    [{ schemaVersion: '1' }, /^\/schemaVersion schemaVersion must be a whole number/],
    [{ engines: { waymark: 'new' } }, /^\/engines\/waymark engines.waymark cannot be "new"/],
    [{ engines: { node: '24' } }, /^\/engines\/node engines has no field "node"/],
    [{ capabilities: {} }, '/capabilities it has no capability'],
    [{ capabilities: { tools: false } }, '/capabilities it has no capability'],
    [{ capabilities: ['tools'] }, '/capabilities capabilities must be a map, not a list'],
    [{ capabilities: { fly: true } }, /^\/capabilities\/fly capabilities has no field "fly"/],
    [{ capabilities: { Tools: true } }, /"Tools" \(did you mean tools\?\)$/],
    [{ capabilities: { tools: 'yes' } }, /^\/capabilities\/tools .* must be true or false/],
    [
      { hooks: ['approval.created'] },
      '/hooks/0 approval.created needs the capability approval_hook',
    ],
    [{ hooks: ['*'] }, '/hooks/0 * needs the capability of a hook'],
    [{ hooks: ['approval.made'] }, /^\/hooks\/0 hooks\[0\] must be one of/],
    [{ apiRoutes: many(1) }, '/apiRoutes apiRoutes needs the capability api_routes'],
    [
      { integrationTypes: [item] },
      '/integrationTypes integrationTypes needs the capability integration',
    ],
    [{ gates: [{ name: 'a' }] }, '/gates gates needs the capability gate'],
    [{ stepTypes: [{ name: 'a' }] }, '/stepTypes stepTypes needs the capability step_type'],
    [
      { tools: [{ name: 'a' }], capabilities: { gate: true } },
      '/tools tools needs the capability tools',
    ],
    [{ tools: [{ name: 'a' }, { name: 'a' }] }, '/tools/1/name a is there twice'],
    [{ tools: [{ name: 'a b' }] }, /^\/tools\/0\/name tools\[0\].name cannot be "a b"/],
    [{ tools: [{}] }, /^\/tools\/0 tools\[0\] needs the field name/],
    [{ gates: [{ name: 'example.open' }] }, /^\/gates\/0\/name .* cannot be "example.open"/],
    [{ integrationTypes: [{ ...item, category: 'fun' }] }, /category must be one of scm, ci/],
    [{ permissions: { net: true } }, /^\/permissions\/net permissions has no field "net"/],
    [{ permissions: { http: [{ hosts: [] }] } }, /hosts must not be empty/],
    [{ permissions: { http: [{ hosts: ['*'] }] } }, /^\/permissions\/http\/0\/hosts\/0 .* "\*"/],
    [{ permissions: { http: [{ hosts: ['https://a.b'] }] } }, /hosts\[0\] cannot be/],
    [{ permissions: { http: [{ hosts: ['a.*.b'] }] } }, /hosts\[0\] cannot be/],
    [{ permissions: { http: [{ hosts: ['config:url'] }] } }, /hosts\[0\] cannot be/],
    [{ permissions: { secrets: ['token'] } }, '/permissions/secrets/0 token is no writeOnly field'],
    [{ limits: { memoryMb: 128 } }, '/limits/memoryMb limits.memoryMb must be at most 64, not 128'],
    [{ limits: { inFlight: 100 } }, /^\/limits\/inFlight limits has no field "inFlight"/],
    [{ configSchema: true }, /^\/configSchema configSchema must be a map/],
    [
      { configSchema: { $ref: 'https://example.com/a.json' } },
      '/configSchema/$ref the schema refers to https://example.com/a.json, which is outside the schema',
    ],
    [
      { tools: [{ name: 'a', inputSchema: { const: { $data: '1/b' } } }] },
      '/tools/0/inputSchema/const/$data the schema refers to the value itself',
    ],
    [
      { configSchema: { description: 'x'.repeat(64 * 1024) } },
      /^\/configSchema the schema has 65\d+ bytes: at most 65536$/,
    ],
    [
      { configSchema: { properties: Object.fromEntries(many(501).map(({ path }) => [path, {}])) } },
      '/configSchema/properties the schema has more than 500 properties',
    ],
    [
      {
        configSchema: Array(33)
          .fill(0)
          .reduce((not: object) => ({ not }), {}),
      },
      `/configSchema${'/not'.repeat(32)} the schema nests more than 32 deep`,
    ],
  ])('refuses %.70j', (more, problem) => {
    expect(problemsOf(with_(more))).toEqual([
      typeof problem === 'string' ? problem : expect.stringMatching(problem),
    ]);
  });

  const routes = (...apiRoutes: object[]) => ({ capabilities: { api_routes: true }, apiRoutes });

  it.each<[object, string | RegExp]>([
    [
      routes({ method: 'GET', path: 'a/[id]' }, { method: 'GET', path: 'a/[slug]' }),
      '/apiRoutes/1/path a/[slug] is GET a/[id] a second time',
    ],
    [
      routes({ method: 'GET', path: '[...all]/a' }),
      '/apiRoutes/0/path [...all]/a [...all] must be the last segment',
    ],
    [routes({ method: 'GET', path: '/a' }), '/apiRoutes/0/path /a has an empty segment'],
    [routes({ method: 'get', path: 'a' }), /^\/apiRoutes\/0\/method .* must be one of GET, HEAD/],
    [routes({ method: 'GET', path: 'a', auth: 'none' }), /auth must be one of user, public/],
    [routes({ method: 'GET', path: 'a', rateTier: 'fast' }), /rateTier must be one of read/],
    [routes({ method: 'GET', path: 'a', permission: 'all' }), /permission cannot be "all"/],
    [routes({ method: 'GET' }), /^\/apiRoutes\/0 apiRoutes\[0\] needs the field path/],
    [routes(...many(65)), /^\/apiRoutes apiRoutes must NOT have more than 64 items$/],
  ])('refuses the routes of %.90j', (more, problem) => {
    expect(problemsOf(with_(more))).toEqual([
      typeof problem === 'string' ? problem : expect.stringMatching(problem),
    ]);
  });

  it.each(['displayName', 'version', 'author', 'repository'])(
    'asks a plugin of the host for its %s',
    (name) => {
      const { [name]: _, ...rest } = LEAST as Record<string, unknown>;

      expect(problemsOf(JSON.stringify(rest))).toEqual([`/${name} ${name} is missing or blank`]);
      expect(problemsOf(JSON.stringify(rest), 'registry')).toEqual([]);
    },
  );

  it('has whole names of integration types from Waymark itself only', () => {
    const whole = {
      capabilities: { integration: true },
      integrationTypes: [{ ...item, name: 'scm.github' }],
    };

    expect(problemsOf(with_(whole), 'builtin')).toEqual([]);
    expect(problemsOf(with_(whole), 'registry')).toEqual([
      "/integrationTypes/0/name scm.github has a dot: the plugin's id is put before it anyway",
    ]);
  });

  it('runs nothing from a registry as a process', () => {
    expect(problemsOf(with_({ runtime: 'process' }))).toEqual([]);
    expect(problemsOf(with_({ runtime: 'process' }), 'registry')).toEqual([
      '/runtime what comes from a registry runs in the sandbox',
    ]);
  });
});

describe('parseManifest, of what it needs', () => {
  it('says of a later contract nothing but that', () => {
    const parsed = parse(with_({ schemaVersion: 2, newField: true, capabilities: { fly: 1 } }));

    expect(parsed).toEqual({
      ok: false,
      error: [
        {
          code: 'PLG_INCOMPATIBLE',
          pointer: '/schemaVersion',
          message: 'schemaVersion 2 is above 1, which this Waymark speaks',
        },
      ],
    });
  });

  it.each([
    ['^1.0.0', '1.2.0', true],
    ['^1.0.0', '1.2.0-rc.1', true],
    ['^2.0.0', '1.2.0', false],
    ['>=1.3', '1.2.9', false],
  ])('with engines %s on Waymark %s: %s', (waymark, hostVersion, isTaken) => {
    const parsed = parse(with_({ engines: { waymark } }), 'host', hostVersion);

    expect(parsed.ok).toBe(isTaken);
    expect(parsed.ok ? undefined : parsed.error).toEqual(
      isTaken
        ? undefined
        : [
            {
              code: 'PLG_INCOMPATIBLE',
              pointer: '/engines/waymark',
              message: `it needs Waymark ${waymark}, and this is ${hostVersion}`,
            },
          ],
    );
  });

  it('says first what is wrong with it anywhere', () => {
    const parsed = parse(with_({ engines: { waymark: '^9' }, hooks: ['*'] }));

    expect(parsed).toMatchObject({ error: [{ code: 'PLG_MANIFEST', pointer: '/hooks/0' }] });
  });
});

describe('schemas/plugin-manifest.json', () => {
  const { properties } = readSchemas().manifest as {
    properties: Record<string, { properties: object; items: { enum: string[] } }>;
  };

  it('has the capabilities and events that the code has', () => {
    expect(Object.keys(properties['capabilities']!.properties)).toEqual([...CAPABILITIES]);
    expect(properties['hooks']!.items.enum).toEqual(['*', ...Object.keys(HOOK_CAPABILITIES)]);
  });
});
