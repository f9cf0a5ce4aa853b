import { afterEach, describe, expect, it } from 'vitest';
import { MANAGEMENT_KEY, serveApp, type TestApp } from '../support/app.ts';
import { fakePluginHost } from '../support/fakes/plugin-host.ts';
import { askRaw } from '../support/raw-request.ts';

describe('POST /v0/management/plugins/:id/events', () => {
  let app: TestApp;
  afterEach(() => app.close());

  async function give(body: object, key = MANAGEMENT_KEY) {
    const hears = { capabilities: ['approval_hook'] as const, manifest: { hooks: ['*'] } };
    const plugins = fakePluginHost([
      { id: 'hello', ...hears, methods: { 'hook.handle': () => ({}) } },
    ]);
    app = await serveApp({ rows: () => [], plugins, orgs: ['acme'] });
    const headers = { 'x-management-key': key, 'content-type': 'application/json' };
    const sent = { method: 'POST', headers, body: JSON.stringify(body) };
    const { status, text } = await askRaw(app.url, '/v0/management/plugins/hello/events', sent);
    return { status, body: JSON.parse(text) };
  }

  it('answers what the hooks made of it', async () => {
    expect(await give({ type: 'approval.created', data: { approvalId: 'a-1' } })).toMatchObject({
      status: 200,
      body: { data: { outcomes: [{ binding: 'org hello', ok: true }] } },
    });
  });

  it('refuses an event that there is not', async () => {
    expect(await give({ type: 'approval.forgotten' })).toMatchObject({ status: 400 });
  });

  it('needs the management key', async () => {
    expect((await give({ type: 'approval.created' }, 'wrong')).status).toBe(401);
  });
});
