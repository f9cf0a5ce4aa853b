import { describe, expect, it } from 'vitest';
import { compileAt, compileFiles, diagnosticsOf, withRepository } from '../support/compile.ts';
import type { Files } from '../support/git.ts';
import {
  plugin,
  registryYaml,
  serverPart,
  smallRegistry,
  told,
  yaml,
} from '../support/registry.ts';

type Row = [name: string, files: Files, says: string[]];

const MANIFEST = 'plugins/ops/server/plugin.json';
const registry = (plugins: string): Files => ({
  'registry.yaml': registryYaml(`departments: {emea: {}}, plugins: {${plugins}}`),
});
const namespace = (plugins: string): Files => ({
  'namespaces/emea.yaml': yaml('Namespace', `department: emea, plugins: {${plugins}}`),
});
const integration = (spec: string): Files => ({
  'integrations/code.yaml': yaml('Integration', spec),
});
const secretive = serverPart('ops', {
  configSchema: {
    type: 'object',
    properties: {
      url: { type: 'string', pattern: '^(a+)+$' },
      token: { type: 'string', writeOnly: true },
    },
  },
});

/** What a server part may hold and say. */
const PARTS: Row[] = [
  ['a whole server part', serverPart('ops', { version: '1.2.0' }), []],
  ['a signed one', { ...serverPart('ops'), 'plugins/ops/server/plugin.sig.json': '{}' }, []],
  [
    'no plugin.json',
    { 'plugins/ops/server/index.js': 'export default {};' },
    [
      'missing-manifest plugins/ops/server/plugin.json:1:1 a server part needs plugin.json (it says what the server part is and may do)',
    ],
  ],
  [
    'no script',
    { ...serverPart('ops', { entry: 'main.js' }), 'plugins/ops/server/index.js': null },
    [
      'missing-entry plugins/ops/server/plugin.json:11:12 the script main.js is not beside plugin.json',
    ],
  ],
  [
    'anything else',
    {
      ...serverPart('ops'),
      'plugins/ops/server/lib/more.js': 'x',
      'plugins/ops/server/README.md': 'x',
    },
    [
      'unknown-server-file plugins/ops/server/README.md:1:1 a server part is plugin.json and one script (put all of it into index.js: waymark plugin pack does)',
      'unknown-server-file plugins/ops/server/lib/more.js:1:1 a server part is plugin.json and one script (put all of it into index.js: waymark plugin pack does)',
    ],
  ],
  [
    'a script of more than 1 MiB',
    serverPart('ops', {}, `//${'x'.repeat(1024 * 1024)}`),
    ['file-too-large plugins/ops/server/index.js:1:1 1048578 bytes are over the limit of 1048576'],
  ],
  [
    'a signature of more than 64 KiB',
    { ...serverPart('ops'), 'plugins/ops/server/plugin.sig.json': 'x'.repeat(65_537) },
    [
      'file-too-large plugins/ops/server/plugin.sig.json:1:1 65537 bytes are over the limit of 65536',
    ],
  ],
  [
    "another folder's id",
    serverPart('ops', { id: 'sales' }),
    [
      'PLG_MANIFEST_MISMATCH plugins/ops/server/plugin.json:2:9 plugin.json is of sales, but its folder is ops',
    ],
  ],
  [
    'text that is no JSON',
    { ...serverPart('ops'), [MANIFEST]: '{"id": "ops",}' },
    [
      'PLG_MANIFEST plugins/ops/server/plugin.json:1:1 plugin.json is no JSON: Expected double-quoted property name in JSON at position 13 (line 1 column 14)',
    ],
  ],
  [
    'an unknown field',
    serverPart('ops', { permisions: {} }),
    [
      'PLG_MANIFEST plugins/ops/server/plugin.json:11:17 plugin.json has no field "permisions" (did you mean permissions?)',
    ],
  ],
  [
    'one for a later Waymark, which only does not run here',
    serverPart('ops', { engines: { waymark: '>=99' } }),
    [
      'PLG_INCOMPATIBLE plugins/ops/server/plugin.json:12:16 it needs Waymark >=99, and this is 0.1.0',
    ],
  ],
];

describe('a server part with', () => {
  it.each(PARTS)('%s', async (_, files, says) => {
    expect(told(diagnosticsOf(await compileFiles(smallRegistry(files))))).toEqual(says);
  });

  it('the same faults, when another file of it changes', async () => {
    const files = { ...serverPart('ops'), 'plugins/ops/plugin.yaml': plugin('', 'Ops') };
    await withRepository(smallRegistry(files), async (repository) => {
      const { result: base } = await compileAt(repository.path, 'main');
      await repository.commit({ 'plugins/ops/server/more.js': 'x' });
      await repository.commit({ 'plugins/ops/README.md': 'x' });

      const warm = await compileAt(repository.path, 'main', base.ok ? base.value : undefined);

      expect(base.ok).toBe(true);
      expect(diagnosticsOf(warm)).toEqual(diagnosticsOf(await compileAt(repository.path, 'main')));
      expect(told(diagnosticsOf(warm))).toHaveLength(1);
    });
  });
});

/** What binds server parts, against what is known of them. */
const BINDINGS: Row[] = [
  [
    'a plugin that is neither here nor built in, which the host may have',
    registry('githab: {}, nowhere: {}'),
    [
      'unknown-plugin registry.yaml:3:51 no server part is named githab, unless the host has one (did you mean github?)',
      'unknown-plugin registry.yaml:3:64 no server part is named nowhere, unless the host has one',
    ],
  ],
  [
    'a plugin that has no server part',
    registry('sales: {}'),
    ['unknown-plugin registry.yaml:3:50 no server part is named sales, unless the host has one'],
  ],
  [
    'what the org has not enabled',
    {
      ...registry('opendatabot: {enabled: false}'),
      ...namespace('opendatabot: {}, webhooks: {config: {url: "https://example.com/"}}'),
    },
    [
      'plugin-off namespaces/emea.yaml:3:49 opendatabot is off: registry.yaml does not enable it in spec.plugins',
      'plugin-off namespaces/emea.yaml:3:63 webhooks is off: registry.yaml does not enable it in spec.plugins',
    ],
  ],
  ['a plugin that is only enabled, for its namespaces to configure', registry('webhooks: {}'), []],
  [
    'a wrong configuration of a built-in',
    registry('webhooks: {config: {ulr: "https://example.com/", events: [approval.create]}}'),
    [
      'missing-field registry.yaml:3:62 spec.plugins.webhooks.config needs the field url (Where events are sent)',
      'unknown-field registry.yaml:3:68 spec.plugins.webhooks.config has no field "ulr" (did you mean url?)',
      'wrong-value registry.yaml:3:101 spec.plugins.webhooks.config.events[0] must be one of approval.created, approval.recorded, document.ready, release.created, release.published, release.deprecated, release.blocked, release.yanked, promotion.requested, promotion.decided, promotion.completed, deployment.started, deployment.finished, rollback.started, rollback.finished, rollout.stage_changed, drift.detected, not "approval.create" (did you mean approval.created?)',
    ],
  ],
  [
    'a namespace without what a built-in needs',
    { ...registry('webhooks: {}'), ...namespace('webhooks: {}') },
    [
      'missing-field namespaces/emea.yaml:3:46 spec.plugins.webhooks.config needs the field url (Where events are sent)',
    ],
  ],
  [
    'a secret of a built-in',
    registry('webhooks: {config: {url: "https://example.com/", secret: hush}}'),
    [
      'literal-secret registry.yaml:3:100 spec.plugins.webhooks.config.secret holds a secret that all readers of the registry see (write {secretRef: name}, and keep the secret with Waymark)',
    ],
  ],
  [
    'a secret that is named',
    registry('webhooks: {config: {url: "https://example.com/", secret: {secretRef: hush}}}'),
    [],
  ],
  [
    'a secret that is named wrongly',
    registry(
      'webhooks: {config: {url: "https://example.com/", secret: {secretRef: hush, value: x}}}',
    ),
    [
      'literal-secret registry.yaml:3:100 spec.plugins.webhooks.config.secret holds a secret that all readers of the registry see (write {secretRef: name}, and keep the secret with Waymark)',
      'unknown-field registry.yaml:3:125 spec.plugins.webhooks.config.secret has no field "value" (known are secretRef)',
    ],
  ],
  [
    "a secret of the registry's own, whose other fields are the host's to check",
    { ...secretive, ...registry('ops: {config: {token: hush, url: 5}}') },
    [
      'literal-secret registry.yaml:3:65 spec.plugins.ops.config.token holds a secret that all readers of the registry see (write {secretRef: name}, and keep the secret with Waymark)',
    ],
  ],
  [
    'a version that is none',
    registry('webhooks: {version: stabel}, http: {version: stable}, chat: {version: ^1}'),
    [
      'unknown-channel registry.yaml:3:63 stabel is neither a version nor a range, and no channel is named so (did you mean stable?)',
    ],
  ],
  [
    'unreleased code that nobody allowed',
    registry('webhooks: {version: rolling}, chat: {version: rolling, allowUnreleased: true}'),
    [
      'unreleased registry.yaml:3:63 spec.plugins.webhooks.version takes code that was never released (if that is meant, say allowUnreleased: true beside it)',
    ],
  ],
  [
    'permissions and keys that are none',
    {
      'registry.yaml': registryYaml(
        'pluginKeys: [abc], plugins: {chat: {grants: [network, "read:releases"]}}',
      ),
    },
    [
      'wrong-form registry.yaml:3:21 spec.pluginKeys[0] cannot be "abc" (32 bytes in base64, or an SPKI key as PEM)',
      'wrong-form registry.yaml:3:53 spec.plugins.chat.grants[0] cannot be "network" (Such as http, kv, secrets:token or read:releases)',
    ],
  ],
  [
    'an integration of an unknown type',
    integration('type: scm.githup'),
    [
      'unknown-type integrations/code.yaml:3:14 no integration type is named scm.githup, unless the host has it (did you mean scm.github?)',
    ],
  ],
  [
    'an integration whose plugin is off',
    {
      ...registry('chat: {enabled: false}'),
      ...integration('type: notify.chat, config: {webhookUrl: {secretRef: chat}}'),
    },
    [
      'plugin-off integrations/code.yaml:3:14 chat is off: registry.yaml does not enable it in spec.plugins',
    ],
  ],
  [
    'a wrong integration',
    {
      ...registry('github: {}'),
      ...integration(
        'type: scm.github, config: {endpoint: "https://api.github.com", token: x}, credentials: {tokn: {secretRef: x}}',
      ),
    },
    [
      'missing-field integrations/code.yaml:3:34 spec.config needs the field repository (Such as acme/tools)',
      'unknown-field integrations/code.yaml:3:78 spec.config has no field "token" (known are endpoint, repository, timeoutSec, retryPolicy, customHeaders)',
      'unknown-field integrations/code.yaml:3:102 spec.credentials has no field "tokn" (did you mean token?)',
    ],
  ],
  [
    'credentials that stand there themselves',
    {
      ...registry('model: {}'),
      ...integration(
        'type: model.openai, config: {endpoint: "https://api.openai.com/v1", model: m}, credentials: {apiKey: hush}',
      ),
    },
    ['wrong-type integrations/code.yaml:3:109 spec.credentials.apiKey must be a map, not text'],
  ],
  [
    "an integration of the registry's own type",
    {
      ...serverPart('ops', {
        capabilities: { integration: true },
        integrationTypes: [
          {
            name: 'cases',
            category: 'notify',
            displayName: 'Cases',
            configSchema: {
              type: 'object',
              properties: { key: { type: 'string', writeOnly: true } },
            },
          },
        ],
      }),
      ...registry('ops: {}'),
      ...integration('type: ops.cases, config: {key: hush}'),
    },
    [
      'literal-secret integrations/code.yaml:3:39 spec.config.key holds a secret that all readers of the registry see (write {secretRef: name}, and keep the secret with Waymark)',
    ],
  ],
  [
    'a configuration whose schema nobody can look through',
    {
      ...serverPart('ops', {
        configSchema: {
          type: 'object',
          allOf: Array.from({ length: 400 }, () => ({ additionalProperties: { $ref: '#' } })),
        },
      }),
      ...registry(
        `ops: {config: {a: {${Array.from({ length: 600 }, (_, i) => `f${i}: 1`).join()}}}}`,
      ),
    },
    [
      'entangled-schema registry.yaml:3:57 spec.plugins.ops.config cannot be looked through: its schema refers to itself too often',
    ],
  ],
];

describe('a binding of', () => {
  it.each(BINDINGS)('%s', async (_, files, says) => {
    expect(told(diagnosticsOf(await compileFiles(smallRegistry(files))))).toEqual(says);
  });
});
