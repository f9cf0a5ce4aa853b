import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask } from '../support/app.ts';
import { type RunningServer, startServer } from '../support/server.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');

let readme: string;
let folder: string;
let server: RunningServer;

beforeAll(async () => {
  readme = await readFile(join(root, 'README.md'), 'utf8');
  folder = await mkdtemp(join(tmpdir(), 'waymark-readme-'));
  const env = { WAYMARK_OUTBOUND_ALLOW: '127.0.0.1' };
  server = await startServer({ dataDir: join(folder, 'data'), env });
});

afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

/** The shell lines under a heading, as they stand, but for the port. */
function linesUnder(heading: string): string {
  const section = readme.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  const [, lines = ''] = /```sh\n([\s\S]*?)```/.exec(section) ?? [];
  return lines.replaceAll('127.0.0.1:7420', new URL(server.url).host);
}

/** Pastes lines into a shell of a person who has git, curl, Node and `waymark`. */
async function paste(lines: string): Promise<string> {
  const script = `waymark() { node '${join(root, 'cli/waymark.mjs')}' "$@"; }\n${lines}`;
  const { stdout } = await run('/bin/sh', ['-euc', script], {
    cwd: folder,
    env: {
      PATH: `${dirname(process.execPath)}:${process.env['PATH']}`,
      HOME: folder,
      CI: 'true',
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_AUTHOR_NAME: 'Ada',
      GIT_AUTHOR_EMAIL: 'ada@example.com',
      GIT_COMMITTER_NAME: 'Ada',
      GIT_COMMITTER_EMAIL: 'ada@example.com',
    },
  });
  return stdout;
}

describe('README.md', () => {
  it('has exactly two commands to set up', () => {
    expect(readme.match(/^ {4}npm .*$/gm)).toEqual([
      '    npm install && npm start',
      '    npm install && npm test',
    ]);
  });

  it('starts with lines that work when they are pasted', async () => {
    const said = await paste(linesUnder('Start it'));

    expect(said).toMatch('"_type":"index"');
    expect(said).toMatch('"layout":"raw"');
  });

  it('walks from a push to a verified install', async () => {
    await paste(linesUnder('A walk through'));

    const brief = 'project/.claude/plugins/sales/skills/account-brief/SKILL.md';
    expect(await readFile(join(folder, brief), 'utf8')).toMatch('language of the question');
  });

  it('goes on to a change that somebody else has approved', async () => {
    const said = await paste(linesUnder('Edit by pull request'));

    expect(said).toMatch('… approvals: 0 of 1 approvals');
    expect(said).toMatch(/rolling: sales updated/);
    expect(said).toMatch(/^merged #1 into main as [0-9a-f]{40}$/m);
  });

  it('follows another repository', async () => {
    const upstream = `${server.url}/git/acme.git`;
    await writeFile(join(folder, 'token'), server.adminKey);

    await paste(linesUnder('Follow another repository').replace(/https:\S+/, upstream));

    const headers = { 'x-waymark-org': 'tools' };
    const synced = await ask(`${server.url}/api/v1/upstream/sync`, {
      token: server.adminKey,
      headers,
      body: {},
    });
    expect(synced).toMatchObject({
      status: 200,
      body: { data: { head: expect.stringMatching(/^[0-9a-f]{40}$/) } },
    });
  });
});
