import { describe, expect, it } from 'vitest';
import { WaymarkError } from '../../src/model/errors.ts';
import { PluginFault } from '../../src/plugin-host/contract/fault.ts';
import { evaluateGate } from '../../src/plugin-host/evaluate-gate.ts';
import { fakePluginHost } from '../support/fakes/plugin-host.ts';

const question = {
  org: 'acme',
  gate: 'quality.coverage',
  config: { least: 80 },
  promotion: { id: 'p1' },
  release: { id: 'r1' },
  environment: { id: 'production' },
  now: '2026-11-21T12:00:00.000Z',
  requestId: 'req-1',
};

function open(answer: () => unknown) {
  const gates = [{ name: 'coverage' }];
  const methods = { 'gate.evaluate': answer };
  return fakePluginHost([{ id: 'quality', capabilities: ['gate'], manifest: { gates }, methods }]);
}

const closed = (message: string) => ({
  status: 'error',
  reasonCode: 'GATE_EVALUATION_ERROR',
  message,
});

describe('evaluateGate', () => {
  it('asks the plugin by the name that it gave its gate', async () => {
    const host = open(() => ({ status: 'pass', message: '91 %' }));

    expect(await evaluateGate(host, question)).toEqual({ status: 'pass', message: '91 %' });
    const { gate: _, org: __, requestId: ___, ...rest } = question;
    expect(host.calls).toMatchObject([
      { pluginId: 'quality', params: { gate: 'coverage', ...rest }, requestId: 'req-1' },
    ]);
  });

  it('gives what it waits for', async () => {
    const verdict = { status: 'wait', message: 'soaks', retryAt: '2026-11-21T13:00:00Z' };

    expect(
      await evaluateGate(
        open(() => verdict),
        question,
      ),
    ).toEqual(verdict);
  });

  it.each<[what: string, thrown: () => unknown, message: string]>([
    [
      'that rests',
      () => new WaymarkError('PLG_BREAKER_OPEN', 'it rests'),
      'quality.coverage: PLG_BREAKER_OPEN',
    ],
    [
      'that refuses',
      () => new PluginFault({ code: 'NO_REPORT', message: 'none' }),
      'quality.coverage: NO_REPORT',
    ],
    ['that stumbles over a bug of ours', () => new TypeError('x'), 'quality.coverage failed'],
  ])('is an error of a plugin %s', async (_what, thrown, message) => {
    const host = open(() => {
      throw thrown();
    });

    expect(await evaluateGate(host, question)).toEqual(closed(message));
  });

  it.each(['quality.speed', 'quality', 'other.coverage'])('is an error for %s', async (gate) => {
    const host = open(() => ({ status: 'pass', message: '' }));

    expect(await evaluateGate(host, { ...question, gate })).toEqual(
      closed(`there is no gate ${gate}`),
    );
    expect(host.calls).toEqual([]);
  });
});
