import { rm, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { archiveOf } from '../../../cli/plugin/archive.ts';
import { createPluginKey, signPlugin } from '../../../src/signing/plugin-signature.ts';
import { temporaryFolder } from '../../support/git.ts';
import { type OrgApi, openOrg } from '../../support/org-api.ts';
import { document } from '../../support/plugin-site.ts';
import { plainManifest } from '../../support/plugins.ts';
import { askRaw } from '../../support/raw-request.ts';
import { openReceiver, type Receiver } from '../../support/receiver.ts';
import { openService, type TestService } from '../../support/service.ts';
import { smallRegistry } from '../../support/small-registry.ts';

const KEY = 'the-management-key-of-this-test';
const author = createPluginKey();
const stranger = createPluginKey();

let dir: string;
let service: TestService;
let org: OrgApi;
let receiver: Receiver;
/** Answers that wait for the test, by what was told. */
let held: Map<string, ServerResponse>;
/** What the receiver does not answer at once. */
let holding: ReadonlySet<string>;

/** What plugins told of their lives, in order. */
const told = () => receiver.received.map(({ path }) => path.slice(1));

interface Package {
  id?: string;
  version?: string;
  manifest?: object;
  /** More of the method table; it may `await tell('something')`. */
  methods?: string;
  script?: string;
  signedBy?: { privateKey: string };
  /** Of files put in after they were signed. */
  later?: Readonly<Record<string, string>>;
}

/** Tells somebody else's server of its life, and says which version it is. */
const scriptOf = (id: string, version: string, methods: string) => `
  const tell = (what) => fetch('${receiver.url}/${id}/' + what, { method: 'POST' });
  export default {
    'plugin.register': async () => {
      await tell('register');
      return { metadata: { Name: 'Example', Version: '${version}', Author: 'Acme', GitHubRepository: 'acme/e' } };
    },
    'plugin.shutdown': async ({ reason }) => void (await tell('shutdown/' + reason)),
    'api.handle': () => ({ Body: btoa('${version}') }),
    ${methods}
  };
`;

async function putPackage({
  id = 'example',
  version = '1.0.0',
  manifest = {},
  methods = '',
  script = scriptOf(id, version, methods),
  signedBy = author,
  later = {},
}: Package = {}): Promise<void> {
  const written = {
    ...plainManifest(id),
    version,
    capabilities: { api_routes: true },
    apiRoutes: ['GET', 'POST'].map((method) => ({ method, path: 'do' })),
    permissions: { http: [{ hosts: ['127.0.0.1'], methods: ['POST'] }] },
    ...manifest,
  };
  const files = new Map([
    ['plugin.json', Buffer.from(JSON.stringify(written))],
    ['index.js', Buffer.from(script)],
  ]);
  files.set('plugin.sig.json', Buffer.from(signPlugin(files, signedBy.privateKey)));
  for (const [path, text] of Object.entries(later)) files.set(path, Buffer.from(text));
  await writeFile(join(dir, `${id}.tar.gz`), await archiveOf(files));
}

const bindings = (grants: readonly string[] = ['http']) => ({
  'registry.yaml': document('Registry', {
    plugins: Object.fromEntries(
      ['example', 'stuck', 'signed', 'modified', 'invalid', 'unsafe'].map((id) => [id, { grants }]),
    ),
  }),
});

beforeAll(async () => {
  dir = await temporaryFolder('waymark-lives-');
  receiver = await openReceiver();
  receiver.respond = (response) => {
    const what = told().at(-1)!;
    if (holding.has(what)) held.set(what, response);
    else response.writeHead(204).end();
  };
  await putPackage();
  service = await openService(undefined, {
    WAYMARK_PLUGINS_DIR: dir,
    WAYMARK_PLUGIN_KEYS: author.publicKey,
    WAYMARK_OUTBOUND_ALLOW: '127.0.0.1',
    WAYMARK_MANAGEMENT_KEY: KEY,
  });
  org = await openOrg(service, { files: { ...smallRegistry, ...bindings() } });
});

beforeEach(() => {
  held = new Map();
  holding = new Set();
  receiver.received.length = 0;
});

afterAll(async () => {
  await org?.close();
  await service?.close();
  await receiver?.close();
  await rm(dir, { recursive: true, force: true });
});

const call = (id = 'example', method = 'GET') =>
  askRaw(service.url, `/api/v1/plugin/${id}/do`, {
    method,
    headers: { authorization: `Bearer ${org.admin}` },
  });

async function manage(path: string, method = 'POST', body?: object) {
  const answer = await askRaw(service.url, `/v0/management/plugins${path}`, {
    method,
    headers: { 'x-management-key': KEY, 'content-type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  });
  expect(answer.status, answer.text).toBe(200);
  return JSON.parse(answer.text) as { data: { plugins: Shown[] } };
}

interface Shown {
  id: string;
  version: string;
  state: string;
  enabled: boolean;
  signature: string;
  lastError: string | null;
  pending: { version: string; reason: string } | null;
}

const shown = async (id = 'example') =>
  (await manage('', 'GET')).data.plugins.find((one) => one.id === id)!;

const setEnabled = (enabled: boolean) => manage('/example/enabled', 'PATCH', { enabled });
const reload = (id = 'example') => manage(`/${id}/reload`);

describe('a plugin that is taken down', () => {
  it('while it loads, is waited for, and then told so once', async () => {
    holding = new Set(['example/register']);
    const first = call();
    await expect.poll(() => held.size).toBe(1);

    let isDown = false;
    const down = setEnabled(false).then(() => {
      isDown = true;
    });
    await expect.poll(async () => (await shown()).enabled).toBe(false);
    expect(isDown).toBe(false);
    held.get('example/register')!.writeHead(204).end();
    await down;

    // By the time that it could be asked, it was off.
    expect((await first).status).toBe(404);
    expect(told()).toEqual(['example/register', 'example/shutdown/disabled']);
    expect((await call()).status).toBe(404);
  });

  it('is told so once for each time that it ran', async () => {
    await setEnabled(true);
    await call();
    await Promise.all([setEnabled(false), setEnabled(false)]);
    await setEnabled(true);
    await call();

    expect(told()).toEqual(['example/register', 'example/shutdown/disabled', 'example/register']);
  });
});

describe('a new version', () => {
  const versionOf = async () => (await call()).text;

  it.each([
    ['does not load', { script: 'export default {' }, /^PLG_FAILED: the script does not load/],
    [
      'says of itself what cannot be',
      { methods: `'plugin.register': () => ({ metadata: {} }),` },
      /^PLG_BAD_RESPONSE: plugin.register.metadata.Name is no text/,
    ],
    [
      'is unwell',
      { methods: `'plugin.health': () => ({ status: 'unhealthy', message: 'no database' }),` },
      /it is unhealthy: no database/,
    ],
    [
      'loops while it registers',
      { methods: `'plugin.register': () => { for (;;); },` },
      /^PLG_TIMEOUT: /,
    ],
    ['is for a later contract', { manifest: { schemaVersion: 2 } }, /^PLG_INCOMPATIBLE: /],
    [
      'asks for more than is granted',
      { manifest: { permissions: { http: [{ hosts: ['127.0.0.1'] }], kv: true } } },
      /^PLG_PERMISSIONS: it asks for kv, which is not granted/,
    ],
    ['is signed by a stranger', { signedBy: stranger }, /^PLG_UNSIGNED: /],
  ])('that %s leaves the old one serving', async (_what, broken, reason) => {
    expect(await versionOf()).toBe('1.0.0');

    await putPackage({ version: '2.0.0', ...broken });
    await reload();

    expect(await versionOf()).toBe('1.0.0');
    expect(await shown()).toMatchObject({
      version: '1.0.0',
      state: 'active',
      pending: { reason: expect.stringMatching(reason) },
    });
    expect(told()).not.toContain('example/shutdown/replaced');
  });

  it('that is greedier serves once it was granted that', async () => {
    const permissions = { http: [{ hosts: ['127.0.0.1'], methods: ['POST'] }], kv: true };
    await putPackage({ version: '2.0.0', manifest: { permissions } });
    await reload();
    expect(await versionOf()).toBe('1.0.0');

    await org.push(bindings(['http', 'kv']));

    await expect.poll(versionOf).toBe('2.0.0');
    expect((await shown()).pending).toBeNull();
    expect(told().filter((what) => what.startsWith('example/shutdown'))).toEqual([
      'example/shutdown/replaced',
    ]);
  });

  it('fails no request under load', async () => {
    const versions = ['3.0.0', '3.0.1', '3.0.2'];
    const answers: [status: number, text: string][] = [];
    let isSwapping = true;
    const lane = async (method: string) => {
      while (isSwapping) {
        const { status, text } = await call('example', method);
        answers.push([status, text]);
      }
    };
    const seen = () => new Set(answers.map(([, text]) => text));
    const swap = async () => {
      for (const version of versions) {
        await putPackage({ version });
        await reload();
        await expect.poll(seen).toContain(version);
      }
      isSwapping = false;
    };

    // What writes is never asked twice.
    await Promise.all([...['GET', 'GET', 'POST', 'POST', 'POST', 'POST'].map(lane), swap()]);

    expect(new Set(answers.map(([status]) => status))).toEqual(new Set([200]));
    expect(seen()).toEqual(new Set(['2.0.0', ...versions]));
  });
});

describe('what lies in the folder', () => {
  it('is named by its signature, and runs only where that holds', async () => {
    await putPackage({ id: 'signed' });
    await putPackage({ id: 'modified', later: { 'index.js': 'export default {};' } });
    await putPackage({ id: 'invalid', signedBy: stranger });
    await reload('signed');

    const outcomes = await Promise.all(
      ['signed', 'modified', 'invalid'].map(async (id) => {
        const { signature } = await shown(id);
        const answer = await call(id);
        return [signature, answer.status, answer.headers['x-waymark-error']];
      }),
    );

    expect(outcomes).toEqual([
      ['signed', 200, undefined],
      ['modified', 503, 'PLG_FAILED'],
      ['invalid', 503, 'PLG_FAILED'],
    ]);
    expect((await shown('modified')).lastError).toBe(
      'PLG_UNSIGNED: its files are not those that were signed',
    );
  });

  it.each([
    ['a path out of it', { '../index.js': '' }],
    ['an absolute one', { '/tmp/index.js': '' }],
    ['a hidden one', { 'a/../../index.js': '' }],
    ['more files than it may have', Object.fromEntries(filesOf(65))],
    ['more bytes than it may have', { 'large.bin': 'a'.repeat(3 * 1024 * 1024) }],
  ])('is refused whole as a package with %s', async (_what, later) => {
    await putPackage({ id: 'unsafe', later });
    await reload('unsafe');

    expect((await call('unsafe')).headers['x-waymark-error']).toBe('PLG_FAILED');
    expect(await shown('unsafe')).toMatchObject({
      state: 'failed',
      lastError: expect.stringMatching(/^PLG_MANIFEST: /),
    });
  });
});

describe('the end of the server', () => {
  it('lets go of calls that do not end, and tells each plugin once', async () => {
    const blocked = `'api.handle': () => Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1),`;
    const waiting = `'api.handle': async () => { await tell('wait'); return {}; },`;
    await putPackage({ id: 'stuck', methods: blocked });
    await putPackage({ id: 'signed', version: '2.0.0', methods: waiting });
    await reload('stuck');
    holding = new Set(['signed/wait']);
    const calls = Promise.allSettled([call('stuck'), call('signed')]);
    await expect.poll(() => held.size).toBe(1);
    await expect.poll(async () => (await shown('stuck')).state).toBe('loaded');

    await service.close();

    expect((await calls).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(
      told()
        // Whether the stuck one is stuck already, or still hears it, nobody can see.
        .filter((what) => /^(example|signed).shutdown.stopping$/.test(what))
        .toSorted(),
    ).toEqual(['example/shutdown/stopping', 'signed/shutdown/stopping']);
    service = undefined as never;
  });
});

function filesOf(count: number): [path: string, text: string][] {
  return Array.from({ length: count }, (_, i) => [`file-${i}.txt`, '']);
}
