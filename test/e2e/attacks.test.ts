import { mkdir } from 'node:fs/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { TestClient } from '../support/client.ts';
import { runGit } from '../support/git.ts';
import { openSite, push, type Site, succeed } from '../support/site.ts';
import { command, smallRegistry } from '../support/small-registry.ts';
import {
  type Passing,
  startTamperingProxy,
  type Tamper,
  type TamperingProxy,
} from '../support/tampering-proxy.ts';

const DAY_MS = 86_400_000;
const INDEX = /\/delivery\/index/;
const MANIFEST = /\/plugins\/sales\/(?:releases\/[^/]+\/)?manifest/;
const DOWNLOAD = /\/plugins\/sales\/(?:releases\/[^/]+\/)?download/;
const TAG = /\/plugins\/sales\/releases\/[^/]+\/tag/;

let site: Site;
let proxy: TamperingProxy;
let tree: string;
let enroller: string;
/** Enrolled through the proxy while it was honest, with sales at its first commit. */
let client: TestClient;
let pushes = 0;

beforeAll(async () => {
  site = await openSite({ isEmpty: true });
  proxy = await startTamperingProxy(site.server.url);
  const publisher = await site.keyOf('--role', 'publisher');
  enroller = await site.keyOf('--role', 'editor', '--user', 'ada@example.com');
  tree = site.admin.path('tree');
  await mkdir(tree);
  await runGit(tree, ['init', '-q', '-b', 'main']);
  await runGit(tree, ['remote', 'add', 'origin', site.gitUrl(publisher)]);
  await push(tree, smallRegistry);
  await succeed(site.admin, 'release', 'publish', 'sales@1.0.0');
  await change();
  await succeed(site.admin, 'release', 'publish', 'sales@1.1.0');
  await succeed(site.admin, 'org', 'create', 'others');
  await succeed(site.admin, '--org', 'others', 'release', 'publish', 'sales@1.1.0');
}, 60_000);

afterAll(async () => {
  await proxy.close();
  await site.close();
});

beforeEach(async () => {
  proxy.tamper = undefined;
  client = await site.person(enroller);
  client.env['WAYMARK_URL'] = proxy.url;
  await succeed(client, 'enrol', '--name', 'laptop');
  await succeed(client, 'add', 'sales');
  proxy.tampered.length = 0;
});

/** A new commit of sales: there is something to fetch. */
async function change(): Promise<void> {
  pushes += 1;
  await push(tree, { 'plugins/sales/commands/quote.yaml': command(`Quote ${pushes}.`) });
}

const on =
  (path: RegExp, how: (answer: Passing) => Passing): Tamper =>
  (asked, answer) =>
    path.test(asked) ? how(answer) : undefined;

/** What the real server would answer somewhere else, to put in another's place. */
async function answerOf(
  path: string,
  { org = site.org, token = site.server.adminKey } = {},
): Promise<Passing> {
  const answer = await fetch(`${site.server.url}/v1/orgs/${org}/delivery${path}`, {
    headers: { authorization: `Bearer ${token}` },
  });
  expect(answer.status).toBe(200);
  return {
    status: 200,
    headers: Object.fromEntries(answer.headers),
    body: Buffer.from(await answer.arrayBuffer()),
  };
}

async function expectRefusal(argv: readonly string[], code: string): Promise<void> {
  const before = await client.files();

  const { exitCode, stderr } = await client.run(...argv);

  expect(proxy.tampered, 'nothing was tampered with').not.toEqual([]);
  expect(stderr).toContain(`waymark: ${code}: `);
  expect(exitCode).toBe(4);
  expect(await client.files()).toEqual(before);
  proxy.tamper = undefined;
  await succeed(client, ...argv);
}

describe('waymark sync through somebody who', () => {
  it('answers an index of yesterday', async () => {
    const old = await answerOf('/index');
    await change();
    await succeed(client, 'sync');
    await change();
    proxy.tamper = on(INDEX, () => old);

    await expectRefusal(['sync'], 'INDEX_ROLLED_BACK');
  });

  it('answers the same index until it has expired', async () => {
    const old = await answerOf('/index');
    proxy.tamper = on(INDEX, () => old);
    const later = Date.now() + 2 * DAY_MS;
    const today = Object.getOwnPropertyDescriptor(client, 'nowMs')!;
    const before = await client.files();
    Object.defineProperty(client, 'nowMs', { get: () => later });

    const { exitCode, stderr } = await client.run('sync');

    Object.defineProperty(client, 'nowMs', today);
    expect([exitCode, stderr]).toEqual([4, expect.stringContaining('INDEX_EXPIRED')]);
    expect(await client.files()).toEqual(before);
  });

  it('strips the index of its signature', async () => {
    await change();
    proxy.tamper = on(INDEX, (answer) => {
      const headers = { ...answer.headers };
      delete headers['x-waymark-signature'];
      return { ...answer, headers };
    });

    await expectRefusal(['sync'], 'SIGNATURE_INVALID');
  });

  it('changes what the index says', async () => {
    await change();
    proxy.tamper = on(INDEX, (answer) => ({
      ...answer,
      body: Buffer.from(answer.body.toString().replace('"sales"', '"salez"')),
    }));

    await expectRefusal(['sync'], 'SIGNATURE_INVALID');
  });

  it('answers the index of another organisation', async () => {
    await change();
    const other = await answerOf('/index', { org: 'others' });
    proxy.tamper = on(INDEX, () => other);

    await expectRefusal(['sync'], 'SIGNATURE_INVALID');
  });

  it('answers a manifest of yesterday to an index of today', async () => {
    const old = await answerOf('/plugins/sales/manifest');
    await change();
    proxy.tamper = on(MANIFEST, () => old);

    await expectRefusal(['sync'], 'MANIFEST_MISMATCH');
  });

  it('cuts a bundle off', async () => {
    await change();
    proxy.tamper = on(DOWNLOAD, ({ body, ...rest }) => ({
      ...rest,
      body: body.subarray(0, body.length - 100),
    }));

    await expectRefusal(['sync'], 'BUNDLE_REFUSED');
  });

  it('changes a byte of a bundle', async () => {
    await change();
    proxy.tamper = on(DOWNLOAD, ({ body, ...rest }) => {
      const changed = Buffer.from(body);
      changed[changed.length - 60]! ^= 1;
      return { ...rest, body: changed };
    });

    await expectRefusal(['sync'], 'BUNDLE_REFUSED');
  });

  it('answers another plugin’s bundle, sealed for this very client', async () => {
    await change();
    const { token } = JSON.parse(await client.read('.waymark/client.json'));
    const other = await answerOf('/plugins/ops/download', { token });
    proxy.tamper = on(DOWNLOAD, () => other);

    await expectRefusal(['sync'], 'BUNDLE_REFUSED');
  });

  it('takes the encryption away', async () => {
    await change();
    const plain = await answerOf('/plugins/sales/download');
    proxy.tamper = on(DOWNLOAD, () => plain);

    await expectRefusal(['sync'], 'BUNDLE_REFUSED');
  });

  it('never ends an index', async () => {
    await change();
    proxy.tamper = on(INDEX, ({ body, ...rest }) => ({
      ...rest,
      body: Buffer.concat([body, Buffer.alloc(64 * 1024 * 1024, ' ')]),
    }));

    await expectRefusal(['sync'], 'DOCUMENT_TOO_LARGE');
  });

  it('answers another release’s tag', async () => {
    const other = await answerOf('/plugins/sales/releases/1.0.0/tag');
    proxy.tamper = on(TAG, () => other);

    await expectRefusal(['add', 'sales@1.1.0'], 'RELEASE_MISMATCH');
  });

  it('answers another organisation’s tag', async () => {
    const other = await answerOf('/plugins/sales/releases/1.1.0/tag', { org: 'others' });
    proxy.tamper = on(TAG, () => other);

    await expectRefusal(['add', 'sales@1.1.0'], 'RELEASE_MISMATCH');
  });

  it('answers another organisation’s root for the next one', async () => {
    const other = await answerOf('/root', { org: 'others' });
    proxy.tamper = on(/\/delivery\/root\/2/, () => other);

    await expectRefusal(['sync'], 'ROOT_INVALID');
  });
});
