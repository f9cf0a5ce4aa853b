import { appendFile, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPluginKey, signPlugin } from '../../../src/signing/plugin-signature.ts';
import { makeSite, type Site } from '../../faults/site.ts';
import { processesOf } from '../../support/children.ts';
import { gitOutput, runGit, temporaryFolder } from '../../support/git.ts';
import { writePlugin } from '../../support/plugins.ts';

const KEY = 'the-management-key-of-this-test';
const author = createPluginKey();

const TRUSTED = (version: string) => `
  import fs from 'node:fs';
  const json = (value) => ({ Body: Buffer.from(JSON.stringify(value)).toString('base64') });
  const endpoints = {
    who: () => json({ version: '${version}', pid: process.pid, parent: process.ppid, env: process.env }),
    own: () => json(JSON.parse(fs.readFileSync('plugin.json', 'utf8')).id),
    outside: () => json(fs.readdirSync('..')),
    child: async () => (await import('node:child_process')).execSync('kill -9 $PPID'),
    kill: () => process.kill(process.ppid, 'SIGKILL'),
  };
  export default { 'api.handle': ({ Endpoint }) => endpoints[Endpoint]() };
`;

/** One way to go for each. */
const FALLING = {
  exits: 'process.exit(0);',
  bombs: `const all = [];
    for (;;) {
      all.push(new Uint8Array(1e7).fill(1));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }`,
  loops: 'console.log("it loops"); for (;;);',
};

const manifestOf = (id: string, paths: readonly string[]) => ({
  id,
  runtime: 'process',
  capabilities: { api_routes: true },
  apiRoutes: paths.map((path) => ({ method: 'GET', path })),
});

let dir: string;
let site: Site;

const writeTrusted = (version: string) =>
  writePlugin(dir, {
    manifest: manifestOf('trusted', ['who', 'own', 'outside', 'child', 'kill']),
    script: TRUSTED(version),
  });

/** As `waymark plugin sign` does. */
async function sign(id: string): Promise<void> {
  const folder = join(dir, id);
  await rm(join(folder, 'plugin.sig.json'), { force: true });
  const names = await readdir(folder);
  const files = await Promise.all(
    names.map(async (name) => [name, await readFile(join(folder, name))] as const),
  );
  await writeFile(join(folder, 'plugin.sig.json'), signPlugin(new Map(files), author.privateKey));
}

const settings = () => ({
  WAYMARK_PLUGINS_DIR: dir,
  WAYMARK_PLUGINS_ALLOW_UNSIGNED: '1',
  WAYMARK_PLUGIN_KEYS: author.publicKey,
  WAYMARK_MANAGEMENT_KEY: KEY,
});

beforeAll(async () => {
  dir = await temporaryFolder('waymark-processes-');
  await writeTrusted('1.0.0');
  await sign('trusted');
  for (const [id, does] of Object.entries(FALLING)) {
    const methods = `{ 'api.handle': async () => { ${does} } }`;
    await writePlugin(dir, { manifest: manifestOf(id, ['do']), methods });
    await sign(id);
  }
  await writePlugin(dir, { manifest: manifestOf('unsigned', ['do']) });
  site = await makeSite();
  await site.serve('', settings());
  const tree = await site.clone();
  const ids = ['trusted', 'unsigned', ...Object.keys(FALLING)];
  await appendFile(join(tree, 'registry.yaml'), ids.map((id) => `    ${id}: {}\n`).join(''));
  await runGit(tree, ['commit', '-qam', 'Enable them']);
  await gitOutput(tree, ['push', site.gitUrl(), 'HEAD:main']);
});

afterAll(async () => {
  await site?.remove();
  await rm(dir, { recursive: true, force: true });
});

const call = (path: string) => site.ask(`/api/v1/plugin/${path}`);
const manage = (path: string, { method = 'POST', key = KEY } = {}) =>
  fetch(`${site.server.url}/v0/management/plugins${path}`, {
    method,
    headers: { 'x-management-key': key, 'x-waymark-org': 'acme' },
  });

const outcomeOf = ({ status, headers }: Response) => [status, headers.get('x-waymark-error')];

interface Shown {
  id: string;
  runtime: string;
  signature: string;
  state: string;
  lastError: string | null;
  pending: { reason: string } | null;
}

async function shown(id: string): Promise<Shown> {
  const answer = await manage('', { method: 'GET' });
  const { data } = (await answer.json()) as { data: { plugins: Shown[] } };
  return data.plugins.find((one) => one.id === id)!;
}

async function who() {
  const answer = await call('trusted/who');
  expect(outcomeOf(answer)).toEqual([200, null]);
  return (await answer.json()) as { version: string; pid: number; parent: number; env: object };
}

describe('a plugin that is to run as a process', () => {
  it('does not before a site admin has approved what lies there', async () => {
    expect(outcomeOf(await call('trusted/who'))).toEqual([503, 'PLG_FAILED']);
    expect(await shown('trusted')).toMatchObject({
      runtime: 'process',
      signature: 'signed',
      state: 'failed',
      lastError:
        'PLG_PERMISSIONS: it runs as a process once a site admin has approved what lies there now',
    });
  });

  it('is approved with the management key alone', async () => {
    expect(outcomeOf(await manage('/trusted/approve', { key: 'wrong' }))[0]).toBe(401);
    expect(outcomeOf(await call('trusted/who'))).toEqual([503, 'PLG_FAILED']);

    expect((await manage('/trusted/approve')).status).toBe(200);

    const { pid, parent, env } = await who();
    expect(parent).toBe(site.server.pid);
    expect(pid).not.toBe(site.server.pid);
    expect(env).toEqual({});
    const approvals = site.query(
      'select actor, resource from audit where action = ?',
      'host-plugin.approve',
    );
    expect(approvals).toEqual([{ actor: 'system:management', resource: 'trusted' }]);
  });

  it('is never approved without a signature', async () => {
    expect(outcomeOf(await manage('/unsigned/approve'))).toEqual([422, 'PLG_UNSIGNED']);
    expect(await shown('unsigned')).toMatchObject({ state: 'failed', signature: 'unsigned' });
  });

  it('reads its folder, and reaches nothing else', async () => {
    const { pid } = await who();

    expect(await (await call('trusted/own')).json()).toBe('trusted');
    for (const path of ['outside', 'child', 'kill']) {
      expect(outcomeOf(await call(`trusted/${path}`)), path).toEqual([500, 'PLG_HANDLER_ERROR']);
    }
    expect((await who()).pid).toBe(pid);
  });

  it('stays approved across a restart, and ends with its server', async () => {
    const { pid } = await who();

    await site.serve('', settings());

    await expect.poll(() => isRunning(pid), { timeout: 30_000 }).toBe(false);
    expect((await who()).pid).not.toBe(pid);
  });
});

describe('a process that falls', () => {
  beforeAll(async () => {
    for (const id of Object.keys(FALLING))
      expect((await manage(`/${id}/approve`)).status).toBe(200);
  });

  it.each([
    ['exits', 500, 'PLG_HANDLER_ERROR'],
    ['bombs', 502, 'PLG_OUT_OF_MEMORY'],
    ['loops', 504, 'PLG_TIMEOUT'],
  ])('by itself, as one that %s: %i %s', async (id, status, code) => {
    const { pid } = await who();

    expect(outcomeOf(await call(`${id}/do`))).toEqual([status, code]);

    expect((await who()).pid).toBe(pid);
  });

  it('is killed with its server, also where it reads nothing any more', async () => {
    const loops = () => site.server.log().split('it loops').length;
    const before = loops();
    const asked = call('loops/do').catch(() => undefined);
    await expect.poll(loops).toBe(before + 1);
    const pids = await processesOf('process-guest', join(dir, 'loops'));
    expect(pids).toHaveLength(1);

    await site.serve('', settings());

    await expect.poll(() => isRunning(pids[0]!)).toBe(false);
    await asked;
  });
});

describe('a changed script', () => {
  it('runs once it is signed again and approved again; until then the old one serves', async () => {
    expect((await who()).version).toBe('1.0.0');

    await writeTrusted('2.0.0');
    await manage('/trusted/reload');
    expect((await who()).version).toBe('1.0.0');
    expect((await shown('trusted')).pending?.reason).toMatch(/^PLG_UNSIGNED: /);

    await sign('trusted');
    await manage('/trusted/reload');
    expect((await who()).version).toBe('1.0.0');
    expect((await shown('trusted')).pending?.reason).toMatch(/^PLG_PERMISSIONS: /);

    await manage('/trusted/approve');
    expect((await who()).version).toBe('2.0.0');
    expect((await shown('trusted')).pending).toBeNull();
  });
});

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
