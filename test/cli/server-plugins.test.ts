import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeClient, type TestClient } from '../support/client.ts';
import { type FakeApi, startFakeApi, success } from '../support/fake-api.ts';

let api: FakeApi;
let client: TestClient;

beforeEach(async () => {
  api = await startFakeApi();
  client = await makeClient({ WAYMARK_URL: api.url, WAYMARK_TOKEN: 'wmk_1_s' });
});
afterEach(async () => {
  await client.remove();
  await api.close();
});

const tickets = {
  id: 'tickets',
  name: 'Tickets',
  version: '1.4.0',
  source: 'registry',
  trust: 'untrusted',
  signature: 'signed',
  state: 'active',
  enabled: true,
  provides: ['hook', 'page'],
  permissions: { requested: ['kv', 'model'], granted: ['kv'] },
  menu: [{ title: 'Open', href: '/v0/resource/plugins/tickets/open' }],
  pending: null,
  lastError: null,
};
const change = { number: 7, url: 'https://waymark.example.com/change-requests/7' };

describe('waymark plugin list', () => {
  it('shows what there is, and how it is', async () => {
    api.routes['GET /plugins'] = [
      200,
      success([tickets, { ...tickets, id: 'chat', enabled: false }]),
    ];

    expect((await client.run('plugin', 'list')).stdout).toBe(
      'PLUGIN   VERSION  SOURCE    IS   STATE\n' +
        'tickets  1.4.0    registry  on   active\n' +
        'chat     1.4.0    registry  off  active\n',
    );
  });
});

describe('waymark plugin show', () => {
  it('tells what a plugin has, and what it asks for besides', async () => {
    const pending = { version: '2.0.0', reason: 'it is unhealthy' };
    const failed = { ...tickets, pending, lastError: 'PLG_TIMEOUT: too long' };
    api.routes['GET /plugins/tickets'] = [200, success(failed)];

    const { stdout } = await client.run('plugin', 'show', 'tickets');

    expect(stdout.split('\n')).toEqual([
      'tickets 1.4.0: Tickets',
      'on, active; registry, untrusted, signed',
      'provides hook, page',
      'is granted kv',
      'also asks for model',
      'page Open: /v0/resource/plugins/tickets/open',
      '2.0.0 cannot take over: it is unhealthy',
      'failed: PLG_TIMEOUT: too long',
      '',
    ]);
  });
});

describe('waymark plugin enable', () => {
  it.each([
    ['as it was', ['tickets'], {}],
    ['in a version', ['tickets@^2'], { version: '^2' }],
    ['with grants', ['tickets', '--grant', 'kv', 'model'], { grants: ['kv', 'model'] }],
    ['with all it asks for', ['tickets', '--grant-requested'], { grants: ['kv', 'model'] }],
  ])('switches a plugin on %s', async (_what, args, body) => {
    api.routes['GET /plugins/tickets'] = [200, success(tickets)];
    api.routes['POST /plugins/tickets/enable'] = [200, success(tickets)];

    const { stdout } = await client.run('plugin', 'enable', ...args);

    expect(stdout).toBe('enabled tickets 1.4.0\n');
    expect(api.requests.at(-1)?.body).toEqual(body);
  });

  it('names the change request where that has to be merged first', async () => {
    api.routes['POST /plugins/tickets/enable'] = [202, success({ change })];

    const { stdout } = await client.run('plugin', 'enable', 'tickets');

    expect(stdout).toBe(`opened change request 7: ${change.url}\n`);
  });

  it('says what is not granted: exit 1', async () => {
    const message = 'tickets asks for model, which is not granted';
    const error = { success: false, error: { code: 'PLG_PERMISSIONS', message } };
    api.routes['POST /plugins/tickets/enable'] = [422, error];

    const { exitCode, stderr } = await client.run('plugin', 'enable', 'tickets');

    expect([exitCode, stderr]).toEqual([1, expect.stringContaining(message)]);
  });
});

describe('waymark plugin disable', () => {
  it.each([
    [[], {}],
    [['--force'], { force: true }],
  ])('switches a plugin off with %j', async (args, body) => {
    api.routes['POST /plugins/tickets/disable'] = [200, success({ ...tickets, enabled: false })];

    const { stdout } = await client.run('plugin', 'disable', 'tickets', ...args);

    expect(stdout).toBe('disabled tickets 1.4.0\n');
    expect(api.requests[0]?.body).toEqual(body);
  });
});

describe('waymark plugin reset', () => {
  it('shows how the plugin is then', async () => {
    api.routes['POST /plugins/tickets/reset'] = [200, success(tickets)];

    const { stdout } = await client.run('plugin', 'reset', 'tickets', '--json');

    expect(JSON.parse(stdout)).toEqual(tickets);
  });
});
