import { beforeEach, describe, expect, it } from 'vitest';
import type { Stores } from '../../../src/database/stores.ts';
import { WaymarkError } from '../../../src/model/errors.ts';
import { sendDue } from '../../../src/plugin-host/events/send-due.ts';
import type { HostCall } from '../../../src/plugin-host/plugin-host.ts';
import { createMemoryStores } from '../../support/fakes/memory-stores.ts';
import { makeEntry, makeMessage, makeOrg } from '../../support/records.ts';

const NOW_MS = Date.UTC(2026, 2, 4, 12);
const at = (sec: number) => new Date(NOW_MS + sec * 1000).toISOString();
const own = { scope: 'org', id: 'webhooks' } as const;

let stores: Stores;
let calls: HostCall[];
let answer: (call: HostCall) => Promise<unknown>;
let stopping: AbortController;

beforeEach(async () => {
  stores = createMemoryStores();
  await stores.orgs.insert(makeOrg('acme'), makeEntry());
  calls = [];
  answer = async () => ({});
  stopping = new AbortController();
});

const send = () =>
  sendDue(
    {
      host: {
        settled: async () => {},
        call: async (call) => {
          calls.push(call);
          return await answer(call);
        },
      },
      outbox: stores.outbox,
      clock: () => NOW_MS,
      random: () => 0.5,
    },
    'acme',
    stopping.signal,
  );
const add = (eventId: string, sec: number) =>
  stores.outbox.add(makeMessage(eventId, { dueAt: at(sec) }), at(sec));

describe('sendDue', () => {
  it('has the hook send what is due, and says when the next one is', async () => {
    await add('event-1', 0);
    await add('event-2', 60);
    answer = async () => {
      const { event } = makeMessage('event-1');
      const sent = { state: 'sent', lastStatus: 200, lastError: null } as const;
      const key = { ...own, org: 'acme', eventId: event.id };
      await stores.outbox.finish(key, { ...sent, dueAt: at(0), changedAt: at(0) });
    };

    expect(await send()).toBe(at(60));

    expect(calls).toEqual([
      {
        org: 'acme',
        pluginId: 'webhooks',
        binding: own,
        method: 'hook.handle',
        params: { event: makeMessage('event-1').event, isRetry: true },
        requestId: 'event-1',
        signal: stopping.signal,
      },
    ]);
  });

  it('asks nobody where nothing is due', async () => {
    expect(await send()).toBeUndefined();
    expect(calls).toEqual([]);
  });

  it('counts a call that could not be made as an attempt', async () => {
    await add('event-1', 0);
    answer = async () => {
      throw new WaymarkError('PLG_NOT_FOUND', 'there is no plugin webhooks, or it is off');
    };

    expect(await send()).toBe(at(5));

    const lastError = 'there is no plugin webhooks, or it is off';
    expect(await stores.outbox.summary('acme', own)).toMatchObject({ pending: 1, lastError });
  });

  it('leaves a message to the hook that has taken it', async () => {
    await add('event-1', 0);
    answer = async () => {
      await stores.outbox.claim(makeMessage('event-1'), at(0), at(15));
      throw new WaymarkError('PLG_TIMEOUT', 'too slow');
    };

    expect(await send()).toBe(at(15));

    expect(await stores.outbox.summary('acme', own)).toMatchObject({ pending: 1, lastError: null });
  });

  it('lets one message fail without the others', async () => {
    await add('event-1', 0);
    await add('event-2', 0);
    answer = async ({ requestId }) => {
      if (requestId === 'event-1') throw new Error('no');
    };

    await send();

    expect(calls.map(({ requestId }) => requestId)).toEqual(['event-1', 'event-2']);
  });

  it('gives up without an attempt when the server stops', async () => {
    await add('event-1', 0);
    answer = async () => {
      stopping.abort(new Error('stopping'));
      throw new Error('aborted');
    };

    await expect(send()).rejects.toThrow('stopping');

    expect(await stores.outbox.listDue('acme', at(0), 10)).toEqual([
      makeMessage('event-1', { dueAt: at(0) }),
    ]);
  });
});
