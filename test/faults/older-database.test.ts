import { copyFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ChainedEntry, findBreak } from '../../src/model/audit-chain.ts';
import { runGit, temporaryFolder } from '../support/git.ts';
import { makeSite, ORG, type Site } from './site.ts';

let site: Site;
let backup: string;

beforeAll(async () => {
  site = await makeSite();
  backup = await temporaryFolder('waymark-backup-');
});
afterAll(async () => {
  await site.remove();
  await rm(backup, { recursive: true });
});

/** The database's files, as one that is not running leaves them. */
async function copyDatabase(from: string, to: string): Promise<void> {
  await site.server.kill('SIGKILL');
  for (const name of await readdir(site.dataDir)) {
    if (name.startsWith('waymark.db')) await rm(join(to, name), { force: true });
  }
  for (const name of await readdir(from)) {
    if (name.startsWith('waymark.db')) await copyFile(join(from, name), join(to, name));
  }
}

async function pushNews(tree: string, news: string): Promise<string> {
  await writeFile(join(tree, 'plugins/sales/NEWS.md'), news);
  await runGit(tree, ['add', '.']);
  await runGit(tree, ['commit', '-q', '-m', news]);
  // Each start has a port of its own.
  await runGit(tree, ['push', '-q', site.gitUrl(), 'HEAD:main']);
  return runGit(tree, ['rev-parse', 'HEAD']);
}

async function bodyOf(path: string): Promise<string> {
  const answer = await site.ask(path);
  expect(answer.status, path).toBe(200);
  return answer.text();
}

const sequenceOf = (index: string): number => (JSON.parse(index) as { sequence: number }).sequence;

const gaps = async (): Promise<ChainedEntry[]> => {
  const filter = encodeURIComponent('{"action":"audit.gap"}');
  const answer = await bodyOf(`/api/v1/audit?sort=sequence&filter=${filter}`);
  return (JSON.parse(answer) as { data: ChainedEntry[] }).data;
};

describe('a database that was restored older than its repositories', () => {
  it('is rebuilt from the refs, and says what its audit log does not know', async () => {
    const tree = await site.clone();
    const known = await runGit(tree, ['rev-parse', 'HEAD']);
    await copyDatabase(site.dataDir, backup);
    await site.serve();
    const released = await pushNews(tree, 'for everybody');
    const version = { version: '1.1.0', commit: released };
    const made = await site.ask('/api/v1/components/sales/versions', { body: version });
    expect(made.status, await made.clone().text()).toBe(201);
    const { tagOid } = ((await made.json()) as { data: { tagOid: string } }).data;
    const head = await pushNews(tree, 'since the release');
    const documents = [
      'plugins/sales/manifest',
      'plugins/sales/releases/1.1.0/manifest',
      '/api/v1/components/sales/versions/1.1.0',
    ];
    const served = async () => {
      const answers = await Promise.all(documents.map(bodyOf));
      return answers.map((text) => text.replace(/"meta":.*/, ''));
    };
    const before = await served();
    await copyDatabase(backup, site.dataDir);
    const restoredSec = Math.floor(Date.now() / 1000);
    await site.serve();

    expect(await served()).toEqual(before);
    // What clients saw of the forgotten past is lower: it grew with the time.
    expect(sequenceOf(await bodyOf('index'))).toBeGreaterThanOrEqual(restoredSec);
    expect(await gaps()).toMatchObject([
      { resource: 'refs/tags/sales--v1.1.0', before: null, after: tagOid },
      { resource: 'refs/heads/main', before: known, after: head },
    ]);
    expect(JSON.parse(await bodyOf('/readyz'))).toMatchObject({
      status: 'degraded',
      degraded: [expect.stringContaining('audit log')],
    });
    const sql = `select desired, active from active_pointer where org = ? and channel = 'rolling'`;
    expect(site.query(sql, ORG)).toEqual([{ desired: head, active: head }]);
  });

  it('goes on with a chain that is whole, and says it once', async () => {
    const told = await gaps();

    await site.serve();

    expect(await gaps()).toEqual(told);
    const lines = (await bodyOf('/api/v1/audit?format=ndjson')).trim().split('\n');
    expect(findBreak(lines.map((line) => JSON.parse(line) as ChainedEntry))).toBeUndefined();
    expect(JSON.parse(await bodyOf('/readyz'))).toMatchObject({ status: 'ready' });
  });
});
