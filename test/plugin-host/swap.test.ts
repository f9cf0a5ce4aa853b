import { describe, expect, it } from 'vitest';
import { PluginFault } from '../../src/plugin-host/contract/fault.ts';
import { configured, enabled, makePart, openSlot, query } from '../support/slots.ts';

const answering = (what: string) => ({ 'agent.query': () => what });

/** One that serves version 1.0.0, which was called. */
async function serving(
  ...more: Parameters<typeof openSlot> extends [unknown, ...infer R] ? R : []
) {
  const old = makePart(answering('old'));
  const opened = openSlot(old, ...more);
  await opened.slot.call(query());
  return { old, ...opened };
}

describe('update', () => {
  it('proves the new version, swaps, and shuts the old one down', async () => {
    const { slot, old, terms } = await serving({ bindings: [configured({ a: 1 })] });
    const next = makePart(
      { ...answering('new'), 'plugin.health': () => ({ status: 'healthy' }) },
      { version: '1.1.0' },
    );

    await slot.update(next, terms);

    expect(await slot.call(query())).toBe('new');
    expect(next.guests[0]!.asked.slice(0, 2)).toEqual(['plugin.register', 'plugin.health']);
    expect(old.guests[0]!.asked.at(-1)).toBe('plugin.shutdown');
    expect(old.guests[0]!.hasEnded).toBe(true);
    expect(slot.describe()).toMatchObject({ version: '1.1.0', pending: null, state: 'active' });
  });

  it('lets calls of the old version end, and sends new ones to the new', async () => {
    const begun = Promise.withResolvers<void>();
    const end = Promise.withResolvers<string>();
    const old = makePart({
      'agent.query': () => {
        begun.resolve();
        return end.promise;
      },
    });
    const { slot, terms } = openSlot(old);
    const early = slot.call(query());
    await begun.promise;

    const swapping = slot.update(makePart(answering('new'), { version: '2.0.0' }), terms);
    await expect.poll(() => slot.describe().version).toBe('2.0.0');
    const late = await slot.call(query());
    end.resolve('old');
    await swapping;

    expect([await early, late]).toEqual(['old', 'new']);
  });

  it('loses calls of the old version that take longer than the draining', async () => {
    const old = makePart({ 'agent.query': () => new Promise(() => {}) });
    const { slot, terms, advance } = openSlot(old);
    const early = expect(slot.call(query())).rejects.toMatchObject({ code: 'PLG_RESTARTED' });
    await expect.poll(() => old.guests[0]?.asked).toContain('agent.query');

    const swapping = slot.update(makePart(answering('new'), { version: '2.0.0' }), terms);
    await expect.poll(() => slot.describe().version).toBe('2.0.0');
    expect(old.guests[0]!.hasEnded).toBe(false);
    advance(5000);
    await swapping;

    await early;
    expect(await slot.call(query())).toBe('new');
  });

  it.each([
    [
      'does not register',
      makePart({ 'plugin.register': () => ({}) }, { version: '2.0.0' }),
      'PLG_BAD_RESPONSE: plugin.register.metadata is no object',
    ],
    [
      'throws while it registers',
      makePart(
        {
          'plugin.register': () => {
            throw new PluginFault({ code: 'OOPS', message: 'not today' });
          },
        },
        { version: '2.0.0' },
      ),
      'OOPS: not today',
    ],
    [
      'is unhealthy',
      makePart(
        { 'plugin.health': () => ({ status: 'unhealthy', message: 'no disk' }) },
        { version: '2.0.0' },
      ),
      'PLG_BAD_RESPONSE: it is unhealthy: no disk',
    ],
    [
      'asks for more',
      makePart(
        {},
        { version: '2.0.0', manifest: { permissions: { kv: true, read: ['releases'] } } },
      ),
      'PLG_PERMISSIONS: it asks for kv, read:releases, which is not granted',
    ],
    [
      'must not run',
      makePart({}, { version: '2.0.0', fault: { code: 'PLG_UNSIGNED', message: 'not signed' } }),
      'PLG_UNSIGNED: not signed',
    ],
  ])('keeps the old version where the new one %s', async (_what, next, reason) => {
    const { slot, old, terms, warned } = await serving();

    await slot.update(next, terms);

    expect(await slot.call(query())).toBe('old');
    expect(slot.describe()).toMatchObject({
      version: '1.0.0',
      state: 'active',
      pending: { version: '2.0.0', reason },
    });
    expect(old.guests).toMatchObject([{ hasEnded: false }]);
    expect(next.guests.every(({ hasEnded }) => hasEnded)).toBe(true);
    expect(warned).toMatchObject([{ org: 'acme', plugin: 'example' }]);
  });

  it('keeps the old version where a binding does not suit the new one', async () => {
    const asked: unknown[] = [];
    const checkBinding = async (_judges: unknown, { id }: { id: string }) => {
      asked.push(id);
      return ['/url is missing'];
    };
    const { slot, terms } = await serving({ bindings: [configured({ a: 1 })] }, { checkBinding });

    await slot.update(makePart(answering('new'), { version: '2.0.0' }), terms);

    expect(slot.describe().pending).toEqual({
      version: '2.0.0',
      reason: 'VAL_FAILED: the configuration in registry.yaml does not suit it: /url is missing',
    });
    expect(asked).toEqual(['example']);
  });

  it('does not try again what was refused, until it is given something else', async () => {
    const { slot, terms } = await serving();
    const greedy = makePart(answering('new'), {
      version: '2.0.0',
      manifest: { permissions: { kv: true } },
    });
    await slot.update(greedy, terms);
    await slot.update(greedy, terms);
    expect(greedy.guests).toEqual([]);

    await slot.update(greedy, { ...terms, grants: ['kv'] });

    expect(await slot.call(query())).toBe('new');
    expect(slot.describe()).toMatchObject({ grants: ['kv'], pending: null });
  });

  it('takes back what is pending when the old version is wanted again', async () => {
    const { slot, old, terms } = await serving();
    await slot.update(makePart({ 'plugin.register': () => 0 }, { version: '2.0.0' }), terms);
    expect(slot.describe().pending).not.toBeNull();

    await slot.update(old, terms);

    expect(slot.describe().pending).toBeNull();
    expect(old.guests).toHaveLength(1);
  });

  it('puts the new version in the place of one that failed, without a proof', async () => {
    const failed = makePart({ 'plugin.register': () => 0 });
    const { slot, terms } = openSlot(failed);
    await expect(slot.call(query())).rejects.toMatchObject({ code: 'PLG_FAILED' });
    const next = makePart(answering('new'), { version: '1.0.1' });

    await slot.update(next, terms);
    expect(next.guests).toEqual([]);

    expect(await slot.call(query())).toBe('new');
    expect(slot.describe()).toMatchObject({ version: '1.0.1', lastError: null });
  });

  it('closes the breaker with a new version', async () => {
    const { slot, old, terms } = await serving();
    for (let i = 0; i < 3; i += 1) {
      await slot.call(query());
      old.guests.at(-1)!.end('crash');
      await expect.poll(() => slot.describe().health.restarts).toBe(i + 1);
    }
    expect(slot.describe().health.breaker).toBe('open');

    await slot.update(makePart(answering('new'), { version: '2.0.0' }), terms);

    expect(await slot.call(query())).toBe('new');
  });

  it('stops what the org switches off', async () => {
    const { slot, old } = await serving();

    await slot.update(old, { ...enabled, isEnabled: false });

    expect(old.guests).toMatchObject([{ hasEnded: true }]);
    expect(slot.describe()).toMatchObject({ isEnabled: false, state: 'stopped' });
  });

  it('fails no call under load', async () => {
    const { slot, terms } = await serving();
    let isSwapping = true;
    const answers: unknown[] = [];
    const load = Promise.all(
      Array.from({ length: 8 }, async () => {
        while (isSwapping) {
          answers.push(await slot.call(query()));
          await new Promise(setImmediate);
        }
      }),
    );

    const versions = ['1.0.1', '1.0.2', '1.0.3'];
    try {
      for (const version of versions) {
        await slot.update(makePart(answering(version), { version }), terms);
        await expect.poll(() => answers).toContain(version);
      }
    } finally {
      isSwapping = false;
      await load;
    }

    expect(new Set(answers)).toEqual(new Set(['old', ...versions]));
  });
});
