import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runGit } from '../support/git.ts';
import { audited, auditLength, fsck, projectionAndRefs, refOf } from './deeds.ts';
import { isFull, makeSite, ORG, type Site } from './site.ts';

const MAIN = 'refs/heads/main';
/** A push that comes while too many wait is told to come again. */
const PATIENCE_MS = isFull ? 3_600_000 : 120_000;

/** Faults 17 and 28 of docs/spec/reliability.md. */
let site: Site;

beforeAll(async () => {
  site = await makeSite();
});
afterAll(() => site.remove());

describe('pushes at the same time', { timeout: PATIENCE_MS }, () => {
  const COUNT = isFull ? 1000 : 40;
  const AT_ONCE = isFull ? 100 : 40;

  it(`of ${COUNT} branches are all there, each in one audit entry`, async () => {
    const tree = await site.clone();
    const base = await refOf(site, MAIN);
    const entriesBefore = auditLength(site);
    const blobTree = await runGit(tree, ['rev-parse', 'HEAD^{tree}']);
    const commits = new Map<string, string>();
    for (let i = 0; i < COUNT; i++) {
      const commit = await runGit(tree, ['commit-tree', blobTree, '-p', base, '-m', `Commit ${i}`]);
      commits.set(`refs/heads/topic-${i}`, commit);
    }

    const acknowledged = await inParallel([...commits], AT_ONCE, ([ref, commit]) =>
      runGit(tree, ['push', '-q', site.gitUrl(), `${commit}:${ref}`]).then(
        () => ref,
        () => undefined,
      ),
    );

    const listed = await runGit(site.repo, [
      'for-each-ref',
      '--format=%(refname) %(objectname)',
      'refs/heads/topic-*',
    ]);
    expect(acknowledged).not.toContain(undefined);
    expect(listed.split('\n').sort()).toEqual([...commits].map((pair) => pair.join(' ')).sort());
    expect(
      audited(site, entriesBefore)
        .map(({ resource }) => resource)
        .sort(),
    ).toEqual([...commits.keys()].sort());
    await fsck(site);
  });

  it('of one commit to one branch: every pusher agrees, and there is one audit entry', async () => {
    const tree = await site.clone();
    await runGit(tree, ['commit', '-q', '--allow-empty', '-m', 'The same']);
    const commit = await runGit(tree, ['rev-parse', 'HEAD']);
    const entriesBefore = auditLength(site);

    await inParallel(Array.from({ length: 12 }), 12, () =>
      runGit(tree, ['push', '-q', site.gitUrl(), 'HEAD:main']).catch(() => {}),
    );

    expect(await refOf(site, MAIN)).toBe(commit);
    expect(audited(site, entriesBefore)).toEqual([{ resource: MAIN, after: commit }]);
    expect(site.query('select * from intent')).toEqual([]);
  });
});

describe('processes that push one commit after the other to main', { timeout: PATIENCE_MS }, () => {
  const PROCESSES = isFull ? 8 : 4;
  const COMMITS = isFull ? 500 : 10;

  it(`lose none of ${PROCESSES} times ${COMMITS}, in their order`, async () => {
    const before = await refOf(site, MAIN);
    const entriesBefore = auditLength(site);
    const trees = await Promise.all(Array.from({ length: PROCESSES }, () => site.clone()));
    for (const [i, tree] of trees.entries()) await prepare(tree, i);

    const exitCodes = await Promise.all(trees.map((tree, i) => runPusher(tree, i)));

    expect(exitCodes).toEqual(trees.map(() => 0));
    const log = await runGit(site.repo, ['log', '--reverse', '--format=%s', `${before}..${MAIN}`]);
    const subjects = log.split('\n');
    expect(subjects).toHaveLength(PROCESSES * COMMITS);
    for (let i = 0; i < PROCESSES; i++) {
      const own = subjects.filter((subject) => subject.startsWith(`${i} `));
      expect(own).toEqual(Array.from({ length: COMMITS }, (_, turn) => `${i} ${turn}`));
    }
    expect(audited(site, entriesBefore)).toHaveLength(PROCESSES * COMMITS);
    const { projection, refs } = await projectionAndRefs(site);
    expect(projection).toEqual(refs);
    expect(site.query('select * from intent where org = ?', ORG)).toEqual([]);
    await fsck(site);
  });

  /** Each process writes to a file of its own: they meet in the branch alone. */
  async function prepare(tree: string, i: number): Promise<void> {
    const file = join(tree, `plugins/sales/skills/account-brief/assets/${i}.md`);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, '');
  }

  /** Pushes until it is taken, on top of what the others have pushed meanwhile. */
  function runPusher(tree: string, i: number): Promise<number | null> {
    const script = `
      set -e
      turn=0
      while [ $turn -lt ${COMMITS} ]; do
        echo "$turn" >> plugins/sales/skills/account-brief/assets/${i}.md
        git add -A && git commit -q -m "${i} $turn"
        until git push -q "$URL" HEAD:main 2>/dev/null; do git pull -q --rebase "$URL" main; done
        turn=$((turn + 1))
      done`;
    const env = {
      PATH: process.env['PATH'],
      URL: site.gitUrl(),
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_AUTHOR_NAME: `Author ${i}`,
      GIT_AUTHOR_EMAIL: `${i}@example.com`,
      GIT_COMMITTER_NAME: `Author ${i}`,
      GIT_COMMITTER_EMAIL: `${i}@example.com`,
    };
    const child = spawn('sh', ['-c', script], { cwd: tree, env, stdio: 'ignore' });
    return new Promise((resolve) => child.once('close', (code) => resolve(code)));
  }
});

async function inParallel<Item, Result>(
  items: readonly Item[],
  atOnce: number,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const queue = items.entries();
  const worker = async () => {
    for (const [i, item] of queue) results[i] = await work(item);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return results;
}
