import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { evaluateGate } from '../../../src/plugin-host/evaluate-gate.ts';
import { temporaryFolder } from '../../support/git.ts';
import { type OrgApi, openOrg } from '../../support/org-api.ts';
import { document } from '../../support/plugin-site.ts';
import { packPlugin } from '../../support/plugins.ts';
import { askRaw } from '../../support/raw-request.ts';
import { openService, type TestService } from '../../support/service.ts';
import { smallRegistry } from '../../support/small-registry.ts';

/** What makes a guest fall, or give a bad answer; and what does not. */
const ENDPOINTS = {
  fine: `({ Body: btoa('fine') })`,
  loops: '{ for (;;); }',
  bombs: 'new ArrayBuffer(2 ** 30)',
  lies: `({ Body: 'no base64' })`,
  throws: '{ throw new Error("its own bug"); }',
};

const manifest = {
  capabilities: { api_routes: true, gate: true },
  gates: [{ name: 'open' }],
  apiRoutes: Object.keys(ENDPOINTS).map((path) => ({ method: 'POST', path })),
};

const endpoints = Object.entries(ENDPOINTS)
  .map(([path, does]) => `${path}: () => ${does}`)
  .join(', ');

let dir: string;
let service: TestService;
let org: OrgApi;
let other: OrgApi;

beforeAll(async () => {
  dir = await temporaryFolder('waymark-breaker-');
  await packPlugin(dir, {
    manifest,
    script: `const endpoints = { ${endpoints} };
      export default {
        'api.handle': ({ Endpoint }) => endpoints[Endpoint](),
        'gate.evaluate': () => ({ status: 'pass', message: 'nothing is against it' }),
      };`,
  });
  const settings = { WAYMARK_PLUGINS_DIR: dir, WAYMARK_PLUGINS_ALLOW_UNSIGNED: '1' };
  const startedAt = Date.now();
  service = await openService(undefined, settings, { now: () => startedAt });
  const registry = document('Registry', { plugins: { example: {} } });
  const files = { ...smallRegistry, 'registry.yaml': registry };
  org = await openOrg(service, { files });
  other = await openOrg(service, { org: 'beta', files });
});

afterAll(async () => {
  await org?.close();
  await other?.close();
  await service?.close();
  await rm(dir, { recursive: true, force: true });
});

async function call(path: string, { admin } = org) {
  const answer = await askRaw(service.url, `/api/v1/plugin/example/${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${admin}` },
  });
  const { 'x-waymark-error': code = null, 'retry-after': retryAfter } = answer.headers;
  return { status: answer.status, code, ...(retryAfter && { retryAfter }) };
}

const askGate = () =>
  evaluateGate(service.plugins, {
    org: 'tools',
    gate: 'example.open',
    config: {},
    promotion: {},
    release: {},
    environment: {},
    now: new Date(0).toISOString(),
    requestId: 'req-gate',
  });

const fine = { status: 200, code: null };
const open = (retryAfter: string) => ({ status: 503, code: 'PLG_BREAKER_OPEN', retryAfter });

/** Fault 20 and acceptance of docs/spec/plugin-host.md, "Breaker". */
describe('the breaker', () => {
  it('stays closed while a plugin only throws', async () => {
    for (let i = 0; i < 5; i += 1) {
      expect(await call('throws')).toEqual({ status: 500, code: 'PLG_HANDLER_ERROR' });
    }

    expect(await call('fine')).toEqual(fine);
  });

  it('lets a gate say what it found', async () => {
    expect(await askGate()).toEqual({ status: 'pass', message: 'nothing is against it' });
  });

  it('opens at the third fault, of whatever kind, for that organisation alone', async () => {
    expect(await call('loops')).toMatchObject({ status: 504, code: 'PLG_TIMEOUT' });
    expect(await call('bombs')).toMatchObject({ status: 502, code: 'PLG_OUT_OF_MEMORY' });
    expect(await call('fine')).toEqual(fine);
    expect(await call('lies')).toMatchObject({ status: 502, code: 'PLG_BAD_RESPONSE' });

    expect(await call('fine')).toEqual(open('60'));
    expect(await call('fine', other)).toEqual(fine);
    expect(service.plugins.find('tools', 'example')?.health.breaker).toBe('open');
  });

  it('lets nothing pass the gate of a plugin that rests', async () => {
    expect(await askGate()).toEqual({
      status: 'error',
      reasonCode: 'GATE_EVALUATION_ERROR',
      message: 'example.open: PLG_BREAKER_OPEN',
    });
  });

  it('lets one call through after a minute, and opens for twice as long when that fails', async () => {
    service.advance(59_000);
    expect(await call('fine')).toEqual(open('1'));

    service.advance(1_000);
    const [probe, beside] = await Promise.all([call('loops'), call('fine')]);

    expect(new Set([probe.code, beside.code])).toEqual(
      new Set(['PLG_BREAKER_OPEN', 'PLG_TIMEOUT']),
    );
    expect(await call('fine')).toEqual(open('120'));
  });

  it('closes when the call that was let through is answered', async () => {
    service.advance(120_000);

    expect(await call('fine')).toEqual(fine);
    expect(await call('fine')).toEqual(fine);
    expect(service.plugins.find('tools', 'example')?.health.breaker).toBe('closed');
  });
});
