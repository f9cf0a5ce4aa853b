import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { acceptCondition } from '../../src/mirror/conditions.ts';
import { ZERO_OID } from '../../src/model/names.ts';
import { publishVersion } from '../../src/release/publish.ts';
import { makeRepository, type TestRepository } from '../support/git.ts';
import { type HttpBackend, serveHttpBackend } from '../support/http-backend.ts';
import { openMirror, type TestMirror } from '../support/mirror.ts';
import { plugin, registryYaml, skill, smallRegistry } from '../support/registry.ts';
import { makeSigningAuthor, signedBy } from '../support/signing-author.ts';

const MAIN = 'refs/heads/main';
const TAG = 'refs/tags/sales--v1.0.0';

let upstream: TestRepository;
let server: HttpBackend;
let test: TestMirror;
let first: string;

beforeEach(async () => {
  upstream = await makeRepository(smallRegistry());
  first = upstream.head;
  server = await serveHttpBackend(upstream.path);
  test = await openMirror({ url: server.url });
  await test.sync();
});

afterEach(async () => {
  await test.close();
  await server.close();
  await upstream.remove();
});

const served = () => test.org.runtime.maybeView?.published.commit;
const read = (ref: string) => test.org.runtime.refs.read(ref);
const accept = (id: string) => {
  const { stores, nowMs } = test.org;
  const acting = { org: 'acme', actor: 'user:ada', requestId: 'r' };
  return acceptCondition(id, acting, { upstreams: stores.upstreams, clock: () => nowMs });
};
const onlyCondition = async () => {
  const conditions = await test.conditions();
  expect(conditions).toHaveLength(1);
  return conditions[0]!;
};

/** Puts another history behind the upstream's `main`: from the first commit, or from nothing. */
async function rewrite(title: string): Promise<string> {
  return upstream.commit({ 'plugins/sales/plugin.yaml': plugin('', title) }, { from: first });
}

describe('a force-push upstream', () => {
  let second: string;

  beforeEach(async () => {
    second = await upstream.commit({ 'plugins/ops/skills/page.yaml': skill('page') });
    await test.sync();
  });

  it('raises a condition, and the old state stays served', async () => {
    const rewritten = await rewrite('Rewritten');

    await test.sync();
    await test.sync();

    expect(served()).toBe(second);
    expect(await read('refs/upstream/heads/main')).toBe(second);
    const unseen = { acceptedAt: null, acceptedBy: null };
    expect(await onlyCondition()).toMatchObject({
      kind: 'force-push',
      ref: MAIN,
      old: second,
      new: rewritten,
      ...unseen,
    });
  });

  it('back to an older commit is one too', async () => {
    await upstream.git('update-ref', MAIN, first);

    await test.sync();

    expect(served()).toBe(second);
    expect(await onlyCondition()).toMatchObject({ kind: 'force-push', new: first });
  });

  it('does not hold up a new tag', async () => {
    await rewrite('Rewritten');
    await upstream.git('tag', '-a', '-m', 'new', 'ops--v1.0.0', 'main');

    await test.sync();

    expect(await read('refs/upstream/tags/ops--v1.0.0')).toBeDefined();
    expect(served()).toBe(second);
  });

  it('is followed once it is accepted, and the condition goes', async () => {
    const rewritten = await rewrite('Rewritten');
    await test.sync();

    await accept((await onlyCondition()).id);
    await test.sync();

    expect(served()).toBe(rewritten);
    expect(await read(MAIN)).toBe(rewritten);
    expect(await test.conditions()).toEqual([]);
  });

  it('that came after the accepted one is not followed', async () => {
    await rewrite('Rewritten');
    await test.sync();
    await accept((await onlyCondition()).id);
    const again = await rewrite('Once more');

    await test.sync();

    expect(served()).toBe(second);
    expect(await onlyCondition()).toMatchObject({ new: again, acceptedAt: null });
  });

  it('that is undone clears the condition', async () => {
    await rewrite('Rewritten');
    await test.sync();
    await upstream.git('update-ref', MAIN, second);

    await test.sync();

    expect(await test.conditions()).toEqual([]);
    expect(served()).toBe(second);
  });

  it('to what does not compile stays unserved though it is accepted', async () => {
    const broken = { 'plugins/sales/plugin.yaml': plugin('nonsense: 1') };
    await upstream.commit(broken, { from: first });
    await test.sync();

    await accept((await onlyCondition()).id);
    await test.sync();

    expect(served()).toBe(second);
    expect(await onlyCondition()).toMatchObject({ kind: 'broken-commit' });
  });

  it('by a change of the branch’s upstream is one as well', async () => {
    const other = await makeRepository(smallRegistry({ 'plugins/new/plugin.yaml': plugin() }));
    const elsewhere = await serveHttpBackend(other.path);
    try {
      const { upstreams } = test.org.stores;
      const { org: _org, version, ...settings } = await test.upstream();
      const entry = { at: '', tenant: 'acme', actor: 'x', action: 'x', resource: 'x' };
      await upstreams.replace('acme', { ...settings, url: elsewhere.url }, version, entry);

      await test.sync();

      expect(await onlyCondition()).toMatchObject({ kind: 'force-push', new: other.head });
      expect(served()).toBe(second);
    } finally {
      await elsewhere.close();
      await other.remove();
    }
  });
});

describe('a release tag upstream', () => {
  let published: string;

  beforeEach(async () => {
    await publishVersion(test.org.publishing, { plugin: 'sales', version: '1.0.0' });
    published = (await read(TAG))!;
    await upstream.git('fetch', '-q', test.org.runtime.repo, `${TAG}:${TAG}`);
    await test.sync();
  });

  it('that is the same as here is no news', async () => {
    expect(await read('refs/upstream/tags/sales--v1.0.0')).toBe(published);
    expect(await test.conditions()).toEqual([]);
  });

  it('that moved raises a condition, and the release stays served', async () => {
    await upstream.commit({ 'plugins/ops/skills/page.yaml': skill('page') });
    await upstream.git('tag', '-f', '-a', '-m', 'moved', 'sales--v1.0.0', 'main');
    const moved = await upstream.git('rev-parse', TAG);

    await test.sync();

    expect(await onlyCondition()).toMatchObject({
      kind: 'tag-moved',
      ref: TAG,
      old: published,
      new: moved,
    });
    expect(await read(TAG)).toBe(published);
    expect(await read('refs/upstream/tags/sales--v1.0.0')).toBe(published);
    const releases = await test.org.stores.publications.releases('acme');
    expect(releases).toMatchObject([{ tag: 'sales--v1.0.0', tagOid: published }]);
    // The branch is followed all the same.
    expect(served()).toBe(upstream.head);
  });

  it('that moved does not move a published release though it is accepted', async () => {
    await upstream.git('tag', '-f', '-a', '-m', 'moved', 'sales--v1.0.0', 'main');
    const moved = await upstream.git('rev-parse', TAG);
    await test.sync();

    await accept((await onlyCondition()).id);
    await test.sync();
    await test.sync();

    expect(await read('refs/upstream/tags/sales--v1.0.0')).toBe(moved);
    expect(await read(TAG)).toBe(published);
    expect(await test.conditions()).toEqual([]);
    expect(test.org.runtime.diagnostics).toEqual([]);
  });

  it('that vanished raises a condition, which accepting it ends', async () => {
    await upstream.git('tag', '-d', 'sales--v1.0.0');

    await test.sync();

    const condition = await onlyCondition();
    expect(condition).toMatchObject({ kind: 'tag-vanished', old: published, new: ZERO_OID });

    await accept(condition.id);
    await test.sync();
    await test.sync();

    expect(await test.conditions()).toEqual([]);
    expect(await read(TAG)).toBe(published);
  });

  it('that differs from the release here from the start is not fetched', async () => {
    await publishVersion(test.org.publishing, { plugin: 'sales', version: '2.0.0' });
    const ours = (await read('refs/tags/sales--v2.0.0'))!;
    await upstream.git('tag', '-a', '-m', 'theirs', 'sales--v2.0.0', 'main');

    await test.sync();

    expect(await onlyCondition()).toMatchObject({ kind: 'tag-moved', old: ours });
    expect(await read('refs/upstream/tags/sales--v2.0.0')).toBeUndefined();
  });
});

describe('an upstream whose registry asks for signed commits', () => {
  it('is followed only where a signer has signed', async () => {
    const author = await makeSigningAuthor('ada@example.com');
    try {
      const asking = registryYaml(
        `delivery: {defaultAccess: orgWide}, ${signedBy('ada', author.publicKey)}`,
      );
      const asked = await upstream.commit({ 'registry.yaml': asking });
      await test.sync();
      const unsigned = await upstream.commit({ 'plugins/ops/skills/page.yaml': skill('page') });

      await test.sync();

      expect(served()).toBe(asked);
      expect(await onlyCondition()).toMatchObject({
        kind: 'broken-commit',
        new: unsigned,
        diagnostics: [{ code: 'unsigned-commit' }],
      });

      const tree = await upstream.git('rev-parse', `${unsigned}^{tree}`);
      const signed = await author.commitTree(upstream.path, tree, asked);
      await upstream.git('update-ref', MAIN, signed);
      await test.sync();
      await accept((await test.conditions()).find(({ kind }) => kind === 'force-push')!.id);
      await test.sync();

      expect(served()).toBe(signed);
    } finally {
      await author.close();
    }
  });
});

describe('acceptCondition', () => {
  it('refuses what is not there, what is accepted, and a broken commit', async () => {
    await expect(accept('no-such-id')).rejects.toMatchObject({ code: 'RES_NOT_FOUND' });

    await upstream.commit({ 'plugins/ops/skills/page.yaml': skill('page') });
    await test.sync();
    await rewrite('Rewritten');
    await test.sync();
    const { id } = await onlyCondition();
    expect(await accept(id)).toMatchObject({ id, acceptedBy: 'user:ada' });
    await expect(accept(id)).rejects.toMatchObject({ code: 'RES_STATE_CONFLICT' });

    await upstream.git('update-ref', MAIN, (await read(MAIN))!);
    await upstream.commit({ 'plugins/sales/plugin.yaml': plugin('nonsense: 1') });
    await test.sync();
    const broken = await onlyCondition();
    await expect(accept(broken.id)).rejects.toMatchObject({ code: 'RES_STATE_CONFLICT' });
  });

  it('is in the audit log with what was accepted', async () => {
    await upstream.commit({ 'plugins/ops/skills/page.yaml': skill('page') });
    await test.sync();
    const rewritten = await rewrite('Rewritten');
    await test.sync();
    const { id, old } = await onlyCondition();

    await accept(id);

    expect(await test.org.stores.audit.list('acme', 0, 100)).toContainEqual(
      expect.objectContaining({
        actor: 'user:ada',
        action: 'upstream-condition.accept',
        resource: id,
        after: { kind: 'force-push', ref: MAIN, old, new: rewritten },
      }),
    );
  });
});
