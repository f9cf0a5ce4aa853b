import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runGit } from '../support/git.ts';
import { fsck, projectionAndRefs, refOf } from './deeds.ts';
import { isFull, makeSite, ORG, type Site } from './site.ts';

const TURNS = isFull ? 10 : 2;
const WRITERS = 6;
const PUSHERS = 3;
/** The 10 s that running requests have, and the way out. */
const LIMIT_MS = isFull ? 12_000 : 60_000;

/** Fault 27 of docs/spec/reliability.md. */
describe('a server that is told to stop under load', { timeout: TURNS * 180_000 }, () => {
  let site: Site;

  beforeAll(async () => {
    site = await makeSite();
  });
  afterAll(() => site.remove());

  it.each(Array.from({ length: TURNS }, (_, turn) => turn))(
    'ends with 0, keeps what it acknowledged, and leaves nothing half done (%d)',
    async (turn) => {
      const load = await startLoad(turn);
      await load.isRunning;

      const startedAtMs = performance.now();
      const code = await site.server.kill('SIGTERM');
      const tookMs = performance.now() - startedAtMs;
      const { keys, branches } = await load.end();
      await site.serve();

      expect(code).toBe(0);
      expect(tookMs).toBeLessThan(LIMIT_MS);
      const stored = site.query<{ name: string }>('select name from api_key');
      expect(stored.map(({ name }) => name)).toEqual(expect.arrayContaining(keys));
      const heads = branches.map(async ([ref, commit]) => [ref, commit, await refOf(site, ref)]);
      for (const [ref, commit, head] of await Promise.all(heads)) expect(head, ref).toBe(commit);
      expect(site.query('select * from intent where org = ?', ORG)).toEqual([]);
      const { projection, refs } = await projectionAndRefs(site);
      expect(projection).toEqual(refs);
      expect(await (await site.ask('/readyz')).json()).toEqual({ status: 'ready', degraded: [] });
      await fsck(site);
    },
  );

  it('tells those who watch that nothing has changed, and ends at once', async () => {
    const { headers } = await site.ask('index');
    const watching = { 'if-none-match': headers.get('etag')!, prefer: 'wait=120' };
    const watchers = Promise.allSettled(
      Array.from({ length: 20 }, () => site.ask('index', { headers: watching })),
    );
    // Answered after all that came before it on the one thread.
    await site.ask('index');

    const startedAtMs = performance.now();
    const code = await site.server.kill('SIGTERM');
    const tookMs = performance.now() - startedAtMs;

    const statuses = (await watchers).map((one) => one.status === 'fulfilled' && one.value.status);
    expect(code).toBe(0);
    expect(tookMs).toBeLessThan(60_000);
    expect(new Set(statuses)).toEqual(new Set([304]));
  });

  /** People who write and push until nobody answers. */
  async function startLoad(turn: number) {
    const keys: string[] = [];
    const branches: [ref: string, commit: string][] = [];
    const enough = Promise.withResolvers<void>();
    const look = () => {
      if (keys.length > 2 * WRITERS && branches.length > 0) enough.resolve();
    };
    const write = async (writer: number): Promise<void> => {
      for (let i = 0; ; i++) {
        const name = `key-${turn}-${writer}-${i}`;
        const answer = await site.ask('/api/v1/api-keys', { body: { name, roles: ['viewer'] } });
        if (answer.status === 201) keys.push(name);
        look();
      }
    };
    const tree = await site.clone();
    const push = async (pusher: number): Promise<void> => {
      for (let i = 0; ; i++) {
        const ref = `refs/heads/branch-${turn}-${pusher}-${i}`;
        const message = ['-m', ref];
        const commit = await runGit(tree, ['commit-tree', 'HEAD^{tree}', '-p', 'HEAD', ...message]);
        await runGit(tree, ['push', '-q', 'origin', `${commit}:${ref}`]);
        branches.push([ref, commit]);
        look();
      }
    };
    const all = Promise.allSettled([
      ...Array.from({ length: WRITERS }, (_, i) => write(i)),
      ...Array.from({ length: PUSHERS }, (_, i) => push(i)),
    ]);
    return {
      isRunning: enough.promise,
      async end() {
        await all;
        return { keys, branches };
      },
    };
  }
});
