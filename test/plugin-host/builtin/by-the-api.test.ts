import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Answered, ask } from '../../support/app.ts';
import { type BoundService, openBound } from '../../support/builtins.ts';
import { type ModelServer, openModelServer } from '../../support/model-server.ts';
import { type ProviderServer, startProvider } from '../../support/provider-server.ts';
import { openReceiver, type Receiver } from '../../support/receiver.ts';

/** One of each type, with its secrets as people give them. */
const names = ['api', 'channel', 'llm', 'origin'] as const;
type Name = (typeof names)[number];

let bound: BoundService;
let receiver: Receiver;
let model: ModelServer;
let gitlab: ProviderServer;
let wanted: Record<Name, object>;

beforeAll(async () => {
  receiver = await openReceiver();
  receiver.respond = (response) => response.end('ok');
  model = await openModelServer();
  gitlab = await startProvider('gitlab');
  gitlab.branches = [{ name: 'main', commit: '1'.repeat(40) }];
  bound = await openBound({ plugins: { http: {}, chat: {}, model: {}, gitlab: {} } });
  wanted = {
    api: {
      type: 'generic.http',
      config: { endpoint: receiver.url, authMode: 'bearer' },
      credentials: { token: 'the-api-secret' },
    },
    channel: {
      type: 'notify.chat',
      config: { webhookUrl: `${receiver.url}/the-chat-secret` },
    },
    llm: {
      type: 'model.openai',
      config: { endpoint: model.endpoint, model: 'small' },
      credentials: { apiKey: model.apiKey },
    },
    origin: {
      type: 'scm.gitlab',
      config: { endpoint: new URL(gitlab.apiUrl).origin, repository: 'team/registry' },
      credentials: { token: gitlab.token },
    },
  };
});
afterAll(async () => {
  await bound?.close();
  await Promise.all([receiver, model, gitlab].map((server) => server?.close()));
});
beforeEach(() => {
  receiver.received.length = 0;
});

function api<T>(path: string, body?: object): Promise<Answered<{ data: T }>> {
  const { service, org } = bound;
  const url = `${service.url}/api/v1/integrations${path}`;
  return ask(url, { token: org.admin, ...(body && { body }) });
}

describe('an integration of each type', () => {
  it.each(names)('is made by the API: %s', async (name) => {
    const made = await api('', { name, ...wanted[name] });

    expect(made.status, made.text).toBe(201);
    expect(made.text).not.toMatch(/the-(api|chat)-secret|sk-the-key|the-api-token/);
  });

  it.each(names)('works, by the secrets that it was given: %s', async (name) => {
    const tested = await api<{ ok: boolean; checks: object[] }>(`/${name}/test`, {});

    expect(tested.body.data, tested.text).toMatchObject({ ok: true, checks: [{ ok: true }] });
  });

  it('sends each of them to where it belongs alone', async () => {
    await api('/api/test', {});
    await api('/channel/test', {});

    const [request, message] = receiver.received;
    expect(request?.headers.authorization).toBe('Bearer the-api-secret');
    expect(message).toMatchObject({ method: 'POST', path: '/the-chat-secret' });
    expect(message?.headers.authorization).toBeUndefined();
  });

  it('finds what is there', async () => {
    const branches = await api('/origin/discover', { resourceType: 'branch' });
    const models = await api('/llm/discover', { resourceType: 'model', query: 'lar' });

    expect(branches.body.data).toMatchObject({ resources: [{ id: 'main', type: 'branch' }] });
    expect(models.body.data).toMatchObject({ resources: [{ id: 'large', type: 'model' }] });
  });

  it.each(names)('shows no secret: %s', async (name) => {
    const shown = await api(`/${name}`);

    expect(shown.status).toBe(200);
    expect(shown.text).toContain('"***"');
    expect(shown.text).not.toMatch(/the-(api|chat)-secret|sk-the-key|the-api-token|secretRef/);
  });
});
