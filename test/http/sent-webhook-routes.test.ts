import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sentWebhookRoutes } from '../../src/http/sent-webhook-routes.ts';
import { mintApiKey } from '../../src/identity/keys.ts';
import type { Role } from '../../src/identity/roles.ts';
import { sha256Hex } from '../../src/model/digest.ts';
import type { Binding } from '../../src/plugin-host/binding.ts';
import { bareBinding } from '../../src/plugin-host/question.ts';
import { type Refused, serveApp, type TestApp } from '../support/app.ts';
import { compileFiles, snapshotOf } from '../support/compile.ts';
import { makeApiKey, makeEntry, makeMessage } from '../support/records.ts';
import { registryYaml, smallRegistry, yaml } from '../support/registry.ts';

const SINCE = '2026-03-01T12:00:00.000Z';
const ADDRESS = 'https://receiver.example/hook';

const own: Binding = { ...bareBinding('webhooks'), isEnabled: true, config: { url: ADDRESS } };
const inNamespace = (namespaceId: string): Binding => ({
  ...own,
  scope: 'namespace',
  id: `${namespaceId}.webhooks`,
  namespaceId,
});
const bindings = [own, inNamespace('tools'), inNamespace('emea'), bareBinding('chat')];

let app: TestApp;

beforeAll(async () => {
  const { config } = snapshotOf(
    await compileFiles(
      smallRegistry({
        'registry.yaml': registryYaml('departments: {engineering: {}, sales: {}}'),
        'access/teams/builders.yaml': yaml('Team', 'members: [ada], department: engineering'),
        'namespaces/tools.yaml': yaml('Namespace', 'department: engineering'),
        'namespaces/emea.yaml': yaml('Namespace', 'department: sales'),
      }),
    ),
  );
  const runtimes = { find: () => ({ maybeView: { published: { config } } }) } as never;
  const plugins = { bindings: () => bindings };
  app = await serveApp({
    rows: ({ outbox }) => sentWebhookRoutes({ outbox, runtimes, plugins, clock: Date.now }),
  });
});
afterAll(() => app.close());

async function keyOf(user: string | null, role: Role): Promise<string> {
  const { id, token, secretHash } = mintApiKey();
  const part = { secretHash, org: 'acme', user, teams: [], roles: [role] };
  await app.stores.apiKeys.insert(makeApiKey(id, part), makeEntry());
  return token;
}

describe('GET /webhooks', () => {
  it('lists all of them for an admin, and what one of a department may see', async () => {
    const list = async (token: string) => {
      const { body } = await app.ask<{ data: { id: string }[] }>('/webhooks', { token });
      return body.data.map(({ id }) => id);
    };

    expect(await list(await keyOf(null, 'admin'))).toEqual([
      'webhooks',
      'tools.webhooks',
      'emea.webhooks',
    ]);
    expect(await list(await keyOf('ada', 'viewer'))).toEqual(['webhooks', 'tools.webhooks']);
  });
});

describe('GET /webhooks/:id', () => {
  it('tells how the sending goes', async () => {
    const { outbox } = app.stores;
    const message = makeMessage('event-1', { scope: 'namespace', id: 'tools.webhooks' });
    await outbox.add(message, SINCE);
    const end = { state: 'pending', dueAt: SINCE, changedAt: SINCE } as const;
    await outbox.finish(message, { ...end, lastStatus: 503, lastError: 'it answered 503' });

    const answer = await app.ask('/webhooks/tools.webhooks', {
      token: await keyOf('ada', 'viewer'),
    });

    expect(answer.body).toMatchObject({
      data: {
        id: 'tools.webhooks',
        namespaceId: 'tools',
        enabled: true,
        pending: 1,
        sent: 0,
        failed: 0,
        nextAttemptAt: SINCE,
        lastStatus: 503,
        lastError: 'it answered 503',
        suspendedSince: null,
      },
    });
  });

  it.each(['emea.webhooks', 'nowhere.webhooks', 'chat'])('is 404 for %s', async (id) => {
    const answer = await app.ask<Refused>(`/webhooks/${id}`, {
      token: await keyOf('ada', 'viewer'),
    });

    expect([answer.status, answer.body.error.code]).toEqual([404, 'RES_NOT_FOUND']);
  });

  it('is suspended for the URL that said so, and for no other', async () => {
    const token = await keyOf(null, 'admin');
    const suspendedSince = async (url: string) => {
      await app.stores.outbox.suspend('acme', own, sha256Hex(url), SINCE);
      const { body } = await app.ask<{ data: object }>('/webhooks/webhooks', { token });
      return body.data;
    };

    expect(await suspendedSince('https://old.example/')).toMatchObject({ suspendedSince: null });
    expect(await suspendedSince(ADDRESS)).toMatchObject({ suspendedSince: SINCE });
  });
});

describe('POST /webhooks/:id/resume', () => {
  const resume = (id: string, token: string) =>
    app.ask<Refused>(`/webhooks/${id}/resume`, { method: 'POST', token });

  it('ends the suspension, once, with a row of the audit log', async () => {
    const token = await keyOf(null, 'admin');
    await app.stores.outbox.suspend('acme', own, sha256Hex(ADDRESS), SINCE);

    const answer = await resume('webhooks', token);
    const again = await resume('webhooks', token);

    expect(answer.body).toMatchObject({ data: { id: 'webhooks', suspendedSince: null } });
    expect(again.status).toBe(200);
    const told = await app.stores.audit.list('acme', 0, 100);
    const resumed = told.filter(({ action }) => action === 'webhook.resume');
    expect(resumed.map(({ resource }) => resource)).toEqual(['webhooks']);
  });

  it('is 403 for whoever does not manage plugins, and 404 for what is not there', async () => {
    const viewer = await resume('webhooks', await keyOf(null, 'viewer'));
    const admin = await resume('nowhere.webhooks', await keyOf(null, 'admin'));

    expect([viewer.status, admin.status]).toEqual([403, 404]);
  });
});
