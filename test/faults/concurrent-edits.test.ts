import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runGit } from '../support/git.ts';
import { audited, auditLength, fsck, projectionAndRefs, refOf } from './deeds.ts';
import { isFull, makeSite, ORG, type Site } from './site.ts';

const MAIN = 'refs/heads/main';
const PROCESSES = isFull ? 8 : 4;
const COMMITS = isFull ? 500 : 10;
const PATIENCE_MS = isFull ? 3_600_000 : 120_000;

/** Fault 28 of docs/spec/reliability.md, by the API rather than by git. */
let site: Site;

beforeAll(async () => {
  site = await makeSite();
});
afterAll(() => site.remove());

describe('processes that edit main one after the other', { timeout: PATIENCE_MS }, () => {
  it(`lose none of ${PROCESSES} times ${COMMITS}, in their order`, async () => {
    const before = await refOf(site, MAIN);
    const entriesBefore = auditLength(site);
    const editors = Array.from({ length: PROCESSES }, (_, i) => i);

    const runs = await Promise.all(editors.map((i) => runEditor(i, before)));

    expect(runs).toEqual(editors.map(() => ({ exitCode: 0, said: '' })));
    const log = await runGit(site.repo, ['log', '--reverse', '--format=%s', `${before}..${MAIN}`]);
    const subjects = log.split('\n');
    expect(subjects).toHaveLength(PROCESSES * COMMITS);
    for (const i of editors) {
      const own = subjects.filter((subject) => subject.startsWith(`${i} `));
      expect(own).toEqual(Array.from({ length: COMMITS }, (_, turn) => `${i} ${turn}`));
    }
    expect(audited(site, entriesBefore)).toHaveLength(PROCESSES * COMMITS);
    const { projection, refs } = await projectionAndRefs(site);
    expect(projection).toEqual(refs);
    expect(site.query('select * from intent where org = ?', ORG)).toEqual([]);
    await fsck(site);
  });
});

/** Each has a file of its own: they meet in the branch alone. */
function runEditor(i: number, base: string): Promise<{ exitCode: number | null; said: string }> {
  const env = {
    PATH: process.env['PATH'],
    URL: site.server.url,
    KEY: site.adminKey,
    ORG,
    BASE: base,
    EDITOR_NUMBER: String(i),
    COMMITS: String(COMMITS),
  };
  const program = join(import.meta.dirname, 'editor-process.ts');
  const stdio: ['ignore', 'pipe', 'pipe'] = ['ignore', 'pipe', 'pipe'];
  const child = spawn(process.execPath, [program], { env, stdio });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  return new Promise((resolve) => {
    child.once('close', (exitCode) => resolve({ exitCode, said }));
  });
}
