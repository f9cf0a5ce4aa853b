import { describe, expect, it } from 'vitest';
import { NOTHING_ALLOWED } from '../../src/outbound/address.ts';
import {
  discoverResources,
  noteOfTest,
  testIntegration,
} from '../../src/plugin-host/ask-integration.ts';
import { checkEndpoints } from '../../src/plugin-host/check-endpoints.ts';
import { PluginFault } from '../../src/plugin-host/contract/fault.ts';
import { bareBinding } from '../../src/plugin-host/question.ts';
import { fakePluginHost } from '../support/fakes/plugin-host.ts';

describe('testIntegration', () => {
  it('answers in time, whether or not its plugin does', async () => {
    const never = () => new Promise<never>(() => {});
    const plugins = {
      plugins: () => [],
      find: () => undefined,
      checkConfig: never,
      call: never,
    };
    const deps = {
      plugins,
      schemas: { check: never },
      outbound: { allow: NOTHING_ALLOWED },
    };
    const asked = { org: 'acme', requestId: '1', binding: bareBinding('forge') };

    const outcome = await testIntegration(deps, asked, {}, 20);

    expect(outcome).toMatchObject({
      ok: false,
      checks: [{ name: 'plugin', ok: false, message: 'no answer within 0.02 s' }],
    });
    expect(noteOfTest(outcome, 0)).toMatchObject({
      status: 'unhealthy',
      message: 'plugin: no answer within 0.02 s',
    });
  });
});

describe('discoverResources', () => {
  const desk = {
    id: 'desk',
    capabilities: ['integration'] as const,
    manifest: {
      integrationTypes: [
        {
          name: 'issues',
          category: 'notify',
          displayName: 'Issues',
          resourceTypes: ['issue'],
          operations: [],
        } as const,
      ],
    },
  };
  const schemas = { check: () => new Promise<never>(() => {}) };
  const binding = {
    ...bareBinding('desk'),
    scope: 'integration' as const,
    id: 'forge',
    type: 'desk.issues',
  };

  const discover = (fault: PluginFault) => {
    const throwing = () => {
      throw fault;
    };
    const plugins = fakePluginHost([{ ...desk, methods: { 'integration.discover': throwing } }], {
      bindings: [binding],
    });
    const deps = { plugins, schemas, outbound: { allow: NOTHING_ALLOWED } };
    return discoverResources(
      deps,
      { org: 'acme', requestId: '1', binding },
      { resourceType: 'issue' },
    );
  };

  it.each([
    [
      'what the other side refuses',
      'AWAY',
      { status: 503 },
      'INT_UPSTREAM_FAILED',
      { status: 503, code: 'AWAY' },
    ],
    [
      'what it cannot be asked',
      'INT_CREDENTIALS_REQUIRED',
      { field: 'token' },
      'INT_CREDENTIALS_REQUIRED',
      { field: 'token' },
    ],
    ['where it may not be asked', 'INT_ENDPOINT_REFUSED', {}, 'INT_ENDPOINT_REFUSED', {}],
  ])('tells %s', async (_, code, details, expected, told) => {
    const fault = new PluginFault({ code, message: 'no', details });

    await expect(discover(fault)).rejects.toMatchObject({
      code: expected,
      facts: { details: told },
    });
  });
});

describe('checkEndpoints', () => {
  const hosts: Readonly<Record<string, string[]>> = {
    'public.example.com': ['93.184.216.34'],
    'half.example.com': ['93.184.216.34', '10.0.0.1'],
  };
  const outbound = {
    allow: NOTHING_ALLOWED,
    async lookup(host: string) {
      return (hosts[host] ?? []).map((address) => ({ address }));
    },
  };
  const permissions = { http: [{ hosts: ['config:/hook/url', '*.example.net'] }] };

  it.each([
    ['a public host', { endpoint: 'https://public.example.com/v2' }],
    ['a host that is not there yet', { endpoint: 'https://later.example.com' }],
    ['what is no URL', { endpoint: 'later', hook: { url: 7 } }],
    ['a private one that nothing is sent to', { docs: 'http://10.0.0.1/' }],
  ])('takes %s', async (_, config) => {
    await expect(checkEndpoints(config, permissions, outbound)).resolves.toBeUndefined();
  });

  it.each([
    ['a name with one private address', { endpoint: 'https://half.example.com' }, '/endpoint'],
    ['plain http', { endpoint: 'http://public.example.com' }, '/endpoint'],
    ['another scheme', { endpoint: 'file:///etc/passwd' }, '/endpoint'],
    ['where its plugin sends to besides', { hook: { url: 'https://127.0.0.1' } }, '/hook/url'],
  ])('refuses %s', async (_, config, field) => {
    await expect(checkEndpoints(config, permissions, outbound)).rejects.toMatchObject({
      code: 'INT_ENDPOINT_REFUSED',
      facts: { details: { field } },
    });
  });
});
