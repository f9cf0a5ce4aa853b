import { describe, expect, it } from 'vitest';
import { WaymarkError } from '../../src/model/errors.ts';
import { ContractViolation } from '../../src/plugin-host/contract/contract-violation.ts';
import { PluginFault } from '../../src/plugin-host/contract/fault.ts';
import { Places } from '../../src/plugin-host/places.ts';
import { configured, makePart, openSlot, query } from '../support/slots.ts';

const timeout = () => {
  throw new WaymarkError('PLG_TIMEOUT', 'it took too long');
};

/** A method that answers when the test lets it. */
function held() {
  const begun = Promise.withResolvers<void>();
  const end = Promise.withResolvers<unknown>();
  const method = () => {
    begun.resolve();
    return end.promise;
  };
  return { method, begun: begun.promise, answer: end.resolve };
}

describe('call', () => {
  it('starts a guest at the first call alone: registered, then initialised for the binding', async () => {
    const part = makePart({ 'agent.query': () => 'found', 'plugin.init': () => ({}) });
    const { slot } = openSlot(part);
    expect(slot.describe().state).toBe('discovered');

    const answers = await Promise.all([slot.call(query()), slot.call(query())]);

    expect(answers).toEqual(['found', 'found']);
    expect(part.guests.map(({ asked }) => asked)).toEqual([
      ['plugin.register', 'plugin.init', 'agent.query', 'agent.query'],
    ]);
    expect(slot.describe()).toMatchObject({ state: 'active', lastError: null });
  });

  it('tells the guest whose call it is, by a new id each time', async () => {
    const seen: Record<string, unknown>[] = [];
    const part = makePart({ 'agent.query': ({ context }) => seen.push(context as never) });
    const { slot } = openSlot(part);
    const west = configured({ region: 'west' }, { scope: 'namespace', id: 'west.example' });
    const binding = { ...west, namespaceId: 'west', departmentId: 'sales' };

    await slot.call(query({ binding }));
    await slot.call(query({ binding, requestId: 'request-2' }));

    const [first, second] = seen;
    expect(first).toEqual({
      orgId: 'acme',
      namespaceId: 'west',
      departmentId: 'sales',
      scope: 'namespace',
      config: { region: 'west' },
      requestId: 'request-1',
      host_callback_id: expect.any(String),
    });
    expect(second?.['requestId']).toBe('request-2');
    expect(second?.['host_callback_id']).not.toBe(first?.['host_callback_id']);
  });

  it('throws what the guest threw, and counts it as an answer', async () => {
    const fault = new PluginFault({ code: 'NO_STOCK', message: 'none left', httpStatus: 409 });
    const part = makePart({
      'agent.query': () => {
        throw fault;
      },
    });
    const { slot } = openSlot(part);

    for (let i = 0; i < 4; i += 1) await expect(slot.call(query())).rejects.toBe(fault);

    expect(slot.describe().health.breaker).toBe('closed');
  });

  it('takes for a bad answer what its reader refuses', async () => {
    const { slot } = openSlot(makePart({ 'agent.query': () => 7 }));
    const read = () => {
      throw new ContractViolation('results is no list');
    };

    for (let i = 0; i < 3; i += 1) {
      await expect(slot.call(query({ read }))).rejects.toMatchObject({ code: 'PLG_BAD_RESPONSE' });
    }

    expect(slot.describe()).toMatchObject({
      health: { breaker: 'open' },
      lastError: 'PLG_BAD_RESPONSE: results is no list',
    });
    await expect(slot.call(query())).rejects.toMatchObject({ code: 'PLG_BREAKER_OPEN' });
  });

  it('opens after three timeouts, probes once, and closes', async () => {
    let isSlow = true;
    const part = makePart({ 'agent.query': () => (isSlow ? timeout() : 'found') });
    const { slot, advance } = openSlot(part);

    for (let i = 0; i < 3; i += 1) {
      await expect(slot.call(query())).rejects.toMatchObject({ code: 'PLG_TIMEOUT' });
    }
    await expect(slot.call(query())).rejects.toMatchObject({ code: 'PLG_BREAKER_OPEN' });
    advance(60_000);
    isSlow = false;

    expect(await slot.call(query())).toBe('found');
    expect(slot.describe().health.breaker).toBe('closed');
  });

  it('asks once more of a new guest what may be repeated, when the old one is lost', async () => {
    const first = held();
    const calls = [first.method, () => 'found'];
    const part = makePart({ 'agent.query': () => calls.shift()!() });
    const { slot } = openSlot(part);

    const asking = slot.call(query(), true);
    await first.begun;
    part.guests[0]!.end('timeout');

    expect(await asking).toBe('found');
    expect(part.guests).toHaveLength(2);
    expect(slot.describe().health.restarts).toBe(1);
  });

  it('answers PLG_RESTARTED to what may not be repeated', async () => {
    const first = held();
    const part = makePart({ 'agent.query': first.method });
    const { slot } = openSlot(part);

    const asking = expect(slot.call(query())).rejects.toMatchObject({ code: 'PLG_RESTARTED' });
    await first.begun;
    part.guests[0]!.end('crash');

    await asking;
    expect(slot.describe()).toMatchObject({ state: 'stopped', lastError: 'ended: crash' });
  });

  it('counts the end of a guest once, whatever it took along', async () => {
    const part = makePart({ 'agent.query': () => new Promise(() => {}) });
    const { slot } = openSlot(part);
    const both = Promise.allSettled([slot.call(query()), slot.call(query())]);
    await expect.poll(() => part.guests[0]?.asked.length).toBe(4);

    part.guests[0]!.end('memory');
    await both;

    expect(slot.describe().health.breaker).toBe('closed');
  });

  it('has eight calls at a time and 32 that wait; the next is PLG_BUSY', async () => {
    const work = held();
    const part = makePart({ 'agent.query': work.method });
    const { slot } = openSlot(part);

    const calls = Array.from({ length: 40 }, () => slot.call(query()));
    await expect(slot.call(query())).rejects.toMatchObject({ code: 'PLG_BUSY' });
    work.answer('done');

    expect(new Set(await Promise.all(calls))).toEqual(new Set(['done']));
  });
});

describe('loading', () => {
  it.each([
    ['an answer that is no registration', { 'plugin.register': () => ({ metadata: {} }) }],
    [
      'a schema of the future',
      { 'plugin.register': () => ({ schema_version: 2, metadata: metadata }) },
    ],
    [
      'a capability that plugin.json does not have',
      { 'plugin.register': () => ({ metadata, capabilities: { tools: true } }) },
    ],
    [
      'what it throws',
      {
        'plugin.register': () => {
          throw new PluginFault({ code: 'OOPS', message: 'no' });
        },
      },
    ],
  ])('fails for good by %s', async (_what, methods) => {
    const part = makePart({ 'agent.query': () => 'found', ...methods });
    const { slot } = openSlot(part);

    await expect(slot.call(query())).rejects.toMatchObject({ code: 'PLG_FAILED' });
    await expect(slot.call(query())).rejects.toMatchObject({ code: 'PLG_FAILED' });

    expect(part.guests).toMatchObject([{ hasEnded: true }]);
    expect(slot.describe().state).toBe('failed');
    slot.reset();
    await expect(slot.call(query())).rejects.toMatchObject({ code: 'PLG_FAILED' });
    expect(part.guests).toHaveLength(2);
  });

  it('tries again what was too slow, until the breaker opens', async () => {
    const part = makePart({ 'plugin.register': timeout });
    const { slot } = openSlot(part);

    const codes: unknown[] = [];
    for (let i = 0; i < 4; i += 1) {
      codes.push(await slot.call(query()).catch(({ code }: WaymarkError) => code));
    }

    expect(codes).toEqual(['PLG_TIMEOUT', 'PLG_TIMEOUT', 'PLG_TIMEOUT', 'PLG_BREAKER_OPEN']);
    expect(part.guests).toHaveLength(3);
  });

  it('registers management routes once, and keeps them while the guest is stopped', async () => {
    const told = {
      Routes: [{ Method: 'GET', Path: '/plugins/example/list' }],
      resources: [{ Path: '/page', Menu: 'Example' }],
    };
    const manifest = { capabilities: { management_api: true } };
    const part = makePart({ 'management.register': () => told }, { manifest });
    const { slot, advance } = openSlot(part);
    expect(slot.describe().routes).toEqual([]);

    await slot.loadRoutes();
    advance(5 * 60_000);
    await expect.poll(() => part.guests[0]?.hasEnded).toBe(true);
    await slot.loadRoutes();

    expect(slot.describe()).toMatchObject({
      state: 'stopped',
      routes: [{ method: 'GET', path: '/plugins/example/list' }],
      pages: [{ path: '/page', menu: 'Example' }],
    });
    expect(part.guests).toHaveLength(1);
  });
});

const metadata = { Name: 'Example', Version: '1', Author: 'Acme', GitHubRepository: 'acme/e' };

describe('stopping', () => {
  it('stops what has been idle for five minutes, with one plugin.shutdown', async () => {
    const reasons: unknown[] = [];
    const part = makePart({
      'agent.query': () => 'found',
      'plugin.shutdown': ({ reason }) => reasons.push(reason),
    });
    const { slot, advance } = openSlot(part);
    await slot.call(query());

    advance(4 * 60_000);
    await slot.call(query());
    advance(4 * 60_000);
    expect(slot.describe().state).toBe('active');
    advance(60_000);
    await expect.poll(() => part.guests[0]!.hasEnded).toBe(true);

    expect(reasons).toEqual(['idle']);
    expect(slot.describe().state).toBe('stopped');
    expect(await slot.call(query())).toBe('found');
    expect(part.guests).toHaveLength(2);
  });

  it('waits for a start that is under way', async () => {
    const loading = held();
    const part = makePart({ 'plugin.register': loading.method });
    const { slot } = openSlot(part);
    const asking = expect(slot.call(query())).rejects.toThrow();
    await loading.begun;

    const closing = slot.close();
    loading.answer({ metadata });
    await closing;
    await asking;

    expect(part.guests[0]!.asked).toContain('plugin.shutdown');
    expect(part.guests).toMatchObject([{ hasEnded: true }]);
  });

  it('lets go of a call that does not end', async () => {
    const part = makePart({ 'agent.query': () => new Promise(() => {}) });
    const { slot } = openSlot(part);
    const asking = expect(slot.call(query(), true)).rejects.toMatchObject({
      code: 'PLG_RESTARTED',
    });
    await expect.poll(() => part.guests[0]?.asked).toContain('agent.query');

    await slot.close();
    await asking;

    expect(part.guests[0]!.asked.filter((name) => name === 'plugin.shutdown')).toHaveLength(1);
    await expect(slot.call(query())).rejects.toMatchObject({ code: 'PLG_RESTARTED' });
  });

  it('makes room for another when there are too many', async () => {
    const places = new Places(1);
    const [one, other] = [1, 2].map(() => makePart({ 'agent.query': () => 'found' }));
    const slots = [one!, other!].map((part) => openSlot(part, {}, { places }).slot);

    await slots[0]!.call(query());
    await slots[1]!.call(query());

    expect(slots.map((slot) => slot.describe().state)).toEqual(['stopped', 'active']);
    expect(one!.guests[0]!.asked).toContain('plugin.shutdown');
  });
});

describe('initialising', () => {
  it('is done once for each configuration of a binding', async () => {
    const seen: unknown[] = [];
    const part = makePart({
      'plugin.init': ({ context }) => seen.push((context as { config: unknown }).config),
      'agent.query': () => 'found',
    });
    const { slot } = openSlot(part);

    for (const config of [{ a: 1 }, { a: 1 }, { a: 2 }]) {
      await slot.call(query({ binding: configured(config) }));
    }

    expect(seen).toEqual([{ a: 1 }, { a: 2 }]);
  });

  it('does not let a slow one bring its configuration back', async () => {
    const slow = held();
    const order: string[] = [];
    const inits = [
      async () => {
        await slow.method();
        order.push('old');
      },
      () => order.push('new'),
    ];
    const part = makePart({
      'plugin.init': () => inits.shift()!(),
      'agent.query': ({ context }) => (context as { config: unknown }).config,
    });
    const { slot } = openSlot(part);
    const old = slot.call(query({ binding: configured({ a: 1 }) }));
    await slow.begun;

    const next = slot.call(query({ binding: configured({ a: 2 }) }));
    slow.answer({});

    expect(await next).toEqual({ a: 2 });
    expect(order).toEqual(['old', 'new']);
    await old;
  });

  it('is tried again by the next call when it failed', async () => {
    const inits = [timeout, () => ({})];
    const part = makePart({ 'plugin.init': () => inits.shift()!(), 'agent.query': () => 'found' });
    const { slot } = openSlot(part);

    await expect(slot.call(query())).rejects.toMatchObject({ code: 'PLG_TIMEOUT' });

    expect(await slot.call(query())).toBe('found');
  });

  it('is left out of a call about what is not saved', async () => {
    const part = makePart({ 'plugin.init': () => ({}), 'agent.query': () => 'found' });
    const { slot } = openSlot(part);

    await slot.call(query({ overlay: { config: {}, credentials: {} } }));

    expect(part.guests[0]!.asked).toEqual(['plugin.register', 'agent.query']);
  });
});
