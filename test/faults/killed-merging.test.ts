import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Failpoint } from '../../src/model/failpoint.ts';
import { runGit } from '../support/git.ts';
import { fsck } from './deeds.ts';
import { isFull, makeSite, ORG, type Site } from './site.ts';

interface Shown {
  number: number;
  head: string;
  source: string;
  status: string;
  mergeCommit: string | null;
}

let site: Site;
let turn = 0;
beforeAll(async () => {
  site = await makeSite();
});
afterAll(() => site.remove());

const git = (...args: string[]) => runGit(site.repo, args);

async function call<T = Shown>(path: string, body?: unknown): Promise<T> {
  const answer = await site.ask(`/api/v1/change-requests${path}`, body ? { body } : {});
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text}`);
  return (JSON.parse(text) as { data: T }).data;
}

const readme = 'plugins/sales/README.md';

async function edit() {
  turn += 1;
  const base = await git('rev-parse', 'main');
  const operations = [{ op: 'upsert', path: readme, content: `Turn ${turn}.\n` }];
  return { title: `Turn ${turn}`, base, operations };
}

/** Runs it on a server that is killed at the point, and starts the next one. */
async function killedAt(point: Failpoint, run: () => Promise<unknown>): Promise<void> {
  const server = await site.serve(`${point}=kill`);
  await expect(run()).rejects.toThrow();
  expect(await server.signal).toBe('SIGKILL');
  await site.serve();
}

const audited = (number: number) =>
  site
    .query<{ action: string }>(
      `select action from audit where tenant = ? and resource = ? order by sequence`,
      ORG,
      `change-requests/${number}`,
    )
    .map(({ action }) => action);

/** All of them, ten times over, by `npm run test:faults`. */
const some = (often: readonly Failpoint[], rest: readonly Failpoint[]): Failpoint[] =>
  isFull ? Array.from({ length: 10 }, () => [...often, ...rest]).flat() : [...often];

/** Faults 1 and 2 of docs/spec/reliability.md, of a change request. */
describe('a merge, its server killed', () => {
  const done = some(
    ['publish.ref-updated', 'publish.projected'],
    ['activate.artifacts-written', 'activate.before-swap', 'activate.swapped'],
  );

  it.each(done)('at %s is found to be done', async (point) => {
    const { number } = await call('', await edit());

    await killedAt(point, () => call(`/${number}/merge`, { method: 'squash' }));

    const shown = await call(`/${number}`);
    expect(shown).toMatchObject({ status: 'merged', mergeCommit: await git('rev-parse', 'main') });
    expect(await git('show', `main:${readme}`)).toBe(`Turn ${turn}.`);
    expect(audited(number)).toEqual(['change.create', 'change.merge']);
    await fsck(site);
  });

  it.each(some(['publish.intent-written'], ['publish.objects-written']))(
    'at %s has done nothing, and is done once the lease of the killed is over',
    async (point) => {
      const { number } = await call('', await edit());
      const before = await git('rev-parse', 'main');

      await killedAt(point, () => call(`/${number}/merge`, { method: 'squash' }));

      expect(await git('rev-parse', 'main')).toBe(before);
      expect(await call(`/${number}`)).toMatchObject({ status: 'open' });
      const early = call(`/${number}/merge`, { method: 'squash' });
      await expect(early).rejects.toThrow('is being changed or merged');
      site.query(
        `update change_request set pending = json_set(pending, '$.at', '2026-01-01T00:00:00.000Z')
         where org = ? and pending is not null`,
        ORG,
      );
      const merged = await call(`/${number}/merge`, { method: 'squash' });
      expect(merged).toMatchObject({ status: 'merged' });
      expect(audited(number)).toEqual(['change.create', 'change.merge']);
    },
  );
});

describe('a request from operations, its server killed', () => {
  const points = some(
    ['publish.objects-written', 'publish.ref-updated'],
    ['publish.intent-written', 'publish.projected'],
  );

  it.each(points)('at %s has its branch', async (point) => {
    await killedAt(point, async () => call('', await edit()));

    const [newest] = await call<Shown[]>('');
    const shown = await call(`/${newest?.number}`);

    expect(shown).toMatchObject({ status: 'open', source: `change/${shown.number}` });
    expect(await git('rev-parse', shown.source)).toBe(shown.head);
    expect(audited(shown.number)).toEqual(['change.create']);
    const merged = await call(`/${shown.number}/merge`, { method: 'merge' });
    expect(merged).toMatchObject({ status: 'merged' });
    await fsck(site);
  });
});
