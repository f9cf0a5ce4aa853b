import type { ServerResponse } from 'node:http';
import { Webhook } from 'standardwebhooks';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Stores } from '../../../src/database/stores.ts';
import { parseAllowList } from '../../../src/outbound/address.ts';
import { webhooks } from '../../../src/plugin-host/builtin/webhooks.ts';
import type { WireEvent } from '../../../src/plugin-host/events/event.ts';
import { startInProcess } from '../../../src/plugin-host/runtime/in-process.ts';
import { builtinPart } from '../../../src/plugin-host/sources/builtin-part.ts';
import { createMemoryStores } from '../../support/fakes/memory-stores.ts';
import { openReceiver, type Received, type Receiver } from '../../support/receiver.ts';
import { makeEntry, makeMessage, makeOrg } from '../../support/records.ts';

const NOW_MS = Date.UTC(2026, 2, 4, 12);
const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const own = { scope: 'org', id: 'webhooks' } as const;

let stores: Stores;
let nowMs: number;
let random: number;
let receiver: Receiver;
let url: string;

beforeEach(async () => {
  stores = createMemoryStores();
  await stores.orgs.insert(makeOrg('acme'), makeEntry());
  nowMs = NOW_MS;
  random = 0.5;
  receiver = await openReceiver();
  url = `${receiver.url}/hook`;
});
afterEach(() => receiver.close());

const received = () => receiver.received;

const eventOf = (part: Partial<WireEvent> = {}): WireEvent => ({
  ...makeMessage('event-1').event,
  ...part,
});

/** Calls the hook as the host does. */
async function handle(
  config: Record<string, unknown> = {},
  {
    event = eventOf(),
    namespaceId = null as string | null,
    deadlineMs = 5_000,
    ...more
  }: { event?: WireEvent; namespaceId?: string | null; deadlineMs?: number; isRetry?: true } = {},
): Promise<void> {
  const { methods } = webhooks({
    outbox: stores.outbox,
    outbound: { allow: parseAllowList('127.0.0.1') },
    clock: () => nowMs,
    random: () => random,
    log: { info() {}, warn() {}, error() {} },
  });
  const runtime = startInProcess(methods, { host: { callback: async () => ({}) } });
  const scope = namespaceId === null ? 'org' : 'namespace';
  const context = { orgId: 'acme', namespaceId, scope, config: { url, ...config } };
  try {
    await runtime.call('hook.handle', { event, context, ...more }, { deadlineMs });
  } finally {
    runtime.close();
  }
}

const retry = (config: Record<string, unknown> = {}) => handle(config, { isRetry: true });
const summary = () => stores.outbox.summary('acme', own);
const due = () => new Date(nowMs).toISOString();
const next = async () => {
  const { nextAttemptAt } = await summary();
  return nextAttemptAt === null ? null : (Date.parse(nextAttemptAt) - nowMs) / 1000;
};

it('is a built-in that hears of everything', () => {
  const { manifest } = builtinPart(webhooks({} as never));

  expect(manifest.hooks).toEqual(['*']);
  expect([...manifest.capabilities]).toEqual([
    'approval_hook',
    'document_hook',
    'release_hook',
    'promotion_hook',
    'deploy_hook',
  ]);
});

describe('what is sent', () => {
  it('is the event, with what receivers look for on top', async () => {
    await handle();

    expect(received()).toHaveLength(1);
    expect(received()[0]?.headers).toMatchObject({
      'content-type': 'application/json',
      'webhook-id': 'event-1',
      'webhook-timestamp': String(NOW_MS / 1000),
    });
    expect(JSON.parse(received()[0]!.body)).toEqual({
      id: 'event-1',
      type: 'approval.created',
      event: 'approval.created',
      timestamp: '2026-03-01T12:00:00.000Z',
      orgId: 'acme',
      namespaceId: null,
      departmentId: null,
      approvalId: 'change-requests/1',
      data: { approvalId: 'change-requests/1' },
    });
    expect(await summary()).toMatchObject({
      sent: 1,
      pending: 0,
      lastStatus: 204,
      lastError: null,
    });
  });

  it('names a document', async () => {
    const data = { documentId: 'sales.context.tone', title: 'Tone' };

    await handle({}, { event: eventOf({ type: 'document.ready', data }) });

    expect(JSON.parse(received()[0]!.body)).toMatchObject({
      documentId: 'sales.context.tone',
      data,
    });
  });

  it('is signed by the secrets, for a receiver that has either', async () => {
    nowMs = Date.now();
    const previousSecret = `whsec_${Buffer.from('the one before that').toString('base64')}`;

    await handle({ secret, previousSecret });

    const [{ headers, body }] = received() as [Received];
    for (const known of [secret, previousSecret]) {
      expect(new Webhook(known).verify(body, headers as Record<string, string>)).toMatchObject({
        id: 'event-1',
      });
    }
    expect(headers['x-agentcore-signature']).toMatch(/^sha256=[0-9a-f]{64}$/);
  });

  it('has the headers that were configured, but not in the place of its own', async () => {
    const headers = {
      Authorization: 'Bearer x',
      'Webhook-Id': 'mine',
      'Content-Type': 'text/plain',
    };

    await handle({ headers });

    expect(received()[0]?.headers).toMatchObject({
      authorization: 'Bearer x',
      'webhook-id': 'event-1',
      'content-type': 'application/json',
    });
  });

  it('is what was asked for', async () => {
    await handle({}, { event: eventOf({ type: 'approval.recorded' }) });
    await handle({ events: ['release.yanked'] });
    expect(received()).toEqual([]);

    await handle({ events: ['release.yanked'] }, { event: eventOf({ type: 'release.yanked' }) });
    expect(received()).toHaveLength(1);
  });

  it('is sent once, however often the hook is called', async () => {
    await handle();
    await handle();
    await retry();

    expect(received()).toHaveLength(1);
  });

  it('is sent once by two that are called at the same time', async () => {
    await Promise.all([handle(), handle(), retry()]);

    expect(received()).toHaveLength(1);
  });

  it('is sent for each binding', async () => {
    await handle();
    await handle({}, { namespaceId: 'east' });

    expect(received().map(({ headers }) => headers['webhook-id'])).toEqual(['event-1', 'event-1']);
    const ofEast = { scope: 'namespace', id: 'east.webhooks' } as const;
    expect(await stores.outbox.summary('acme', ofEast)).toMatchObject({ sent: 1 });
  });
});

describe('a receiver that does not take it', () => {
  it.each([
    ['answers 500', (response) => response.writeHead(500).end('no'), 500, 'it answered 500'],
    ['answers 404', (response) => response.writeHead(404).end(), 404, 'it answered 404'],
    [
      'redirects',
      (response) => response.writeHead(302, { location: '/elsewhere' }).end(),
      null,
      'the answer is a redirect, which is not followed',
    ],
    ['hangs up', (response) => response.destroy(), null, 'the connection failed'],
  ] as [string, (response: ServerResponse) => void, number | null, string][])(
    'and %s is asked again 5 s later',
    async (_, answer, lastStatus, lastError) => {
      receiver.respond = answer;

      await handle();

      expect(await summary()).toMatchObject({ pending: 1, sent: 0, lastStatus, lastError });
      expect(await next()).toBe(5);
      expect(received()).toHaveLength(1);
    },
  );

  it('and says nothing is asked again, before the hook itself is too late', async () => {
    receiver.respond = () => {};

    await handle({}, { deadlineMs: 1_000 });

    expect(await summary()).toMatchObject({ pending: 1, lastError: 'no answer in time' });
  });

  it('and is no public address is not asked', async () => {
    await handle({ url: 'http://127.0.0.2/' });

    expect(received()).toEqual([]);
    expect((await summary()).lastError).toMatch(/^the host is not on the public internet/);
  });

  it('is asked ten times in three days, and then given up', async () => {
    receiver.respond = (response) => response.writeHead(503).end();
    await handle();
    const pauses: number[] = [];
    for (let pause = await next(); pause !== null; pause = await next()) {
      pauses.push(pause);
      nowMs += pause * 1000;
      await retry();
    }

    const hours = [2, 5, 10, 14, 20, 24].map((hour) => hour * 3600);
    expect(pauses).toEqual([5, 300, 1800, ...hours]);
    expect(received()).toHaveLength(10);
    expect(await summary()).toMatchObject({ pending: 0, failed: 1, lastStatus: 503 });
    expect(new Set(received().map(({ headers }) => headers['webhook-id']))).toEqual(
      new Set(['event-1']),
    );
    const times = new Set(received().map(({ headers }) => headers['webhook-timestamp']));
    expect(times.size).toBe(10);
  });

  it.each([
    [0, 4.5],
    [1, 5.5],
  ])('is asked a tenth earlier or later, by chance (%d)', async (chance, pause) => {
    random = chance;
    receiver.respond = (response) => response.writeHead(503).end();

    await handle();

    expect(await next()).toBe(pause);
  });

  it('is asked where it is by then, with what is configured by then', async () => {
    receiver.respond = (response) => response.writeHead(503).end();
    await handle({ url: `${url}/old` });
    receiver.respond = (response) => response.writeHead(200).end();
    nowMs += 5_000;

    await retry({ url: `${url}/new`, events: [], secret });

    expect(received()[1]?.headers['webhook-signature']).toBeDefined();
    expect(await summary()).toMatchObject({ sent: 1, pending: 0 });
  });
});

describe('a receiver that answers 410', () => {
  beforeEach(async () => {
    await stores.outbox.add(makeMessage('waiting', { dueAt: due() }), '');
    receiver.respond = (response) => response.writeHead(410).end();
    await handle();
    receiver.respond = (response) => response.writeHead(204).end();
  });

  it('is asked no more, for this or any other event', async () => {
    await handle({}, { event: eventOf({ id: 'event-2' }) });
    nowMs += 3_600_000;
    await retry();

    expect(received()).toHaveLength(1);
    expect(await summary()).toMatchObject({
      pending: 0,
      failed: 2,
      lastStatus: 410,
      suspendedSince: new Date(NOW_MS).toISOString(),
    });
  });

  it('is not asked by an attempt that was under way meanwhile', async () => {
    await stores.outbox.add(makeMessage('event-1', { eventId: 'late', dueAt: due() }), '');

    await handle({}, { event: eventOf({ id: 'late' }), isRetry: true });

    expect(received()).toHaveLength(1);
    expect(await summary()).toMatchObject({
      pending: 0,
      lastError: 'its receiver is gone for good',
    });
  });

  it('is asked again at another address', async () => {
    await handle({ url: `${url}/new` }, { event: eventOf({ id: 'event-2' }) });

    expect(received()).toHaveLength(2);
    expect(await summary()).toMatchObject({ sent: 1, suspendedSince: null });
  });
});

describe('an outbox that cannot be written', () => {
  it('has the hook called again', async () => {
    stores.outbox.add = async () => {
      throw new Error('the database is away');
    };

    await expect(handle()).rejects.toMatchObject({ isRetryable: true });
    expect(received()).toEqual([]);
  });
});
