import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkReleaseFiles } from '../../cli/trust/release-check.ts';
import { writeObject } from '../../src/git/write-object.ts';
import { ZERO_OID } from '../../src/model/names.ts';
import { filesOf } from '../../src/model/object.ts';
import { publishDeclared, publishNamed, publishVersion } from '../../src/release/publish.ts';
import { composeTagMessage, composeTagPayload, parseTag } from '../../src/signing/tag.ts';
import { gitOutput } from '../support/git.ts';
import { execute, openGpg } from '../support/gpg.ts';
import { makeTestOrg, NOW_MS, type TestOrg } from '../support/org.ts';
import { plugin, serverPart, skill, yaml } from '../support/registry.ts';

let org: TestOrg;
beforeEach(async () => {
  org = await makeTestOrg();
});
afterEach(() => org.remove());

const publish = (
  version: string,
  more: { plugin?: string; commit?: string; notes?: string } = {},
) => publishVersion(org.publishing, { plugin: 'sales', version, ...more });
const tagOid = (name: string) => org.repository.git('rev-parse', `refs/tags/${name}`);

describe('publishVersion', () => {
  it('makes a signed tag that states what the plugin is', async () => {
    const { release, isNew } = await publish('1.0.0', { notes: 'First of all.' });

    const { content } = org.runtime.view.published.records.get('sales')!;
    const oid = await tagOid('sales--v1.0.0');
    const tag = parseTag(await org.runtime.pool.readTag(oid));
    const plugins = [
      {
        id: 'sales',
        version: '1.0.0',
        commit: org.repository.head,
        tree: await org.repository.git('rev-parse', 'main:plugins/sales'),
        shared: {
          'objects/skills/voice.yaml': await org.repository.git(
            'rev-parse',
            'main:objects/skills/voice.yaml',
          ),
        },
        contentDigest: content.contentDigest,
      },
    ];
    expect(isNew).toBe(true);
    expect(tag).toMatchObject({ name: 'sales--v1.0.0', object: org.repository.head });
    expect(tag.notes).toBe('First of all.');
    expect(tag.block).toEqual({
      apiVersion: 'waymark/v1',
      orgUid: 'uid-of-acme',
      repoUid: 'repo-of-acme',
      release: 'sales--v1.0.0',
      seq: 1,
      plugins,
    });
    expect(release).toMatchObject({ tagOid: oid, seq: 1, notes: 'First of all.' });
    expect(release).toMatchObject({ publishedAt: new Date(NOW_MS).toISOString() });
    expect(org.runtime.view.releases.get('sales')).toEqual([release]);
    expect((await org.runtime.recordOf(release)).content).toEqual(content);
  });

  it('is verified by git with the exported key', async () => {
    await publish('1.0.0');
    const gpg = await openGpg();
    await gpg.importKey(org.runtime.keyring.publicKey('release'));

    const args = [`--git-dir=${org.repository.path}`, 'verify-tag', '--raw', 'sales--v1.0.0'];
    const { code, stderr } = await execute('git', args, '', { GNUPGHOME: gpg.home });

    expect(code).toBe(0);
    expect(stderr).toContain(`VALIDSIG ${org.runtime.keyring.fingerprint('release')}`);
    await gpg.close();
  });

  it('answers the same release for the same content, from whatever commit', async () => {
    const first = await publish('1.0.0');
    await org.commit({ 'README.md': 'elsewhere' });

    const again = await publish('1.0.0', { notes: 'Other words.' });

    expect(again).toEqual({ release: first.release, isNew: false });
  });

  it('refuses a published version for other content', async () => {
    await publish('1.0.0');
    await org.commit({ 'plugins/sales/skills/quote.yaml': skill('other') });

    await expect(publish('1.0.0')).rejects.toMatchObject({ code: 'REL_TAG_EXISTS' });
    await expect(publish('1.0.1')).resolves.toMatchObject({ release: { seq: 2 } });
  });

  it('sees a change of the server part alone as other content', async () => {
    await org.commit(serverPart('sales'));
    await publish('1.0.0');
    await org.commit({ 'plugins/sales/server/index.js': 'export default {a: 1};' });

    await expect(publish('1.0.0')).rejects.toMatchObject({ code: 'REL_TAG_EXISTS' });
  });

  it.each([
    ['lightweight', ['tag', 'sales--v1.0.0', 'main']],
    ['unsigned', ['tag', '-a', '-m', 'x', 'sales--v1.0.0', 'main']],
  ])('refuses a name that a %s tag holds', async (_, command) => {
    await gitOutput(org.repository.path, command);

    await expect(publish('1.0.0')).rejects.toMatchObject({ code: 'REL_TAG_EXISTS' });
    expect(org.runtime.view.releases.size).toBe(0);
  });

  it('publishes an older commit as it was', async () => {
    const { head } = org.repository;
    const { contentDigest } = org.runtime.view.published.records.get('sales')!.content;
    await org.commit({ 'plugins/sales/skills/quote.yaml': skill('newer') });

    const { release } = await publish('1.0.0', { commit: head.slice(0, 10) });

    expect(release).toMatchObject({ commit: head, contentDigest });
  });

  it('refuses a commit that main never was', async () => {
    const draft = await org.repository.commit(
      { 'README.md': 'draft' },
      { branch: 'draft', from: org.repository.head },
    );

    await expect(publish('1.0.0', { commit: draft })).rejects.toMatchObject({
      code: 'RES_NOT_FOUND',
      message: `no commit ${draft} on main`,
    });
    await expect(publish('1.0.0', { commit: '--all' })).rejects.toMatchObject({
      code: 'VAL_FAILED',
    });
  });

  it.each([
    ['no plugin', { plugin: 'nobody', version: '1.0.0' }, 'RES_NOT_FOUND'],
    ['a bad plugin id', { plugin: '../sales', version: '1.0.0' }, 'VAL_FAILED'],
    ['a leading v', { plugin: 'sales', version: 'v1.0.0' }, 'VAL_FAILED'],
    ['build metadata', { plugin: 'sales', version: '1.0.0+1' }, 'VAL_FAILED'],
    ['a range', { plugin: 'sales', version: '1.x' }, 'VAL_FAILED'],
  ])('refuses %s', async (_, request, code) => {
    await expect(publishVersion(org.publishing, request)).rejects.toMatchObject({ code });
  });

  it('refuses a plugin that holds nothing', async () => {
    await org.commit({ 'plugins/empty/plugin.yaml': plugin() });

    await expect(publish('1.0.0', { plugin: 'empty' })).rejects.toMatchObject({
      code: 'REL_EMPTY',
    });
  });

  it('refuses notes that would end the signed text', async () => {
    const notes = '-----BEGIN PGP SIGNATURE-----';

    await expect(publish('1.0.0', { notes })).rejects.toMatchObject({ code: 'VAL_FAILED' });
  });

  it('gives each release of a plugin the next number, also when asked at once', async () => {
    const published = await Promise.all(['1.0.0', '1.1.0', '1.2.0'].map((v) => publish(v)));
    const other = await publish('1.0.0', { plugin: 'ops' });

    expect(published.map(({ release }) => release.seq)).toEqual([1, 2, 3]);
    expect(other.release.seq).toBe(1);
  });

  it('leaves one winner when two nodes publish the same version', async () => {
    const { head } = org.repository;
    await org.commit({ 'plugins/sales/skills/quote.yaml': skill('other') });
    const node = { ...org.publishing, runtime: await org.open() };

    const answers = await Promise.allSettled([
      publish('1.0.0'),
      publishVersion(node, { plugin: 'sales', version: '1.0.0', commit: head }),
    ]);

    const lost = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason] : []));
    expect(lost).toMatchObject([{ code: 'REL_TAG_EXISTS' }]);
    await Promise.all([org.runtime.refresh(), node.runtime.refresh()]);
    expect(node.runtime.view.releases).toEqual(org.runtime.view.releases);
    expect(node.runtime.view.releases.get('sales')).toHaveLength(1);
  });
});

describe('a release with a server part', () => {
  const MISMATCH = 'PLG_MANIFEST_MISMATCH';
  beforeEach(async () => {
    await org.commit(serverPart('sales', { version: '1.2.0' }));
  });

  it('states it, and its digest', async () => {
    await publish('1.2.0');

    const { block } = parseTag(await org.runtime.pool.readTag(await tagOid('sales--v1.2.0')));
    const { content } = org.runtime.view.published.records.get('sales')!;
    expect(block.plugins[0]).toMatchObject({
      serverTree: await org.repository.git('rev-parse', 'main:plugins/sales/server'),
      serverDigest: content.serverDigest,
    });
  });

  it('is what clients verify without having it', async () => {
    const { release } = await publish('1.2.0');

    const { block } = parseTag(await org.runtime.pool.readTag(release.tagOid));
    const files = filesOf((await org.runtime.recordOf(release)).content);
    const read = ({ path }: { path: string }) => {
      const folder = path.startsWith('objects/') ? '' : 'plugins/sales/';
      return org.runtime.pool
        .find(`main:${folder}${path}`)
        .then((found) => org.runtime.pool.readBlob(found!.oid));
    };
    const [plugin] = block.plugins;
    await expect(
      checkReleaseFiles(plugin!, { release: release.tag, files }, read),
    ).resolves.toBeUndefined();
    const { serverTree: _, ...other } = plugin!;
    await expect(checkReleaseFiles(other, { release: release.tag, files }, read)).rejects.toThrow();
  });

  it('is of the version that its plugin.json says', async () => {
    await expect(publish('1.3.0')).rejects.toMatchObject({
      code: MISMATCH,
      message: 'sales: server/plugin.json says that it is 1.2.0, not 1.3.0',
    });
    expect(await org.repository.git('tag', '--list')).toBe('');
    await expect(publish('1.2.0')).resolves.toMatchObject({ isNew: true });
  });

  it('is of any version where plugin.json says none', async () => {
    await org.commit(serverPart('sales'));

    await expect(publish('1.3.0')).resolves.toMatchObject({ isNew: true });
  });
});

describe('publishNamed', () => {
  const named = (name: string, ...versions: string[]) =>
    publishNamed(org.publishing, {
      name,
      components: versions.map((one) => {
        const [componentId = '', version = ''] = one.split('@');
        return { componentId, version };
      }),
    });

  it('tags versions that are there as one release', async () => {
    await publish('1.0.0');
    await publish('1.1.0');
    await publish('2.0.0', { plugin: 'ops' });

    const { isNew } = await named('2026-11', 'sales@1.0.0', 'ops@2.0.0');

    expect(isNew).toBe(true);
    expect(org.runtime.view.releasesByTag.get('release/2026-11')).toMatchObject([
      { plugin: 'ops', version: '2.0.0', seq: 3 },
      { plugin: 'sales', version: '1.0.0', seq: 3 },
    ]);
    expect(org.runtime.view.releases.get('sales')?.map(({ version }) => version)).toEqual([
      '1.1.0',
      '1.0.0',
    ]);
    expect(await named('2026-11', 'ops@2.0.0', 'sales@1.0.0')).toMatchObject({ isNew: false });
    await expect(named('2026-11', 'sales@1.1.0')).rejects.toMatchObject({
      code: 'REL_TAG_EXISTS',
    });
  });

  it('refuses an unknown version, an empty release and a name that could be a version', async () => {
    await publish('1.0.0');

    await expect(named('a', 'sales@9.9.9')).rejects.toMatchObject({ code: 'RES_NOT_FOUND' });
    await expect(named('a')).rejects.toMatchObject({ code: 'REL_EMPTY' });
    for (const name of ['1.0.0', 'sales--v1.0.0', 'a..b', 'A', 'a/b', '']) {
      await expect(named(name, 'sales@1.0.0')).rejects.toMatchObject({ code: 'VAL_FAILED' });
    }
  });

  it('refuses to name a plugin twice', async () => {
    await publish('1.0.0');
    await publish('1.1.0');

    await expect(named('both', 'sales@1.0.0', 'sales@1.1.0')).rejects.toMatchObject({
      code: 'VAL_FAILED',
    });
    expect(await org.repository.git('tag', '--list', 'release/*')).toBe('');
  });
});

describe('publishDeclared', () => {
  it('publishes every plugin at the version that it declares, once', async () => {
    expect(await publishDeclared(org.publishing)).toMatchObject([
      { plugin: 'sales', version: '1.0.0', notes: 'First release of Sales.' },
    ]);
    expect(await publishDeclared(org.publishing)).toEqual([]);
  });
});

describe('a release tag in the repository', () => {
  /** A tag that the org's own key signed, stating whatever it is told to. */
  async function forge(change: (block: ReturnType<typeof parseTag>['block']) => object) {
    await publish('1.0.0');
    const stated = parseTag(await org.runtime.pool.readTag(await tagOid('sales--v1.0.0')));
    const block = { ...stated.block, release: 'sales--v2.0.0', ...change(stated.block) };
    const payload = composeTagPayload({
      name: 'sales--v2.0.0',
      object: stated.object,
      tagger: { name: 'x', email: 'x@x.invalid', at: new Date(NOW_MS).toISOString() },
      message: composeTagMessage('', block as never),
    });
    const signature = await org.runtime.keyring.signTagPayload(payload);
    const { path } = org.repository;
    const oid = await writeObject(path, 'tag', Buffer.from(payload + signature));
    await org.repository.git('update-ref', 'refs/tags/sales--v2.0.0', oid, ZERO_OID);
    await org.runtime.refresh();
    return org.runtime.view.releases.get('sales')?.map(({ version }) => version);
  }
  const version2 = (plugins: readonly object[], part: object) => ({
    plugins: [{ ...plugins[0], version: '2.0.0', ...part }],
  });

  it('is a release when it states what its commit holds', async () => {
    expect(await forge(({ plugins }) => version2(plugins, {}))).toEqual(['2.0.0', '1.0.0']);
  });

  it.each([
    ['a server part that is not there', { serverTree: '1'.repeat(40) }],
    ['another tree', { tree: '1'.repeat(40) }],
    ['another digest', { contentDigest: `sha256:${'1'.repeat(64)}` }],
    ['a commit that is not there', { commit: '1'.repeat(40) }],
    ['another plugin', { id: 'ops' }],
  ])('is none when it states %s', async (_, part) => {
    expect(await forge(({ plugins }) => version2(plugins, part))).toEqual(['1.0.0']);
    expect(org.logged).toContain('tag ignored');
  });

  it.each([
    ['another server part', { serverDigest: `sha256:${'1'.repeat(64)}` }],
    ['a version that its server part is not', { version: '2.0.0' }],
  ])('is none when it states %s', async (_, part) => {
    await org.commit(serverPart('sales', { version: '1.0.0' }));

    expect(await forge(({ plugins }) => version2(plugins, part))).toEqual(['1.0.0']);
  });

  it('is none when it was made for another repository', async () => {
    const versions = await forge(({ plugins }) => ({
      ...version2(plugins, {}),
      repoUid: 'elsewhere',
    }));

    expect(versions).toEqual(['1.0.0']);
  });

  it.each([
    ['vanished', ['update-ref', '-d', 'refs/tags/sales--v1.0.0'], 'has vanished'],
    ['moved', ['tag', '-f', '-a', '-m', 'x', 'sales--v1.0.0', 'main'], 'was moved'],
  ])('stays served after it has %s, with an alarm', async (_, command, what) => {
    const { release } = await publish('1.0.0');
    const record = await org.runtime.recordOf(release);
    await gitOutput(org.repository.path, command);

    await org.runtime.refresh();

    const { view } = org.runtime;
    expect(view.diagnostics).toMatchObject([
      {
        code: 'REL_TAG_MOVED',
        message: `the release tag sales--v1.0.0 ${what} in the repository; its published content stays served`,
      },
    ]);
    expect(view.releases.get('sales')).toEqual([release]);
    const restarted = await org.restart();
    expect(restarted.view.diagnostics).toEqual(view.diagnostics);
    expect(await restarted.recordOf(release)).toEqual(record);
    await expect(publish('1.0.0')).rejects.toMatchObject({ code: 'REL_TAG_MOVED' });
  });

  it('is found again by a database that has forgotten it', async () => {
    const { release } = await publish('1.0.0');
    const forgetful = { ...org.stores.publications, releases: async () => [] };
    const node = await org.open({ publications: forgetful });

    expect(node.view.releases.get('sales')).toEqual([release]);
  });
});

describe('a plugin without objects of its own', () => {
  it('is released by what it includes', async () => {
    await org.commit({
      'plugins/pack/plugin.yaml': yaml('Plugin', 'title: Pack, include: [objects.skill.voice]'),
    });

    const { release } = await publish('1.0.0', { plugin: 'pack' });

    const { content } = await org.runtime.recordOf(release);
    expect(content.objects.map(({ id }) => id)).toEqual(['objects.skill.voice']);
  });
});
