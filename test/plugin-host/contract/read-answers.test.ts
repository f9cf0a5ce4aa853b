import { describe, expect, it } from 'vitest';
import { ContractViolation } from '../../../src/plugin-host/contract/contract-violation.ts';
import { readQueryResults, readToolResult } from '../../../src/plugin-host/contract/read-agent.ts';
import {
  readIntegrationTest,
  readResources,
} from '../../../src/plugin-host/contract/read-integration.ts';
import { readConfigErrors, readHealth } from '../../../src/plugin-host/contract/read-lifecycle.ts';
import {
  readGateVerdict,
  readStepProgress,
} from '../../../src/plugin-host/contract/read-orchestration.ts';

/** Each `[what was said, what is wrong with it]`. */
function refuses(read: (value: unknown) => unknown, said: readonly [unknown, string][]) {
  it.each(said)('refuses %j', (value, message) => {
    expect(() => read(value)).toThrow(ContractViolation);
    expect(() => read(value)).toThrow(message);
  });
}

const result = { type: 'company', title: 'Acme' };

describe('readQueryResults', () => {
  it('reads results, without what it does not know', () => {
    const whole = {
      ...result,
      text: 'A company',
      data: { Code: 1, code: 2 },
      score: 0.5,
      source: { name: 'register', url: 'https://example.com', retrievedAt: '2026-11-21T12:00:00Z' },
      mock: true,
      expiresAt: '2026-11-22T12:00:00+02:00',
    };

    const read = readQueryResults({ Results: [{ ...whole, pluginId: 'another' }, result] });

    expect(read).toEqual([whole, result]);
  });

  it('takes null for what was not said', () => {
    expect(readQueryResults({ results: [{ ...result, score: null }] })).toEqual([result]);
    expect(readQueryResults({ results: null })).toEqual([]);
  });

  it('takes twenty of 64 KiB each', () => {
    const text = 'x'.repeat(64 * 1024 - JSON.stringify({ ...result, text: '' }).length);
    const results = Array.from({ length: 20 }, () => ({ ...result, text }));

    expect(readQueryResults({ results })).toHaveLength(20);
    expect(() => readQueryResults({ results: [...results, result] })).toThrow(
      'agent.query.results has 21 items: at most 20',
    );
    expect(() => readQueryResults({ results: [{ ...result, text: `${text}x` }] })).toThrow(
      'agent.query.results[0] has 65537 bytes: at most 65536',
    );
  });

  refuses(readQueryResults, [
    [[], 'agent.query is no object'],
    [{ results: {} }, 'agent.query.results is no list'],
    [{ results: [{ type: 'x' }] }, 'agent.query.results[0].title is no text'],
    [{ results: [{ ...result, score: 1.1 }] }, 'results[0].score is no number from 0 to 1'],
    [{ results: [{ ...result, score: '1' }] }, 'results[0].score is no number from 0 to 1'],
    [{ results: [{ ...result, data: [] }] }, 'results[0].data is no object'],
    [{ results: [{ ...result, expiresAt: 'soon' }] }, 'expiresAt is no RFC 3339 time'],
    [{ results: [{ ...result, expiresAt: '2026-13-45T00:00:00Z' }] }, 'is no RFC 3339 time'],
    [{ results: [{ ...result, source: { name: 'x' } }] }, 'source.retrievedAt is no text'],
    [
      {
        results: [
          { ...result, source: { name: 'x', url: 'javascript:alert(1)', retrievedAt: '' } },
        ],
      },
      'source.url is no address that starts http: or https:',
    ],
  ]);
});

describe('readToolResult', () => {
  it('reads content, structure and whether it went wrong', () => {
    const said = {
      content: [{ type: 'text', text: 'done' }],
      structuredContent: { Done: true },
      isError: false,
    };

    expect(readToolResult(said)).toEqual(said);
    expect(readToolResult({})).toEqual({ content: [] });
  });

  refuses(readToolResult, [
    ['done', 'tool.call is no object'],
    [{ content: [{ type: 'image' }] }, 'tool.call.content[0].text is no text'],
    [{ structuredContent: 'x' }, 'tool.call.structuredContent is no object'],
    [{ isError: 'no' }, 'tool.call.isError is neither true nor false'],
  ]);
});

describe('readHealth', () => {
  it('reads status, message and checks', () => {
    const said = { status: 'degraded', message: 'slow', checks: [{ name: 'api', ok: false }] };

    expect(readHealth(said)).toEqual(said);
    expect(readHealth({ Status: 'healthy' })).toEqual({ status: 'healthy', checks: [] });
  });

  refuses(readHealth, [
    [{}, 'plugin.health.status is none of healthy, degraded, unhealthy, unknown'],
    [{ status: 'healthy', checks: [{ name: 'x' }] }, 'checks[0].ok is neither true nor false'],
    [{ status: 'healthy', message: 'x'.repeat(2001) }, 'message has more than 2000 characters'],
  ]);
});

describe('readConfigErrors', () => {
  it('reads what is wrong, each with its pointer', () => {
    const errors = [
      { field: '/url', message: 'must be reachable' },
      { field: 'retry.max', message: 'is too high' },
      { message: 'is odd' },
    ];

    expect(readConfigErrors({ valid: false, errors })).toEqual([
      { field: '/url', message: 'must be reachable' },
      { field: '/retry/max', message: 'is too high' },
      { field: '', message: 'is odd' },
    ]);
  });

  it('goes by valid, whatever else is said', () => {
    expect(readConfigErrors({ valid: true, errors: [{ message: 'x' }] })).toEqual([]);
    expect(readConfigErrors({ valid: false })).toEqual([
      { field: '', message: 'the plugin refuses it' },
    ]);
  });

  refuses(readConfigErrors, [
    [{}, 'config.validate.valid is neither true nor false'],
    [{ valid: false, errors: ['bad'] }, 'config.validate.errors[0] is no object'],
  ]);
});

describe('readGateVerdict', () => {
  it('reads a verdict', () => {
    const said = {
      status: 'wait',
      reasonCode: 'GATE_TICKET_OPEN',
      message: 'ticket 7 is open',
      retryAt: '2026-11-21T12:05:00Z',
    };

    expect(readGateVerdict(said)).toEqual(said);
  });

  refuses(readGateVerdict, [
    [{ status: 'ok', message: '' }, 'gate.evaluate.status is none of pass, fail, wait'],
    [{ status: 'pass' }, 'gate.evaluate.message is no text'],
    [{ status: 'wait', message: '', retryAt: 'later' }, 'retryAt is no RFC 3339 time'],
  ]);
});

describe('readStepProgress', () => {
  it('reads how far a step is, its state as it was', () => {
    const said = { status: 'running', state: [{ Job: 7 }], pollAfterSec: 30 };

    expect(readStepProgress(said)).toEqual(said);
    expect(readStepProgress({ status: 'failed', error: { code: 'X', message: 'x' } })).toEqual({
      status: 'failed',
      error: { code: 'X', message: 'x', isRetryable: false },
    });
  });

  refuses(readStepProgress, [
    [{ status: 'done' }, 'step.status is none of running'],
    [{ status: 'succeeded', outputs: [] }, 'step.outputs is no object'],
    [{ status: 'running', pollAfterSec: 0 }, 'step.pollAfterSec is no number from 1 to 3600'],
    [{ status: 'failed', error: 'no' }, 'step.error is no object'],
  ]);
});

describe('readIntegrationTest', () => {
  it('reads checks', () => {
    const said = { ok: true, checks: [{ name: 'login', ok: true, message: 'as bot' }] };

    expect(readIntegrationTest(said)).toEqual(said);
    expect(readIntegrationTest({ OK: false })).toEqual({ ok: false, checks: [] });
  });

  refuses(readIntegrationTest, [[{ ok: 'yes' }, 'integration.test.ok is neither true nor false']]);
});

describe('readResources', () => {
  it('reads resources, named by their id when they have no name', () => {
    const resources = [
      { id: '7', name: 'shop', type: 'repository', metadata: { Stars: 3 } },
      { id: '8', type: 'repository' },
    ];

    expect(readResources({ resources })).toEqual([
      resources[0],
      { id: '8', name: '8', type: 'repository' },
    ]);
  });

  refuses(readResources, [
    [{ resources: [{ name: 'x', type: 'y' }] }, 'integration.discover.resources[0].id is no text'],
    [{ resources: 'none' }, 'integration.discover.resources is no list'],
  ]);
});
