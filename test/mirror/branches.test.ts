import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeRepository, runGit, type TestRepository } from '../support/git.ts';
import { type HttpBackend, serveHttpBackend } from '../support/http-backend.ts';
import { openMirror, type TestMirror } from '../support/mirror.ts';
import { makeProvider } from '../support/records.ts';
import { plugin, skill, smallRegistry } from '../support/registry.ts';

let upstream: TestRepository;
let server: HttpBackend;
let test: TestMirror;

beforeEach(async () => {
  upstream = await makeRepository(smallRegistry());
  server = await serveHttpBackend(upstream.path);
});

afterEach(async () => {
  await test.close();
  await server.close();
  await upstream.remove();
});

const provider = makeProvider({ project: 'team/registry' });
const open = async (tokenRef: string | null = 'api-token') => {
  test = await openMirror({ url: server.url, provider: { ...provider, tokenRef } });
};
const branch = (name: string, title = name) =>
  upstream.commit(
    { 'plugins/sales/plugin.yaml': plugin('', title) },
    { branch: name, from: upstream.head },
  );
const held = async () => [...(await test.org.runtime.refs.list('refs/upstream/heads/')).keys()];
const poll = async () => {
  test.ordered.length = 0;
  test.mirror.hint();
  await test.mirror.settled();
};

describe('a sync of a mirror whose provider has a token', () => {
  it('has each head of the upstream validated, once', async () => {
    await open();
    const proposed = await branch('proposed');

    await poll();
    expect(test.ordered.toSorted()).toEqual(
      ['follow-pulls', `validate ${upstream.head}`, `validate ${proposed}`].toSorted(),
    );

    await poll();
    expect(test.ordered).toEqual(['follow-pulls']);
  });

  it('has what is new validated', async () => {
    await open();
    await branch('proposed');
    await poll();

    const next = await upstream.commit(
      { 'plugins/ops/skills/page.yaml': skill('page') },
      { branch: 'proposed' },
    );
    await poll();

    expect(test.ordered).toEqual(['follow-pulls', `validate ${next}`]);
  });

  it('has every head validated again when somebody asks for the sync', async () => {
    await open();
    await poll();
    test.ordered.length = 0;

    await test.sync();

    expect(test.ordered).toEqual(['follow-pulls', `validate ${upstream.head} again`]);
  });

  it('takes a branch that was rewritten, and raises no condition', async () => {
    await open();
    await branch('proposed', 'One');
    await poll();
    const other = await branch('proposed', 'Other');

    await poll();

    expect(test.ordered).toContain(`validate ${other}`);
    expect(await test.conditions()).toEqual([]);
  });

  it('forgets a branch that is gone, also for one whose name begins with it', async () => {
    await open();
    await branch('team');
    await poll();
    await upstream.git('update-ref', '-d', 'refs/heads/team');
    const inner = await branch('team/proposed', 'Inner');

    await poll();

    expect(test.ordered).toContain(`validate ${inner}`);
    expect(await held()).toEqual(['refs/upstream/heads/main', 'refs/upstream/heads/team/proposed']);
  });

  it('follows main though a branch cannot be fetched', async () => {
    await open();
    await upstream.git('update-ref', 'refs/heads/odd', await oddCommit());

    await poll();

    expect(test.org.runtime.view.published.commit).toBe(upstream.head);
    expect(await held()).toEqual(['refs/upstream/heads/main']);
    expect(test.org.logged).toContain('branches could not be fetched');
  });

  it('serves nothing of a branch', async () => {
    await open();
    await branch('proposed');

    await poll();

    expect(await test.org.runtime.refs.list('refs/heads/')).toEqual(
      new Map([['refs/heads/main', upstream.head]]),
    );
  });
});

describe('a sync of a mirror without a token', () => {
  it('orders nothing, and fetches no branch but the followed one', async () => {
    await open(null);
    await branch('proposed');

    await test.sync();

    expect(test.ordered).toEqual([]);
    expect(await held()).toEqual(['refs/upstream/heads/main']);
  });
});

/** One that `fsck` refuses: its author has no address. */
async function oddCommit(): Promise<string> {
  const tree = await upstream.git('rev-parse', 'main^{tree}');
  const text = `tree ${tree}\nauthor nobody 1 +0000\ncommitter nobody 1 +0000\n\nodd\n`;
  const write = ['hash-object', '-t', 'commit', '-w', '--literally', '--stdin'];
  return runGit(upstream.path, write, text);
}
