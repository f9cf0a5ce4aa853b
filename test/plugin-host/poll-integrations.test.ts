import { beforeEach, describe, expect, it } from 'vitest';
import { type ErrorCode, WaymarkError } from '../../src/model/errors.ts';
import type { Binding } from '../../src/plugin-host/binding.ts';
import { PluginFault } from '../../src/plugin-host/contract/fault.ts';
import type { IntegrationHealthStore } from '../../src/plugin-host/integration-health.ts';
import type { HostCall } from '../../src/plugin-host/plugin-host.ts';
import { pollIntegrations } from '../../src/plugin-host/poll-integrations.ts';
import { bareBinding } from '../../src/plugin-host/question.ts';
import { createMemoryStores } from '../support/fakes/memory-stores.ts';
import { makeEntry, makeOrg } from '../support/records.ts';

const NOW = Date.parse('2026-11-21T06:53:57.831Z');

const integration = (id: string, isEnabled = true): Binding => ({
  ...bareBinding('forge'),
  scope: 'integration',
  id,
  type: 'forge.default',
  isEnabled,
});

let notes: IntegrationHealthStore;
let asked: string[];
let warned: object[];

beforeEach(async () => {
  const stores = createMemoryStores();
  await stores.orgs.insert(makeOrg('acme'), makeEntry());
  notes = stores.integrationHealth;
  asked = [];
  warned = [];
});

/** What each answers, by name. */
async function poll(
  bindings: readonly Binding[],
  answers: Readonly<Record<string, unknown>> = {},
  signal = new AbortController().signal,
) {
  const plugins = {
    bindings: () => bindings,
    async call({ binding, read }: HostCall) {
      asked.push(binding!.id);
      const answer = answers[binding!.id] ?? { status: 'healthy' };
      if (answer instanceof Error) throw answer;
      return read!(answer);
    },
  };
  const log = { info() {}, warn: (facts: object) => void warned.push(facts), error() {} };
  const deps = { plugins, integrationHealth: notes, clock: () => NOW, log };
  await pollIntegrations(deps, 'acme', signal);
}

const latest = async (name: string) => (await notes.latest('acme')).get(name);
const refused = (code: ErrorCode) => new WaymarkError(code, 'not now');

describe('pollIntegrations', () => {
  it('asks every integration that is on, and nothing else', async () => {
    const many = Array.from({ length: 9 }, (_, i) => integration(`one-${i}`));

    await poll([...many, integration('off', false), bareBinding('forge')]);

    expect(asked.toSorted()).toEqual(many.map(({ id }) => id));
    expect(await latest('one-0')).toEqual({
      at: '2026-11-21T06:53:57.831Z',
      status: 'healthy',
      latencyMs: expect.any(Number) as number,
      message: null,
    });
  });

  it.each([
    ['what its plugin says', { status: 'degraded', message: 'slow' }, 'degraded', 'slow'],
    [
      'what its plugin throws',
      new PluginFault({ code: 'AWAY', message: 'no answer' }),
      'unhealthy',
      'AWAY: no answer',
    ],
    ['that it was late', refused('PLG_TIMEOUT'), 'unhealthy', 'PLG_TIMEOUT: not now'],
    [
      'that its plugin does not tell',
      refused('PLG_METHOD_UNSUPPORTED'),
      'unknown',
      'its plugin does not tell',
    ],
    [
      'no more of it than a line',
      { status: 'healthy', message: 'x'.repeat(900) },
      'healthy',
      'x'.repeat(500),
    ],
  ])('notes %s', async (_, answer, status, message) => {
    await poll([integration('one')], { one: answer });

    expect(await latest('one')).toMatchObject({ status, message });
  });

  it.each(['PLG_BUSY', 'PLG_RESTARTED', 'PLG_NOT_FOUND'] as const)(
    'notes nothing of %s, which says nothing of the other side',
    async (code) => {
      await poll([integration('one')], { one: refused(code) });

      expect(await latest('one')).toBeUndefined();
    },
  );

  it('warns once when one is not well', async () => {
    const sick = { one: { status: 'unhealthy' } };

    await poll([integration('one')], sick);
    await poll([integration('one')], sick);

    expect(warned).toMatchObject([{ org: 'acme', integration: 'one', status: 'unhealthy' }]);
  });

  it('forgets those that are gone, and not those that are off', async () => {
    await poll([integration('one'), integration('two')]);

    await poll([integration('two', false)]);

    expect(await latest('one')).toBeUndefined();
    expect(await latest('two')).toBeDefined();
  });

  it('begins no more when it is to end', async () => {
    await poll([integration('one')], {}, AbortSignal.abort());

    expect(asked).toEqual([]);
  });
});
