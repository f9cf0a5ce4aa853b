import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runGit } from '../support/git.ts';
import { makeSite, type Site } from './site.ts';

/** Git holds everything that is decided, so a lost store costs time and nothing else. */
let site: Site;

beforeAll(async () => {
  site = await makeSite();
  const tree = await site.clone();
  await writeFile(join(tree, 'plugins/sales/NEWS.md'), 'Something newer than the release.\n');
  await runGit(tree, ['add', '.']);
  await runGit(tree, ['commit', '-q', '-m', 'sales: move on from the release']);
  await runGit(tree, ['push', '-q']);
});
afterAll(() => site.remove());

/** What clients get, by path: bodies and, for documents, the bytes that are signed. */
async function everything(): Promise<Record<string, string>> {
  const paths = [
    'plugins/sales/manifest',
    'plugins/sales/releases/1.0.0/manifest',
    'plugins/sales/releases/1.0.0/manifest?layout=claude',
    'plugins/sales/download?encryption=none',
    'plugins/sales/releases/1.0.0/download?encryption=none',
  ];
  const answers: Record<string, string> = {};
  for (const path of paths) {
    const answer = await site.ask(path);
    expect(answer.status, path).toBe(200);
    answers[path] = Buffer.from(await answer.arrayBuffer()).toString('base64');
  }
  return answers;
}

describe('a server whose artifacts are lost', () => {
  it('serves the same bytes after a restart, made again from the repository', async () => {
    const before = await everything();
    await site.server.kill('SIGKILL');
    await rm(join(site.dataDir, 'artifacts'), { recursive: true });
    await rm(join(site.dataDir, 'bundles'), { recursive: true });

    await site.serve();

    expect(await everything()).toEqual(before);
    expect((await site.ask('index?channel=stable')).status).toBe(200);
  });

  it('makes a file again when only its segment is lost', async () => {
    const before = await everything();
    await site.server.kill('SIGKILL');
    await rm(join(site.dataDir, 'bundles'), { recursive: true });
    const segments = join(site.dataDir, 'artifacts', 'segments');
    const [oldest] = (await readdir(segments)).sort();
    await rm(join(segments, oldest!));

    await site.serve();

    expect(await everything()).toEqual(before);
  });
});
