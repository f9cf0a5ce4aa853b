import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { bindingsOf, orgPluginsOf, pluginKeysOf } from '../../src/plugin-host/bindings-of.ts';
import { compileFiles, snapshotOf } from '../support/compile.ts';
import type { Files } from '../support/git.ts';
import { registryYaml, smallRegistry, yaml } from '../support/registry.ts';

const configOf = async (files: Files) =>
  snapshotOf(await compileFiles(smallRegistry(files))).config;
const registry = (plugins: string) => ({
  'registry.yaml': registryYaml(`departments: {emea: {}}, plugins: {${plugins}}`),
});
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

describe('bindingsOf', () => {
  it('gives what registry.yaml binds', async () => {
    const config = await configOf(registry('crm: {config: {b: 1, a: [x]}}, off: {enabled: false}'));
    const org = { scope: 'org', namespaceId: null, departmentId: null, path: 'registry.yaml' };

    expect(bindingsOf(config)).toEqual([
      {
        ...org,
        id: 'crm',
        pluginId: 'crm',
        isEnabled: true,
        config: { a: ['x'], b: 1 },
        configDigest: sha256('{"a":["x"],"b":1}'),
      },
      {
        ...org,
        id: 'off',
        pluginId: 'off',
        isEnabled: false,
        config: {},
        configDigest: sha256('{}'),
      },
    ]);
  });

  it('gives a namespace its department and what it covers', async () => {
    const config = await configOf({
      ...registry('crm: {}'),
      'namespaces/emea.yaml': yaml(
        'Namespace',
        'department: emea, covers: {plugins: [sales]}, plugins: {crm: {config: {url: x}}}',
      ),
    });

    expect(bindingsOf(config)[1]).toEqual({
      scope: 'namespace',
      id: 'emea.crm',
      pluginId: 'crm',
      namespaceId: 'emea',
      departmentId: 'emea',
      isEnabled: true,
      config: { url: 'x' },
      configDigest: sha256('{"url":"x"}'),
      covers: { plugins: ['sales'] },
      path: 'namespaces/emea.yaml',
    });
  });

  it('finds the plugin of an integration by its type', async () => {
    const config = await configOf({
      ...registry('github: {}, crm: {}'),
      'integrations/code.yaml': yaml(
        'Integration',
        'type: scm.github, config: {endpoint: "https://api.github.com", repository: acme/tools}, credentials: {token: {secretRef: gh}}',
      ),
      'integrations/own.yaml': yaml('Integration', 'type: crm.cases'),
    });

    const [code, own] = bindingsOf(config).filter(({ scope }) => scope === 'integration');
    expect(code).toMatchObject({
      id: 'code',
      pluginId: 'github',
      type: 'scm.github',
      isEnabled: true,
      credentials: { token: { secretRef: 'gh' } },
    });
    expect(own).toMatchObject({ id: 'own', pluginId: 'crm', type: 'crm.cases', isEnabled: true });
    expect(own).not.toHaveProperty('credentials');
  });

  it('lets neither namespace nor integration have what the org has off', async () => {
    const config = await configOf({
      ...registry('crm: {enabled: false}'),
      'namespaces/emea.yaml': yaml('Namespace', 'department: emea, plugins: {crm: {}, other: {}}'),
      'integrations/own.yaml': yaml('Integration', 'type: crm.cases'),
    });

    const enabled = bindingsOf(config).filter(({ isEnabled }) => isEnabled);
    expect(bindingsOf(config)).toHaveLength(4);
    expect(enabled).toEqual([]);
  });

  it('changes its digest with the secret that a credential names', async () => {
    const digestWith = async (secret: string) => {
      const spec = `type: crm.cases, credentials: {token: {secretRef: ${secret}}}`;
      const config = await configOf({ 'integrations/own.yaml': yaml('Integration', spec) });
      return bindingsOf(config)[0]!.configDigest;
    };

    expect(await digestWith('old')).not.toBe(await digestWith('new'));
  });

  it('takes names that objects have of themselves for names', async () => {
    const config = await configOf({
      ...registry('other: {}'),
      'namespaces/emea.yaml': yaml('Namespace', 'department: emea, plugins: {constructor: {}}'),
    });

    expect(bindingsOf(config)[1]).toMatchObject({ pluginId: 'constructor', isEnabled: false });
  });
});

describe('orgPluginsOf', () => {
  it('fills in what registry.yaml leaves out', async () => {
    const plugins = orgPluginsOf(
      await configOf(
        registry(
          'crm: {version: rolling, allowUnreleased: true, grants: [kv, "http:*.example.net"], priority: 5}, plain: {}',
        ),
      ),
    );

    expect(Object.fromEntries(plugins)).toEqual({
      crm: {
        isEnabled: true,
        version: 'rolling',
        allowUnreleased: true,
        grants: ['kv', 'http:*.example.net'],
        priority: 5,
      },
      plain: { isEnabled: true, allowUnreleased: false, grants: [], priority: 0 },
    });
  });
});

describe('pluginKeysOf', () => {
  it('gives the keys that the org trusts', async () => {
    const key = `${'A'.repeat(43)}=`;
    const config = await configOf({ 'registry.yaml': registryYaml(`pluginKeys: ["${key}"]`) });

    expect(pluginKeysOf(config)).toEqual([key]);
    expect(pluginKeysOf(await configOf({}))).toEqual([]);
  });
});
