import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gitOutput, runGit } from '../support/git.ts';
import { writePlugin } from '../support/plugins.ts';
import { makeSite, type Site } from './site.ts';

/** A deadline is 10 s; the rest is for a machine that does other things too. */
const AT_MOST_MS = 180_000;

/** What a server part does to its host, and what whoever calls its route is answered. */
const BOMBS: [id: string, script: string, status: number, code: string][] = [
  ['loop', 'for (;;);', 504, 'PLG_TIMEOUT'],
  ['native-loop', 'return [].indexOf.call({ length: 2 ** 53 - 1 }, 1);', 504, 'PLG_TIMEOUT'],
  ['promise', 'return new Promise(() => {});', 504, 'PLG_TIMEOUT'],
  [
    'heap',
    'const all = []; for (;;) all.push(new Array(1024).fill({}));',
    502,
    'PLG_OUT_OF_MEMORY',
  ],
  [
    'buffer',
    'const all = []; for (;;) all.push(new Uint8Array(1024 * 1024).fill(1));',
    502,
    'PLG_OUT_OF_MEMORY',
  ],
  ['output', `return { Body: 'QUFB'.repeat(2 ** 21) };`, 502, 'PLG_BAD_RESPONSE'],
  ['error', `throw new Error('x'.repeat(2 ** 24));`, 500, 'PLG_HANDLER_ERROR'],
  ['exit', 'process.exit(1);', 500, 'PLG_HANDLER_ERROR'],
  ['kill', `process.kill(process.ppid, 'SIGKILL');`, 500, 'PLG_HANDLER_ERROR'],
  [
    'constructor',
    `return globalThis.constructor.constructor('return process')().exit(1);`,
    500,
    'PLG_HANDLER_ERROR',
  ],
  ['import', `await import('node:process');`, 500, 'PLG_HANDLER_ERROR'],
];

const plugin = (id: string, script: string) => ({
  manifest: {
    id,
    capabilities: { api_routes: true, release_hook: true },
    hooks: ['release.published'],
    apiRoutes: [{ method: 'GET', path: 'do' }],
  },
  methods: `{
    'hook.handle': async () => { ${script} },
    'api.handle': async () => { ${script} },
  }`,
});

/** Fault 20 of docs/spec/reliability.md. */
describe('a bomb in a server part', () => {
  let dir: string;
  let site: Site;
  let pid: number;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'waymark-bombs-'));
    await writePlugin(dir, plugin('fine', `return { Body: btoa('fine') };`));
    for (const [id, script] of BOMBS) await writePlugin(dir, plugin(id, script));
    site = await makeSite();
    const env = { WAYMARK_PLUGINS_DIR: dir, WAYMARK_PLUGINS_ALLOW_UNSIGNED: '1' };
    ({ pid } = await site.serve('', env));
    const tree = await site.clone();
    const enabled = ['fine', ...BOMBS.map(([id]) => id)].map((id) => `    ${id}: {}\n`);
    await appendFile(join(tree, 'registry.yaml'), enabled.join(''));
    await runGit(tree, ['commit', '-qam', 'Enable them']);
    await gitOutput(tree, ['push', site.gitUrl(), 'HEAD:main']);
  });
  afterAll(async () => {
    await site?.remove();
    await rm(dir, { recursive: true, force: true });
  });

  const call = (id: string) => site.ask(`/api/v1/plugin/${id}/do`);

  /** The same process still answers, and so does another server part. */
  async function expectAlive(): Promise<void> {
    expect(await (await call('fine')).text()).toBe('fine');
    expect(process.kill(pid, 0)).toBe(true);
  }

  it.each(BOMBS)('%s, called by its route, harms nobody else', async (id, _, status, code) => {
    const answer = call(id);
    await expectAlive();

    const { status: answered, headers } = await answer;

    expect([answered, headers.get('x-waymark-error')]).toEqual([status, code]);
    await expectAlive();
  });

  it(
    'harms nobody else as a hook, nor what it is called for',
    async () => {
      const publishing = await site.ask('/api/v1/components/sales/versions', {
        body: { version: '9.0.0' },
      });
      expect(publishing.status).toBe(201);
      const { eventId } = site.query<{ eventId: string }>(
        `select id as eventId from hook_event
        where type = 'release.published' and data like '%sales--v9.0.0%'`,
      )[0]!;

      const outcomes = () => {
        const rows = site.query<{ binding: string; outcome: string }>(
          'select binding, outcome from hook_delivery where event_id = ?',
          eventId,
        );
        return Object.fromEntries(rows.map(({ binding, outcome }) => [binding, outcome]));
      };

      const bombs = BOMBS.map(([id]) => [id, id === 'output' ? expect.any(String) : 'failed']);
      const all = { fine: 'done', ...Object.fromEntries(bombs) };
      await expect.poll(outcomes, { timeout: AT_MOST_MS }).toMatchObject(all);
      await expectAlive();
    },
    AT_MOST_MS,
  );
});
