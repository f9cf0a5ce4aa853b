import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { signatureHeaders } from '../../../src/plugin-host/builtin/webhook-signature.ts';
import { ask } from '../../support/app.ts';
import { temporaryFolder } from '../../support/git.ts';
import { type OrgApi, openOrg } from '../../support/org-api.ts';
import { document, registryOf } from '../../support/plugin-site.ts';
import { openReceiver, type Received, type Receiver } from '../../support/receiver.ts';
import { type RunningServer, startServer } from '../../support/server.ts';
import { tamper } from '../../support/tamper.ts';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const NEXT_SECRET = `whsec_${Buffer.from('the one that comes after').toString('base64')}`;
/** A retry is 5 s later at the earliest; the rest is for a machine that does other things too. */
const patience = { timeout: 60_000 };

let dataDir: string;
let receiver: Receiver;
let server: RunningServer;
let org: OrgApi;
let turn = 0;

beforeAll(async () => {
  dataDir = await temporaryFolder('waymark-webhooks-');
  receiver = await openReceiver();
  server = await serve();
  org = await openOrg({ url: server.url, admin: server.adminKey });
  await call('PUT', '/secrets/hook', { value: SECRET });
  await call('PUT', '/secrets/next-hook', { value: NEXT_SECRET });
  await configure();
});
afterAll(async () => {
  await org?.close();
  await server?.stop();
  await receiver?.close();
  await rm(dataDir, { recursive: true, force: true });
});
beforeEach(() => {
  receiver.respond = (response) => response.writeHead(204).end();
});

const serve = (failpoints = '') =>
  startServer({
    dataDir,
    failpoints,
    env: { WAYMARK_EXAMPLE_ORG: '', WAYMARK_OUTBOUND_ALLOW: '127.0.0.1' },
  });

async function restart(failpoints?: string): Promise<void> {
  await server.kill('SIGKILL');
  // Whoever died holds its jobs for a minute.
  tamper(dataDir, `update job set locked_until = ? where state = 'running'`, '2026-01-01');
  server = await serve(failpoints);
  await org.follow({ url: server.url, admin: server.adminKey });
}

async function call<T>(method: string, path: string, body?: object): Promise<T> {
  const asked = { method, token: org.admin, ...(body && { body }) };
  const answer = await ask<{ data: T }>(`${server.url}/api/v1${path}`, asked);
  expect(answer.status, answer.text).toBeLessThan(300);
  return answer.body.data;
}

async function configure(config: object = { secret: { secretRef: 'hook' } }): Promise<void> {
  const bound = { config: { url: `${receiver.url}/hook`, ...config } };
  await org.push(registryOf({ bindings: { webhooks: bound } }));
}

/** Has a document be ready, which the receiver is told of. Answers its id. */
async function makeReady(): Promise<string> {
  turn += 1;
  const path = `plugins/sales/contexts/turn-${turn}.yaml`;
  await org.push({ [path]: document('Context', { body: `Turn ${turn}.` }) });
  return `sales.context.turn-${turn}`;
}

const attemptsFor = (documentId: string): Received[] =>
  receiver.received.filter(({ body }) => body.includes(`"documentId":"${documentId}"`));

async function firstAttemptFor(documentId: string): Promise<Received> {
  await expect.poll(() => attemptsFor(documentId), patience).not.toEqual([]);
  return attemptsFor(documentId)[0]!;
}

interface State {
  pending: number;
  sent: number;
  lastStatus: number | null;
  lastError: string | null;
  suspendedSince: string | null;
}

const state = () => call<State>('GET', '/webhooks/webhooks');

/** Events that hooks have yet to hear of. */
function untold(): unknown[] {
  const database = new DatabaseSync(join(dataDir, 'waymark.db'));
  try {
    return database.prepare('select id from hook_event where settled_at is null').all();
  } finally {
    database.close();
  }
}

const verifiedBy = (secret: string, { body, headers }: Received) =>
  new Webhook(secret).verify(body, headers as Record<string, string>);

describe('a webhook’s signature', () => {
  it('is that of the published vector', () => {
    const id = 'msg_p5jXN8AQM9LWM0D4loKWxJek';
    const timestampSec = 1614265330;
    const body = '{"test": 2432232314}';

    const headers = signatureHeaders({ id, timestampSec, body }, { secret: SECRET });

    expect(headers).toEqual({
      'webhook-id': id,
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
      'x-agentcore-signature':
        'sha256=e2cb4f5251572539d458bfb8a7adb533b08801e6a794467e06f771debbb0818b',
    });
    const signed = new Webhook(SECRET).sign(id, new Date(timestampSec * 1000), body);
    expect(headers['webhook-signature']).toBe(signed);
  });

  it('is taken by a receiver with the library of Standard Webhooks, and by no other secret', async () => {
    const documentId = await makeReady();

    const received = await firstAttemptFor(documentId);

    expect(verifiedBy(SECRET, received)).toMatchObject({ event: 'document.ready', documentId });
    expect(() => verifiedBy(NEXT_SECRET, received)).toThrow('No matching signature found');
    const altered = { ...received, body: received.body.replace('turn', 'torn') };
    expect(() => verifiedBy(SECRET, altered)).toThrow('No matching signature found');
  });

  it('is there for the old secret and the new one while one takes the other’s place', async () => {
    await configure({ secret: { secretRef: 'next-hook' }, previousSecret: { secretRef: 'hook' } });

    const received = await firstAttemptFor(await makeReady());

    expect(String(received.headers['webhook-signature']).split(' ')).toHaveLength(2);
    for (const secret of [SECRET, NEXT_SECRET]) {
      expect(verifiedBy(secret, received)).toMatchObject({ type: 'document.ready' });
    }
  });
});

describe('a receiver', () => {
  it('that is away is sent the same again, under the same id', async () => {
    receiver.respond = (response) => response.writeHead(503).end();
    const documentId = await makeReady();
    await firstAttemptFor(documentId);
    receiver.respond = (response) => response.writeHead(204).end();

    await expect.poll(() => attemptsFor(documentId), patience).toHaveLength(2);

    const [first, second] = attemptsFor(documentId) as [Received, Received];
    expect(second.body).toBe(first.body);
    expect(second.headers['webhook-id']).toBe(first.headers['webhook-id']);
    expect(second.headers['webhook-id']).toBe((JSON.parse(first.body) as { id: string }).id);
  });

  it('that redirects is not followed, and has not taken it', async () => {
    await expect.poll(state, patience).toMatchObject({ pending: 0 });
    const location = `${receiver.url}/elsewhere`;
    receiver.respond = (response) => response.writeHead(302, { location }).end();

    await makeReady();

    const lastError = 'the answer is a redirect, which is not followed';
    await expect.poll(state, patience).toMatchObject({ pending: 1, lastError });
    receiver.respond = (response) => response.writeHead(204).end();
    await expect.poll(state, patience).toMatchObject({ pending: 0, lastStatus: 204 });
    expect(receiver.received.map(({ path }) => path)).not.toContain('/elsewhere');
  });

  it('that was not asked before the server died is asked after its restart', async () => {
    await restart('outbox.written=kill');
    // Whether it was acknowledged is what nobody knows.
    const documentId = `sales.context.turn-${turn + 1}`;
    await makeReady().catch(() => {});
    expect(await server.signal).toBe('SIGKILL');
    expect(attemptsFor(documentId)).toEqual([]);

    await restart();

    await firstAttemptFor(documentId);
    await expect.poll(state, patience).toMatchObject({ pending: 0 });
    expect(attemptsFor(documentId)).toHaveLength(1);
  });

  it('that answers 410 is asked no more, across restarts, until somebody resumes it', async () => {
    receiver.respond = (response) => response.writeHead(410).end();
    await firstAttemptFor(await makeReady());
    const suspended = { suspendedSince: expect.any(String) as string, lastStatus: 410, pending: 0 };
    await expect.poll(state, patience).toMatchObject(suspended);
    receiver.respond = (response) => response.writeHead(204).end();

    await restart();
    expect(await state()).toMatchObject(suspended);
    const unheard = await makeReady();
    await expect.poll(untold, patience).toEqual([]);
    expect(attemptsFor(unheard)).toEqual([]);

    const resumed = await call<State>('POST', '/webhooks/webhooks/resume', {});
    expect(resumed.suspendedSince).toBeNull();
    await firstAttemptFor(await makeReady());
    expect(attemptsFor(unheard)).toEqual([]);
  });
});
