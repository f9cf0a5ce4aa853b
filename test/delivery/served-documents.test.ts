import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { OrgRuntime } from '../../src/delivery/runtime.ts';
import { servedDocuments } from '../../src/delivery/served-documents.ts';
import { type Files, makeRepository, runGit, type TestRepository } from '../support/git.ts';

let repository: TestRepository;
let runtime: OrgRuntime;

beforeEach(async () => {
  repository = await makeRepository({ 'channels/beta.yaml': '1', 'channels/stable.yaml': '1' });
  runtime = { repo: repository.path } as OrgRuntime;
  serve('beta', 'stable');
});

afterEach(() => repository.remove());

/** `main`, with these channels. */
function serve(...names: string[]): void {
  const documents = names.map((name) => ({ path: `channels/${name}.yaml`, name }));
  const config = new Map([['channels', { documents }]]);
  Object.assign(runtime, { view: { published: { commit: repository.head, config } } });
}

const commit = async (files: Files, options = {}) => {
  const oid = await repository.commit(files, options);
  serve('beta', 'stable');
  return oid;
};

/** The minutes of the first commit and the last that wrote it. */
async function minutesOf(name: string): Promise<number[]> {
  const { written } = (await servedDocuments(runtime)).get(`channels/${name}.yaml`)!;
  return [written.createdAt, written.updatedAt].map((time) => new Date(time).getUTCMinutes());
}

describe('servedDocuments', () => {
  it('tells who wrote a document first and last, and when', async () => {
    await commit({ 'channels/beta.yaml': '2' });

    expect((await servedDocuments(runtime)).get('channels/beta.yaml')).toEqual({
      document: { path: 'channels/beta.yaml', name: 'beta' },
      commit: repository.head,
      written: {
        createdAt: '2026-01-01T00:00:00.000Z',
        createdBy: 'Ada Author',
        updatedAt: '2026-01-01T00:01:00.000Z',
        updatedBy: 'Ada Author',
      },
    });
    expect(await minutesOf('stable')).toEqual([0, 0]);
  });

  it('reads each commit once', async () => {
    const first = servedDocuments(runtime);

    expect(servedDocuments(runtime)).toBe(first);
    await commit({ 'plugins/x/plugin.yaml': '1' });
    expect(servedDocuments(runtime)).not.toBe(first);
  });

  it('takes up what a newer compiler makes of the same commit', async () => {
    serve('beta');
    await servedDocuments(runtime);
    serve('beta', 'stable');

    expect(await minutesOf('stable')).toEqual([0, 0]);
    serve('stable');
    expect([...(await servedDocuments(runtime)).keys()]).toEqual(['channels/stable.yaml']);
  });

  it('goes on from what it has read', async () => {
    await servedDocuments(runtime);
    await commit({ 'channels/beta.yaml': '2' });
    await commit({ 'plugins/x/plugin.yaml': '1' });

    expect([await minutesOf('beta'), await minutesOf('stable')]).toEqual([
      [0, 1],
      [0, 0],
    ]);
  });

  it('reads on from two commits that are asked for at once', async () => {
    const first = minutesOf('beta');
    await commit({ 'channels/beta.yaml': '2' });

    expect(await Promise.all([first, minutesOf('beta')])).toEqual([
      [0, 0],
      [0, 1],
    ]);
  });

  it.each([true, false])(
    'takes what was removed and added again for new: read before, %s',
    async (isKnown) => {
      if (isKnown) await servedDocuments(runtime);
      await repository.commit({ 'channels/beta.yaml': null });
      await commit({ 'channels/beta.yaml': '1' });

      expect(await minutesOf('beta')).toEqual([2, 2]);
    },
  );

  it('names who wrote what was merged', async () => {
    await servedDocuments(runtime);
    const from = repository.head;
    const side = await repository.commit({ 'channels/beta.yaml': '2' }, { branch: 'side', from });
    await repository.commit({ 'channels/stable.yaml': '2' });
    await commit({ 'channels/beta.yaml': '2' }, { merge: side });

    expect([await minutesOf('beta'), await minutesOf('stable')]).toEqual([
      [0, 1],
      [0, 2],
    ]);
  });

  it('begins anew where another history was put in place of what it has read', async () => {
    await servedDocuments(runtime);
    const other = await makeRepository({ 'README.md': 'other' });
    await other.commit({ 'channels/beta.yaml': 'x', 'channels/stable.yaml': 'x' });
    await repository.remove();
    repository = other;
    Object.assign(runtime, { repo: other.path });
    serve('beta', 'stable');

    expect(await minutesOf('beta')).toEqual([1, 1]);
  });

  it('refuses a document that no commit has brought, until there is one', async () => {
    serve('beta', 'gamma');

    await expect(servedDocuments(runtime)).rejects.toMatchObject({ code: 'REG_CORRUPT' });
    await repository.commit({ 'channels/gamma.yaml': '1' });
    serve('beta', 'gamma');
    expect(await minutesOf('gamma')).toEqual([1, 1]);
  });

  it('takes a clock that is far out for the last moment there is', async () => {
    const tree = await repository.git('rev-parse', 'HEAD^{tree}');
    const author = 'author Ada <a@example.com> 99999999999999 +0000';
    const text = `tree ${tree}\n${author}\n${author.replace('author', 'committer')}\n\nOdd\n`;
    const oid = await runGit(
      repository.path,
      ['hash-object', '-t', 'commit', '-w', '--stdin'],
      text,
    );
    repository.head = oid;
    serve('beta', 'stable');

    const { written } = (await servedDocuments(runtime)).get('channels/beta.yaml')!;
    expect(written.createdAt).toBe('9999-12-31T23:59:59.000Z');
  });
});
