import { randomBytes } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PushGate } from '../../src/git/gate.ts';
import { childrenOf } from '../support/children.ts';
import { makeRepository, runGit, type TestRepository, temporaryFolder } from '../support/git.ts';
import { type GitServer, gateWith, serveGit } from '../support/git-server.ts';

let repository: TestRepository;
let server: GitServer;
let folder: string;

beforeEach(async () => {
  repository = await makeRepository({ 'registry.yaml': 'first' });
  folder = await temporaryFolder('waymark-smart-http-');
  server = await serveGit(repository.path);
});

afterEach(async () => {
  await server.close();
  await repository.remove();
  await rm(folder, { recursive: true });
});

async function serveWith(gate: PushGate) {
  await server.close();
  server = await serveGit(repository.path, gate);
}

async function post(service: string, body: Buffer, headers: Record<string, string> = {}) {
  return await fetch(`${server.url}/git-${service}`, {
    method: 'POST',
    headers: { 'content-type': `application/x-git-${service}-request`, ...headers },
    body: new Uint8Array(body),
  });
}

const line = (text: string) => `${(text.length + 4).toString(16).padStart(4, '0')}${text}`;
const lsRefs = Buffer.from(`${line('command=ls-refs\n')}0001${line('ref-prefix refs/\n')}0000`);
const v2 = { 'git-protocol': 'version=2' };

describe('GET info/refs', () => {
  it('advertises protocol version 2, not to be cached', async () => {
    const answer = await fetch(`${server.url}/info/refs?service=git-upload-pack`, { headers: v2 });

    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('application/x-git-upload-pack-advertisement');
    expect(answer.headers.get('cache-control')).toBe('no-cache, max-age=0, must-revalidate');
    expect(await answer.text()).toMatch(/^000eversion 2\n/);
  });

  it('announces the service to older clients', async () => {
    const answer = await fetch(`${server.url}/info/refs?service=git-upload-pack`);

    expect(await answer.text()).toMatch(
      new RegExp(`^001e# service=git-upload-pack\n0000[0-9a-f]{4}${repository.head} HEAD`),
    );
  });

  it('forwards no other value of Git-Protocol', async () => {
    const headers = { 'git-protocol': 'version=2:side-door=1' };

    const answer = await fetch(`${server.url}/info/refs?service=git-upload-pack`, { headers });

    expect(await answer.text()).toMatch(/^001e# service=git-upload-pack/);
  });

  it('hides the server’s own refs', async () => {
    await repository.git('update-ref', 'refs/internal/keep/1', repository.head);

    const answer = await fetch(`${server.url}/info/refs?service=git-upload-pack`);

    expect(await answer.text()).not.toMatch('refs/internal');
  });
});

describe('POST git-upload-pack', () => {
  it.each(['0', '1', '2'])('serves a clone by protocol version %s', async (version) => {
    await runGit(folder, ['-c', `protocol.version=${version}`, 'clone', '-q', server.url, 'work']);

    expect(await runGit(join(folder, 'work'), ['rev-parse', 'HEAD'])).toBe(repository.head);
    expect(server.failures).toEqual([]);
  });

  it('serves a fetch of what is new, and a partial clone', async () => {
    await runGit(folder, ['clone', '-q', '--filter=blob:none', server.url, 'work']);
    const commit = await repository.commit({ 'registry.yaml': 'second' });

    await runGit(join(folder, 'work'), ['pull', '-q']);

    expect(await runGit(join(folder, 'work'), ['rev-parse', 'HEAD'])).toBe(commit);
  });

  it('inflates a gzipped request', async () => {
    const plain = await post('upload-pack', lsRefs, v2);
    const zipped = await post('upload-pack', gzipSync(lsRefs), {
      ...v2,
      'content-encoding': 'gzip',
    });

    expect(zipped.headers.get('content-type')).toBe('application/x-git-upload-pack-result');
    const answer = await zipped.text();
    expect(answer).toMatch(`${repository.head} refs/heads/main\n`);
    expect(answer).toBe(await plain.text());
  });

  it('serves on after a request whose gzip is damaged', async () => {
    const damaged = gzipSync(randomBytes(5000));
    damaged.fill(0, 100, 200);

    const broken = await post('upload-pack', damaged, { ...v2, 'content-encoding': 'gzip' })
      .then((answer) => answer.text())
      .catch(() => 'cut off');
    expect(() => gunzipSync(damaged)).toThrow();

    expect(broken).not.toMatch('refs/heads/main');
    expect((await post('upload-pack', lsRefs, v2)).status).toBe(200);
  });

  it('cuts off a request that inflates without end', async () => {
    const bomb = gzipSync(Buffer.alloc(40 * 1024 * 1024, '0'));

    const answer = post('upload-pack', bomb, { ...v2, 'content-encoding': 'gzip' });

    const text = await answer.then((a) => a.text()).catch(() => 'cut off');
    expect(text).not.toMatch('refs/heads/main');
    await expect.poll(() => childrenOf(repository.path, 'upload-pack')).toEqual([]);
  });

  it.each([
    [{ 'content-type': 'text/plain' }, 'content type'],
    [{ 'content-encoding': 'br' }, 'content encoding'],
  ])('refuses %j', async (headers, what) => {
    const answer = await post('upload-pack', lsRefs, headers as Record<string, string>);

    expect(answer.status).toBe(415);
    expect(server.failures).toMatchObject([{ code: 'VAL_MEDIA_TYPE' }]);
    expect(String(server.failures[0])).toMatch(what);
  });

  it('ends git when the client leaves', async () => {
    await repository.commit({ noise: randomBytes(30_000_000) });
    const want = Buffer.from(
      `${line('command=fetch')}0001${line(`want ${repository.head}\n`)}${line('done\n')}0000`,
    );
    const leave = new AbortController();
    const answer = await fetch(`${server.url}/git-upload-pack`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-git-upload-pack-request', ...v2 },
      body: want,
      signal: leave.signal,
    });
    const reader = answer.body?.getReader();
    await reader?.read();
    expect(await childrenOf(repository.path, 'upload-pack')).toHaveLength(1);

    leave.abort();

    await expect.poll(() => childrenOf(repository.path, 'upload-pack')).toEqual([]);
    expect((await post('upload-pack', lsRefs, v2)).status).toBe(200);
  });
});

describe('concurrent pushes', () => {
  it('lose no commit: 8 clones push 10 commits each', { timeout: 300_000 }, async () => {
    const served: string[] = [];
    await serveWith(
      gateWith({
        received: async (_push, applied) => {
          served.push(...applied.map((ref) => ref.new));
        },
      }),
    );

    const acknowledged = await Promise.all(
      Array.from({ length: 8 }, (_, clone) => pushMany(`clone-${clone}`, 10)),
    );

    const commits = await repository.git('rev-list', '--first-parent', 'main');
    for (const commit of acknowledged.flat()) expect(commits).toMatch(commit);
    expect(commits.split('\n')).toHaveLength(81);
    expect(served.toSorted()).toEqual(acknowledged.flat().toSorted());
    await repository.git('fsck', '--strict');
    expect(server.failures).toEqual([]);
  });

  /** Pushes commits one by one, rebasing until each is taken. */
  async function pushMany(name: string, commits: number): Promise<string[]> {
    await runGit(folder, ['clone', '-q', server.url, name]);
    const work = join(folder, name);
    await mkdir(join(work, 'plugins', name), { recursive: true });
    const acknowledged: string[] = [];
    for (let turn = 0; turn < commits; turn += 1) {
      await writeFile(join(work, 'plugins', name, `${turn}.yaml`), `${turn}`);
      await runGit(work, ['add', '.']);
      await runGit(work, ['commit', '-q', '-m', `${name} ${turn}`]);
      for (let overtaken = 0; !(await isPushed(work)); overtaken += 1) {
        expect(overtaken, 'a push that is refused for ever').toBeLessThan(500);
        await runGit(work, ['pull', '-q', '--rebase']);
      }
      acknowledged.push(await runGit(work, ['rev-parse', 'HEAD']));
    }
    return acknowledged;
  }

  const isPushed = (work: string) =>
    runGit(work, ['push', '-q', 'origin', 'main']).then(
      () => true,
      (error: Error) => {
        // Overtaken before or after the lock: anything else is a fault.
        if (/fetch first|non-fast-forward|cannot lock ref|failed to update/.test(error.message)) {
          return false;
        }
        throw error;
      },
    );
});
