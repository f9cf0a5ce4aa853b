import { mkdir, readFile, writeFile } from 'node:fs/promises';
import http from 'node:http';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ZERO_OID } from '../../src/model/names.ts';
import { makeClient } from '../support/client.ts';
import { runGit } from '../support/git.ts';
import { zeroBomb } from '../support/zero-bomb.ts';
import { refOf } from './deeds.ts';
import { makeSite, ORG, type Site } from './site.ts';

const MAIN = 'refs/heads/main';
const MIB = 1024 * 1024;
/** Two seconds are the promise; the rest is for a machine that does other things too. */
const AT_MOST_MS = 120_000;

const contextFile = 'plugins/sales/contexts/bomb.yaml';
const context = (body: string): string =>
  `apiVersion: waymark/v1\nkind: Context\nmetadata: {title: Bomb}\nspec:\n${body}`;

const laughs = (): string => {
  const levels = Array.from({ length: 9 }, (_, i) => {
    const last = i === 0 ? 'ha' : `*a${i - 1}`;
    return `  l${i}: &a${i} [${Array.from({ length: 9 }, () => last).join(', ')}]\n`;
  });
  return context(levels.join(''));
};

/** One file each, that would cost more than the whole machine has. */
const FILES: [what: string, text: string][] = [
  ['aliases of aliases', laughs()],
  ['deep nesting in flow', context(`  body: ${'['.repeat(100_000)}\n`)],
  ['deep nesting in blocks', context(`  body:${'\n - '.repeat(50)}${'- '.repeat(20_000)}x\n`)],
  [
    'a map of 20,000 keys',
    context(Array.from({ length: 20_000 }, (_, i) => `  k${i}: 1\n`).join('')),
  ],
  [
    '20,000 unknown fields',
    context(
      `  body: x\n  ? {${Array.from({ length: 20_000 }, (_, i) => `k${i}: 1`).join(', ')}}\n  : x\n`,
    ),
  ],
  ['a document of 4 MiB', context(`  body: "${'x'.repeat(4 * MIB)}"\n`)],
  ['100,000 documents', '---\nx: 1\n'.repeat(20_000)],
  ['a merge of itself', context('  body: &a\n    <<: *a\n')],
  ['a number of 100,000 digits', context(`  body: ${'9'.repeat(100_000)}\n`)],
  ['50,000 tags', context(`  body: ${'!!a '.repeat(50_000)}x\n`)],
  ['an endless quote', context(`  body: "${'\\"'.repeat(100_000)}\n`)],
];

/** Fault 24 of docs/spec/reliability.md. */
describe('a bomb', () => {
  let site: Site;
  let tree: string;
  let pid: number;
  let head: string;
  let startedAt: number;

  beforeAll(async () => {
    site = await makeSite();
    tree = await site.clone();
    pid = site.server.pid;
    head = await refOf(site, MAIN);
  });
  afterAll(() => site.remove());

  beforeEach(async () => {
    await runGit(tree, ['reset', '-q', '--hard', head]);
    startedAt = performance.now();
  });
  afterEach(async () => {
    expect(performance.now() - startedAt).toBeLessThan(AT_MOST_MS);
    // The same process serves the same commit.
    expect(() => process.kill(pid, 0)).not.toThrow();
    const manifest = await site.ask('plugins/sales/manifest?channel=rolling');
    expect(manifest.headers.get('x-waymark-commit')).toBe(head);
    expect(await refOf(site, MAIN)).toBe(head);
  });

  describe.each(FILES)('of %s', (_what, text) => {
    it('is refused with its place when it is pushed', async () => {
      await write(contextFile, text);
      await runGit(tree, ['add', '-A']);
      await runGit(tree, ['commit', '-qm', 'Bomb']);

      await expect(runGit(tree, ['push', site.gitUrl(), 'HEAD:main'])).rejects.toThrow(
        new RegExp(`remote: ${contextFile}:\\d+:\\d+ `),
      );
    });

    it('is refused by waymark validate', async () => {
      await write(contextFile, text);
      const client = await makeClient();

      const { exitCode, stdout } = await client.run('validate', tree);
      await client.remove();

      expect(exitCode).toBe(1);
      expect(stdout).toContain(contextFile);
    });
  });

  it('of trees in trees, 10 to the power of 12 files by 13 objects, is refused', async () => {
    const blob = await runGit(tree, ['hash-object', '-w', '--stdin'], 'x\n');
    let line = (name: string) => `100644 blob ${blob}\t${name}\n`;
    for (let level = 0; level < 12; level++) {
      const entries = Array.from({ length: 10 }, (_, i) => line(`n${i}`)).join('');
      const oid = await runGit(tree, ['mktree'], entries);
      line = (name) => `040000 tree ${oid}\t${name}\n`;
    }
    await pushRoot((await rootEntries()) + line('bomb'));
  });

  it('of one tree with 300,000 names is refused', async () => {
    const blob = await runGit(tree, ['hash-object', '-w', '--stdin'], 'x\n');
    const entries = Array.from({ length: 300_000 }, (_, i) => `100644 blob ${blob}\tn${i}\n`);
    const oid = await runGit(tree, ['mktree'], entries.join(''));
    await pushRoot(`${await rootEntries()}040000 tree ${oid}\tbomb\n`);
  });

  it('of a pack, 2 GiB of zeros in 2 MiB, is refused', async () => {
    const said = await sendPack(zeroBomb(2048), {});

    expect(said).toMatch(/unpack (?!ok)|cut off/);
  });

  it('of a gzipped request, 1 GiB in 1 MiB, is refused', async () => {
    const zeros = gzipSync(Buffer.alloc(64 * MIB));
    const members = Array.from({ length: 16 }, () => zeros);

    const said = await sendPack(Buffer.concat(members), { 'content-encoding': 'gzip' });

    expect(said).not.toMatch(/unpack ok/);
  });

  it.each([
    ['of 2 MiB', JSON.stringify({ version: 'x'.repeat(2 * MIB) }), 413],
    ['nested 100,000 deep', `${'['.repeat(100_000)}${']'.repeat(100_000)}`, 400],
    [
      'with 100,000 fields',
      `{${Array.from({ length: 60_000 }, (_, i) => `"k${i}":1`).join(',')}}`,
      400,
    ],
  ])('of JSON %s is refused', async (_what, body, status) => {
    const answer = await fetch(`${site.server.url}/api/v1/components/sales/versions`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${site.adminKey}`,
        'x-waymark-org': ORG,
        'content-type': 'application/json',
      },
      body,
    });

    expect(answer.status).toBe(status);
    expect((await answer.text()).length).toBeLessThan(100_000);
  });

  async function write(path: string, text: string): Promise<void> {
    await mkdir(dirname(join(tree, path)), { recursive: true });
    await writeFile(join(tree, path), text);
    expect(await readFile(join(tree, path), 'utf8')).toBe(text);
  }

  const rootEntries = async (): Promise<string> => `${await runGit(tree, ['ls-tree', 'HEAD'])}\n`;

  async function pushRoot(entries: string): Promise<void> {
    const root = await runGit(tree, ['mktree'], entries);
    const commit = await runGit(tree, ['commit-tree', root, '-p', head, '-m', 'Bomb']);
    startedAt = performance.now();
    await expect(runGit(tree, ['push', site.gitUrl(), `${commit}:main`])).rejects.toThrow(
      /remote: (bomb|\.):1:1 .*(more than|limit)/,
    );
  }

  async function sendPack(body: Buffer, headers: Record<string, string>): Promise<string> {
    const command = `${ZERO_OID} ${'b'.repeat(40)} refs/heads/bomb\0 report-status`;
    const line = `${(command.length + 4).toString(16).padStart(4, '0')}${command}0000`;
    const isPlain = headers['content-encoding'] === undefined;
    const whole = isPlain
      ? Buffer.concat([Buffer.from(line), body])
      : Buffer.concat([gzipSync(line), body]);
    return await postAlone(`${site.server.url}/git/${ORG}.git/git-receive-pack`, whole, {
      authorization: `Basic ${Buffer.from(`x:${site.adminKey}`).toString('base64')}`,
      'content-type': 'application/x-git-receive-pack-request',
      ...headers,
    });
  }
});

/** Over a connection of its own: the server may well end it. */
function postAlone(url: string, body: Buffer, headers: Record<string, string>): Promise<string> {
  return new Promise((resolve) => {
    const request = http.request(url, { method: 'POST', agent: false, headers }, (answer) => {
      text(answer).then(resolve, () => resolve('cut off'));
    });
    request.on('error', () => resolve('cut off'));
    request.end(body);
  });
}
