import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { repositoryPath } from '../../src/git/repository.ts';
import type { Failpoint } from '../../src/model/failpoint.ts';
import { processesOf } from '../support/children.ts';
import { makeRepository, runGit, type TestRepository } from '../support/git.ts';
import { type HttpBackend, serveHttpBackend } from '../support/http-backend.ts';
import { smallRegistry } from '../support/registry.ts';
import { isFull, makeSite, type Site } from './site.ts';

const MIRROR = 'mirrored';
const MAIN = 'refs/heads/main';
const env = { WAYMARK_OUTBOUND_ALLOW: '127.0.0.1' };

/** Whether `main` has moved by the kill. */
const POINTS: [Failpoint, boolean][] = [
  ['mirror.fetched', false],
  ['mirror.checked', false],
  ['mirror.promoted', true],
];
const ROUNDS = isFull ? 10 : 1;

/** Faults 1 and 2 of docs/spec/reliability.md, where the change comes from upstream. */
export function describeKilledMirroring(hit: Set<Failpoint>): void {
  describe('a mirror, its server killed', () => {
    let upstream: TestRepository;
    let backend: HttpBackend;
    let site: Site;
    let turn = 0;

    beforeAll(async () => {
      upstream = await makeRepository(smallRegistry());
      backend = await serveHttpBackend(upstream.path);
      site = await makeSite();
      await site.serve('', env);
      const body = { slug: MIRROR, mode: 'mirror', upstream: { url: backend.url } };
      const made = await site.ask('/api/v1/orgs', { body });
      expect(made.status, await made.text()).toBe(201);
      await askForSync();
      expect(await served()).toBe(upstream.head);
    });
    afterAll(async () => {
      await site.remove();
      await backend.close();
      await upstream.remove();
    });

    const repo = () => repositoryPath(site.dataDir, MIRROR);
    const mainNow = () => runGit(repo(), ['for-each-ref', '--format=%(objectname)', MAIN]);
    const commit = () =>
      upstream.commit({ 'objects/skills/turn.yaml': null, [`plugins/sales/${turn++}.txt`]: 'x' });
    const askForSync = () =>
      site.ask('/api/v1/upstream/sync', { body: {}, headers: { 'x-waymark-org': MIRROR } }).then(
        () => {},
        () => {},
      );

    async function served(): Promise<string | undefined> {
      const answer = await site.ask(`/v1/orgs/${MIRROR}/delivery/index?channel=rolling`);
      return ((await answer.json()) as { commit?: string }).commit;
    }

    const promotionsTo = (oid: string) =>
      site.query(
        `select sequence from audit where tenant = ? and action = 'mirror.promote' and after = ?`,
        MIRROR,
        JSON.stringify(oid),
      );

    async function expectWhole(head: string): Promise<void> {
      await expect.poll(served).toBe(head);
      expect(await mainNow()).toBe(head);
      expect(promotionsTo(head)).toHaveLength(1);
      await runGit(repo(), ['fsck', '--strict', '--no-dangling']);
    }

    const cases = POINTS.flatMap((row) => Array.from({ length: ROUNDS }, () => row));

    it.each(cases)('at %s goes on after the restart', async (point, hasMoved) => {
      const server = await site.serve(`${point}=kill`, env);
      const head = await commit();

      await askForSync();
      expect(await server.signal).toBe('SIGKILL');
      hit.add(point);
      expect((await mainNow()) === head).toBe(hasMoved);
      await site.serve('', env);

      await expectWhole(head);
    });

    it('during the fetch goes on after the restart', async () => {
      const server = await site.serve('', env);
      const head = await commit();
      const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>();
      const held: ServerResponse[] = [];
      // The first one lists the refs, the second one is the fetch.
      backend.intercept = ({ method }, response) => {
        if (method !== 'POST' || held.push(response) < 2) return false;
        arrive();
        return true;
      };

      const asked = askForSync();
      await arrived;
      await server.kill('SIGKILL');
      await asked;
      backend.intercept = () => false;
      held.at(-1)!.destroy();
      await site.serve('', env);

      await expectWhole(head);
    });

    it('leaves no git running', async () => {
      await site.server.kill('SIGTERM');

      await expect.poll(() => processesOf('git', backend.url), { timeout: 60_000 }).toEqual([]);
    });
  });
}
