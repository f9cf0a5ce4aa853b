import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Lookup } from '../../../src/outbound/guard.ts';
import { createPluginKey } from '../../../src/signing/plugin-signature.ts';
import { ask } from '../../support/app.ts';
import { temporaryFolder } from '../../support/git.ts';
import { type OrgApi, openOrg } from '../../support/org-api.ts';
import { signWritten, writePlugin } from '../../support/plugins.ts';
import { openReceiver, type Receiver } from '../../support/receiver.ts';
import { openService, type TestService } from '../../support/service.ts';
import { smallRegistry } from '../../support/small-registry.ts';

/** Of this machine both: the one stands for the internet, the other for what must not be reached. */
const OUTSIDE = '127.0.0.2';
const INSIDE = '127.0.0.1';
const NOT_PUBLIC = 'the host is not on the public internet: WAYMARK_OUTBOUND_ALLOW opens others';
const REDIRECTED = 'the answer is a redirect, which is not followed';

const REFUSED: Readonly<Record<string, string>> = {
  literal: '127.0.0.1',
  decimal: '2130706433',
  hex: '0x7f.1',
  mapped: '[::ffff:127.0.0.1]',
  compatible: '[::127.0.0.1]',
  localhost: 'localhost',
  metadata: '169.254.169.254',
  mixed: 'mixed.example',
};

const NAMES: Readonly<Record<string, readonly string[]>> = {
  localhost: [INSIDE],
  'mixed.example': [OUTSIDE, INSIDE],
  'outside.example': [OUTSIDE],
};

let service: TestService;
let org: OrgApi;
let dir: string;
let inside: Receiver;
let outside: Receiver;
/** What was asked of the name servers of a name whose owner changes it. */
let rebound: string[];

const lookup: Lookup = async (host) => {
  if (!host.startsWith('rebinding')) return NAMES[host]!.map((address) => ({ address }));
  const address = rebound.includes(host) ? INSIDE : OUTSIDE;
  rebound.push(host);
  return [{ address }];
};

/** By the names of their namespaces, and of the plugin's targets. */
const targets = (): Record<string, string> => ({
  ...Object.fromEntries(Object.entries(REFUSED).map(([id, host]) => [id, urlAt(host)])),
  reached: urlAt('outside.example'),
  redirect: `http://outside.example:${outside.port}/moved`,
  rebinding: urlAt('rebinding.example'),
});
const urlAt = (host: string) => `http://${host}:${inside.port}/hook`;

beforeAll(async () => {
  inside = await openReceiver({ host: INSIDE });
  outside = await openReceiver({ host: OUTSIDE, port: inside.port });
  outside.respond = (response) => {
    const isMoved = outside.received.at(-1)?.path === '/moved';
    if (isMoved) response.writeHead(302, { location: `${inside.url}/stolen` }).end();
    else response.writeHead(200).end('hello from outside');
  };
  rebound = [];
  dir = await temporaryFolder('waymark-plugins-');
  const publicKey = await writeSigned(dir);
  service = await openService(
    undefined,
    {
      WAYMARK_PLUGINS_DIR: dir,
      WAYMARK_PLUGIN_KEYS: publicKey,
      WAYMARK_OUTBOUND_ALLOW: OUTSIDE,
    },
    { lookup },
  );
  org = await openOrg(service, { files: registry() });
});
afterAll(async () => {
  await org?.close();
  await service?.close();
  await inside?.close();
  await outside?.close();
  await rm(dir, { recursive: true, force: true });
});

/** A plugin of the host that fetches whatever it is told to. Answers the key that it is signed by. */
async function writeSigned(pluginsDir: string): Promise<string> {
  const hosts = Object.keys(targets()).map((name) => `config:/targets/${name}`);
  const plugin = await writePlugin(pluginsDir, {
    manifest: {
      id: 'caller',
      capabilities: { api_routes: true },
      apiRoutes: [{ method: 'GET', path: 'fetch/[target]' }],
      permissions: { http: [{ hosts }] },
      configSchema: { type: 'object', properties: { targets: { type: 'object' } } },
    },
    methods: `{
      'api.handle': async ({ Params, context }) => {
        const tell = (answer) => ({ Body: btoa(JSON.stringify(answer)) });
        try {
          const response = await fetch(context.config.targets[Params.target]);
          return tell({ status: response.status, text: await response.text() });
        } catch ({ code, message, details }) {
          return tell({ code, message, details });
        }
      },
    }`,
  });
  const { privateKey, publicKey } = createPluginKey();
  await signWritten(plugin, privateKey);
  return publicKey;
}

const document = (kind: string, spec: object): string =>
  JSON.stringify({ apiVersion: 'waymark/v1', kind, spec });

/** A namespace with a webhook for each target, all of which hear of `sales`. */
function registry(): Record<string, string> {
  const namespaces = Object.entries(targets()).map(([id, url]) => {
    const plugins = { webhooks: { config: { url } } };
    const spec = { department: 'west', covers: { plugins: ['sales'] }, plugins };
    return [`namespaces/${id}.yaml`, document('Namespace', spec)] as const;
  });
  const plugins = {
    caller: { grants: ['http'], config: { targets: targets() } },
    webhooks: { config: { url: urlAt('outside.example'), events: [] } },
  };
  return {
    ...smallRegistry,
    'registry.yaml': document('Registry', { departments: { west: {} }, plugins }),
    ...Object.fromEntries(namespaces),
  };
}

const api = async <T>(path: string): Promise<T> => {
  const answer = await ask<T>(`${service.url}/api/v1${path}`, { token: org.admin });
  expect(answer.status, answer.text).toBe(200);
  return answer.body;
};
const fetched = (target: string) => api<object>(`/plugin/caller/fetch/${target}`);

describe('a fetch of a plugin in the sandbox', () => {
  it('reaches what is public', async () => {
    expect(await fetched('reached')).toEqual({ status: 200, text: 'hello from outside' });
  });

  it.each(Object.entries(REFUSED))('is refused: %s, %s', async (target) => {
    expect(await fetched(target)).toEqual({ code: 'INT_ENDPOINT_REFUSED', message: NOT_PUBLIC });
  });

  it('is refused a name whose owner has changed it meanwhile', async () => {
    expect(await fetched('rebinding')).toMatchObject({ status: 200 });
    expect(await fetched('rebinding')).toMatchObject({ code: 'INT_ENDPOINT_REFUSED' });

    // Once for each request: what was checked is what was connected to.
    expect(rebound).toEqual(['rebinding.example', 'rebinding.example']);
  });

  it('follows no redirect', async () => {
    expect(await fetched('redirect')).toEqual({
      code: 'UPSTREAM_FAILED',
      message: REDIRECTED,
      details: { reason: 'REDIRECTED' },
    });
  });
});

describe('a webhook', () => {
  interface State {
    sent: number;
    pending: number;
    lastError: string | null;
  }
  const state = async (target: string) => {
    const { data } = await api<{ data: State }>(`/webhooks/${target}.webhooks`);
    return data;
  };
  const triedTo = (target: string, expected: Partial<State>) =>
    expect.poll(() => state(target), { timeout: 60_000 }).toMatchObject(expected);
  const tell = (body: string) =>
    org.push({ 'plugins/sales/contexts/tone.yaml': document('Context', { body }) });

  beforeAll(async () => {
    rebound = [];
    await tell('Be kind.');
  });

  it('is sent to what is public', async () => {
    await triedTo('reached', { sent: 1, pending: 0 });
  });

  it.each(Object.entries(REFUSED))('is not sent: %s, %s', async (target) => {
    await triedTo(target, { sent: 0, pending: 1, lastError: NOT_PUBLIC });
  });

  it('follows no redirect', async () => {
    await triedTo('redirect', { sent: 0, pending: 1, lastError: REDIRECTED });
  });

  it('is not sent to a name whose owner has changed it meanwhile', async () => {
    await triedTo('rebinding', { sent: 1, pending: 0 });

    await tell('Be brief.');

    await triedTo('rebinding', { sent: 1, pending: 1, lastError: NOT_PUBLIC });
  });
});

it('nothing has reached what is inside', () => {
  expect(inside.received).toEqual([]);
});
