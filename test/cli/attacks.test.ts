import { rm } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { rotateRoot } from '../../src/signing/root.ts';
import { salesFiles, useEnrolled } from '../support/enrolled.ts';
import {
  type FakeFiles,
  type FakeVersion,
  HOUR_MS,
  type IndexJson,
  type ManifestJson,
  makeFakeRepository,
  packBundle,
  type TagJson,
  type TarEntry,
  tarEntriesOf,
} from '../support/fake-repository.ts';
import { makeOrgKeys } from '../support/org-keys.ts';

const upstream: FakeFiles = { ...salesFiles, 'skills/greet/SKILL.md': 'Say good morning.\n' };

/** A project with `sales` installed, and a newer version on the server. */
function useInstalled() {
  const on = useEnrolled();
  const install = async (release?: string): Promise<FakeVersion> => {
    if (release) on.repository.publish('sales', salesFiles, '1.0.0');
    const { exitCode, stderr } = await on.client.run('add', 'sales');
    if (exitCode !== 0) throw new Error(stderr);
    return on.repository.publish('sales', upstream, release);
  };
  /** Runs a sync that must be refused, and change nothing at all. */
  const expectRefusal = async (code: string, message: RegExp | string = ''): Promise<void> => {
    const before = await on.client.files();

    const { exitCode, stdout } = await on.client.run('sync', '--json');

    expect(JSON.parse(stdout)).toEqual({
      error: { code, message: expect.stringMatching(message) },
    });
    expect(exitCode).toBe(4);
    expect(await on.client.files()).toEqual(before);
  };
  return { on, install, expectRefusal };
}

describe('arbitrary content: sync refuses', () => {
  const { on, install, expectRefusal } = useInstalled();

  it.each(['root', 'release'] as const)('an index signed by the %s key', async (role) => {
    await install();
    const { body } = await on.repository.index();
    on.server.tampering.index = async () => on.repository.sign(role, JSON.parse(body.toString()));

    await expectRefusal('SIGNATURE_INVALID', /^index: none of the 1 trusted keys signed/);
  });

  it('an index with one byte changed', async () => {
    await install();
    const { body, signature } = await on.repository.index();
    const altered = Buffer.from(body.toString().replace('"sequence":102', '"sequence":103'));
    on.server.tampering.index = async () => ({ body: altered, signature });

    await expectRefusal('SIGNATURE_INVALID');
  });

  it('an index whose signature was stripped', async () => {
    await install();
    const { body } = await on.repository.index();
    on.server.tampering.index = async () => ({ body, signature: Buffer.alloc(0) });

    await expectRefusal('SIGNATURE_INVALID', /came unsigned$/);
  });

  it("an index signed by a stranger's key", async () => {
    await install();
    const stranger = await makeFakeRepository();
    const index = await on.repository.index();
    on.server.tampering.index = async () =>
      stranger.sign('index', JSON.parse(index.body.toString()));

    await expectRefusal('SIGNATURE_INVALID');
  });

  it('a manifest signed by the index key, which may not sign content', async () => {
    await install();
    on.server.tampering.manifest = async (version, layout) => {
      const { body } = await on.repository.manifest(version, layout);
      return on.repository.sign('index', JSON.parse(body.toString()));
    };

    await expectRefusal('SIGNATURE_INVALID', /^manifest of sales/);
  });

  it('a signed manifest in the place of an index', async () => {
    const version = await install();
    const { body } = await on.repository.manifest(version, 'raw');
    on.server.tampering.index = async () =>
      on.repository.sign('index', { ...JSON.parse(body.toString()), _type: 'downgrade' });

    await expectRefusal('DOCUMENT_INVALID', /^index: it is a signed downgrade$/);
  });

  it('a file with other bytes than its digest', async () => {
    await install();
    on.server.tampering.bundle = () =>
      packBundle(tarEntriesOf({ ...upstream, 'skills/greet/SKILL.md': 'Say bad morning!!\n' }));

    await expectRefusal('DIGEST_MISMATCH', /^skills\/greet\/SKILL.md has the digest/);
  });

  it('a manifest whose files are not those that its content digest is over', async () => {
    await install();
    on.server.tampering.manifest = (version, layout) =>
      on.repository.manifest(version, layout, (manifest) => {
        manifest.files[0] = { ...manifest.files[0], mode: '0755' };
      });

    await expectRefusal('DIGEST_MISMATCH', /^manifest of sales: its files have the digest/);
  });
});

describe('rollback: sync refuses', () => {
  const { on, install, expectRefusal } = useInstalled();

  it('an index of a lower sequence, genuine as it is', async () => {
    const old = await on.repository.index();
    await install();
    await on.client.run('sync');
    on.server.tampering.index = async () => old;

    await expectRefusal('INDEX_ROLLED_BACK', /sequence 101 is older than 102/);
  });

  it('a listed release that goes back without a statement', async () => {
    await install();
    await on.client.run('sync');
    const tamper = (index: IndexJson) => {
      index.sequence = 500;
      index.plugins['sales']!['seq'] = 1;
    };
    on.server.tampering.index = () => on.repository.index(tamper);

    await expectRefusal('RELEASE_VANISHED', /goes back to .*, and nothing signed says why$/);
  });

  it('a listed release that is replaced under its own number', async () => {
    await install();
    await on.client.run('sync');
    on.server.tampering.index = () =>
      on.repository.index((index) => {
        index.plugins['sales']!['contentDigest'] = `sha256:${'0'.repeat(64)}`;
      });

    await expectRefusal('RELEASE_VANISHED', /has other content than it had before$/);
  });

  it('an installed plugin that vanishes without a word', async () => {
    await install();
    on.repository.withdraw('sales');

    await expectRefusal('RELEASE_VANISHED', /^index: sales is no longer in it/);
  });

  it('one that vanished and comes back as an older one', async () => {
    const old = on.repository.current.get('sales')!;
    await install();
    await on.client.run('sync');
    on.repository.withdraw('sales');
    on.server.updates.push({ pluginId: 'sales', op: 'remove', reason: 'access_revoked' });
    await on.client.run('sync');
    on.repository.current.set('sales', old);
    on.repository.sequence++;
    await on.client.run('remove', 'sales');

    const { exitCode, stderr } = await on.client.run('add', 'sales');

    expect(stderr).toContain('RELEASE_VANISHED');
    expect(exitCode).toBe(4);
  });

  it('a downgrade that was stated for another step', async () => {
    const old = on.repository.current.get('sales')!;
    await install();
    await on.client.run('sync');
    const { statement, signature } = await on.repository.downgrade({ ...old, seq: 7 }, 9);
    on.repository.current.set('sales', old);
    on.server.tampering.index = () =>
      on.repository.index((index) => {
        index.sequence = 500;
        index.plugins['sales']!['downgrade'] = { statement, signature };
      });

    await expectRefusal('RELEASE_VANISHED', /the statement is for another step$/);
  });

  it('a downgrade that the index key signed, which may not', async () => {
    const old = on.repository.current.get('sales')!;
    await install();
    await on.client.run('sync');
    const { statement } = await on.repository.downgrade(old, 2);
    const { signature } = await on.repository.sign('index', JSON.parse(statement));
    on.repository.current.set('sales', old);
    on.server.tampering.index = () =>
      on.repository.index((index) => {
        index.sequence = 500;
        index.plugins['sales']!['downgrade'] = {
          statement,
          signature: signature.toString('base64'),
        };
      });

    await expectRefusal('SIGNATURE_INVALID');
  });

  it('nothing when the release role states the step back', async () => {
    const old = on.repository.current.get('sales')!;
    await install();
    await on.client.run('sync');
    const downgrade = await on.repository.downgrade(old, 2);
    on.repository.current.set('sales', old);
    on.server.tampering.index = () =>
      on.repository.index((index) => {
        index.sequence = 500;
        index.plugins['sales']!['downgrade'] = downgrade;
      });

    const { exitCode } = await on.client.run('sync');

    expect(exitCode).toBe(0);
    expect(await on.client.read('plugins/sales/skills/greet/SKILL.md')).toBe('Say hello.\n');
  });
});

describe('freeze: sync refuses', () => {
  const { on, install, expectRefusal } = useInstalled();

  it('an index that expired before this run began', async () => {
    await install();
    on.client.nowMs += 25 * HOUR_MS;

    await expectRefusal('INDEX_EXPIRED', /^index: it expired at/);
  });

  it('an index whose expiry is no time', async () => {
    await install();
    on.server.tampering.index = () =>
      on.repository.index((index) => {
        index['expiresAt'] = 'never';
      });

    await expectRefusal('INDEX_EXPIRED');
  });

  it('an expired root', async () => {
    await install();
    on.client.nowMs += 2000 * HOUR_MS;

    await expectRefusal('ROOT_INVALID', /^root: root version 1 expired at/);
  });

  it('an index made under a root that the server withholds', async () => {
    await install();
    on.server.tampering.index = () =>
      on.repository.index((index) => {
        index['rootVersion'] = 2;
      });

    await expectRefusal('ROOT_ROLLED_BACK');
  });
});

describe('mix and match: sync refuses', () => {
  const { on, install, expectRefusal } = useInstalled();

  it('an older manifest, genuine as it is', async () => {
    const old = on.repository.current.get('sales')!;
    await install();
    on.server.tampering.manifest = (_version, layout) => on.repository.manifest(old, layout);

    await expectRefusal('MANIFEST_MISMATCH', /^manifest of sales: its content digest is/);
  });

  it.each<[what: string, change: (manifest: ManifestJson) => unknown]>([
    ['plugin', ({ plugin }) => Object.assign(plugin, { id: 'other' })],
    ['org', ({ resolved }) => Object.assign(resolved, { orgUid: 'other' })],
    ['layout', (manifest) => Object.assign(manifest, { layout: 'claude' })],
    ['seq', ({ resolved }) => Object.assign(resolved, { seq: 1 })],
    ['version', ({ plugin }) => Object.assign(plugin, { version: '9.9.9' })],
    ['channel', ({ resolved }) => Object.assign(resolved, { channel: 'stable' })],
  ])('a manifest of another %s', async (what, change) => {
    await install();
    on.server.tampering.manifest = (version, layout) =>
      on.repository.manifest(version, layout, change);

    await expectRefusal('MANIFEST_MISMATCH', new RegExp(`^manifest of sales: its ${what} is`));
  });

  it.each([
    ['orgUid', /^index: it is the one of org/],
    ['org', /^index: it is the one of org/],
    ['channel', /^index: it is for the channel other/],
  ])('an index of another %s', async (field, message) => {
    await install();
    on.server.tampering.index = () =>
      on.repository.index((index) => {
        index[field] = 'other';
      });

    await expectRefusal('INDEX_MISMATCH', message);
  });
});

describe('endless data: sync refuses', () => {
  const { on, install, expectRefusal } = useInstalled();
  const MIB = 1024 * 1024;

  it('an index beyond its cap, without reading it to the end', async () => {
    await install();
    on.server.tampering.index = async () => ({
      body: Buffer.alloc(9 * MIB),
      signature: Buffer.of(1),
    });

    await expectRefusal('DOCUMENT_TOO_LARGE', /is larger than the 4194304 bytes/);
  });

  it('a bundle beyond what its files can need', async () => {
    await install();
    on.server.tampering.download = () => Buffer.alloc(17 * MIB);

    await expectRefusal('DOCUMENT_TOO_LARGE');
  });

  it('a bundle that unpacks to more than its manifest declares', async () => {
    await install();
    const bomb = { name: '.waymark/bomb', content: ' '.repeat(20 * MIB) };
    on.server.tampering.bundle = () => packBundle([bomb, ...tarEntriesOf(upstream)]);

    await expectRefusal('BUNDLE_REFUSED', /unpacks to more than its manifest declares$/);
  });

  it('a file that is longer than declared', async () => {
    await install();
    on.server.tampering.bundle = () =>
      packBundle(tarEntriesOf({ ...upstream, 'README.md': 'x'.repeat(10_000) }));

    await expectRefusal('BUNDLE_REFUSED', /README.md has 10000 bytes, the manifest says 7$/);
  });

  it('a manifest that declares more than a plugin may have', async () => {
    await install();
    on.server.tampering.manifest = (version, layout) =>
      on.repository.manifest(version, layout, (manifest) => {
        manifest.files[0] = { ...manifest.files[0], size: 2 ** 40 };
      });

    await expectRefusal('DOCUMENT_TOO_LARGE');
  });
});

describe('a bundle with more or other than the manifest: sync refuses', () => {
  const { on, install, expectRefusal } = useInstalled();
  const other = tarEntriesOf(upstream);

  it.each<[what: string, entries: TarEntry[], message: RegExp]>([
    [
      'a file beyond the manifest',
      [...other, { name: 'extra.txt' }],
      /extra.txt is in it, but not/,
    ],
    [
      'a path out of the folder',
      [{ name: '../../evil', content: 'x' }, ...other],
      /evil is in it, but not/,
    ],
    ['an absolute path', [{ name: '/etc/evil', content: 'x' }, ...other], /evil is in it, but not/],
    [
      'a symbolic link',
      [{ name: 'README.md', type: 'symlink', linkname: '/etc/passwd' }],
      /is a symlink/,
    ],
    ['a hard link', [{ name: 'README.md', type: 'link', linkname: 'plugin.yaml' }], /is a link/],
    ['a device', [{ name: 'README.md', type: 'character-device' }], /is a character-device/],
    ['a folder', [{ name: 'skills', type: 'directory' }], /is a directory/],
    ['a file twice', [...other, ...other.slice(-1)], /README.md is in it twice/],
    ['a file too few', other.slice(0, 2), /lacks files that its manifest declares/],
  ])('%s', async (_what, entries, message) => {
    await install();
    on.server.tampering.bundle = () => packBundle(entries);

    await expectRefusal('BUNDLE_REFUSED', message);
  });

  it.each<[what: string, change: (bytes: Buffer) => Buffer]>([
    ['cut off', (bytes) => bytes.subarray(0, bytes.length - 30)],
    [
      'with one byte flipped',
      (bytes) => Buffer.from(bytes).fill(0x55, bytes.length - 60, bytes.length - 59),
    ],
    ['that is not encrypted at all', () => Buffer.from('hello')],
    ['that is empty', () => Buffer.alloc(0)],
  ])('a bundle %s', async (_what, change) => {
    await install();
    on.server.tampering.download = change;

    await expectRefusal('BUNDLE_REFUSED');
  });

  it('a plain bundle where the client has a key', async () => {
    await install();
    on.server.tampering.download = () => packBundle(other);

    await expectRefusal('BUNDLE_REFUSED');
  });

  it("a bundle that someone else sealed to the client's key", async () => {
    await install();
    on.server.tampering.sealer = await makeOrgKeys();

    await expectRefusal('BUNDLE_REFUSED', /none of the trusted keys signed this content/);
  });
});

describe('a manifest with paths that would leave the folder: sync refuses', () => {
  const { on, install, expectRefusal } = useInstalled();

  it.each([
    '../evil',
    '/etc/evil',
    'C:/evil',
    'a\\b',
    'a//b',
    '.git/hooks/x',
    '.waymark/state.json',
    'readme.MD',
  ])('%s', async (path) => {
    await install();
    on.server.tampering.manifest = (version, layout) =>
      on.repository.manifest(version, layout, (manifest) => {
        manifest.files.push({ ...manifest.files[0], path });
      });

    await expectRefusal('PATH_REFUSED');
  });

  it('a plugin id that is a path, in the index', async () => {
    await install();
    on.server.tampering.index = () =>
      on.repository.index((index) => {
        index.plugins['../evil'] = { ...index.plugins['sales'] };
      });

    await expectRefusal('DOCUMENT_INVALID', /is no plugin id$/);
  });

  it('a mode that is neither 0644 nor 0755', async () => {
    await install();
    on.server.tampering.manifest = (version, layout) =>
      on.repository.manifest(version, layout, (manifest) => {
        manifest.files[0] = { ...manifest.files[0], mode: '4755' };
      });

    await expectRefusal('DOCUMENT_INVALID', /cannot have the mode 4755$/);
  });
});

describe('a server that lies about a release: sync refuses', () => {
  const { on, install, expectRefusal } = useInstalled();
  const other: FakeFiles = { ...upstream, 'README.md': 'Other.\n' };

  it('content that is not in the tree which the tag names', async () => {
    const version = await install('1.1.0');
    on.server.tampering.tag = () =>
      on.repository.tag(version, ({ plugins }) => {
        (plugins[0] as { tree: string }).tree = 'a'.repeat(40);
      });
    on.server.tampering.manifest = (found, layout) =>
      on.repository.manifest(found, layout, (manifest) => {
        manifest.resolved['tree'] = 'a'.repeat(40);
      });

    await expectRefusal('RELEASE_MISMATCH', /its folder is git object .*, the tag says aaaa/);
  });

  it('other content under the name of a release', async () => {
    const version = await install('1.1.0');
    const lie = { ...version, files: other };
    on.server.tampering.tag = () => on.repository.tag(version);
    on.repository.current.set('sales', lie);

    await expectRefusal('RELEASE_MISMATCH', /the manifest's content digest is/);
  });

  it.each<[what: string, change: Partial<TagJson>, message: RegExp]>([
    ['another org', { orgUid: 'other' }, /made for another org/],
    ['another repository', { repoUid: 'other' }, /made for another repository/],
    ['another seq', { seq: 77 }, /the manifest's seq is 3, the tag's 77/],
  ])('a tag of %s', async (_what, change, message) => {
    const version = await install('1.1.0');
    on.server.tampering.tag = () =>
      on.repository.tag(version, (block) => Object.assign(block, change));

    await expectRefusal('RELEASE_MISMATCH', message);
  });

  it('a tag object that was copied to another name', async () => {
    await install('1.1.0');
    on.server.tampering.tag = () => on.repository.tag(on.repository.releases.get('sales--v1.0.0')!);

    await expectRefusal('RELEASE_MISMATCH', /it is sales--v1.0.0, and stands at sales--v1.1.0/);
  });

  it('a tag that a stranger signed', async () => {
    const version = await install('1.1.0');
    const stranger = await makeFakeRepository();
    on.server.tampering.tag = () => stranger.tag(version);

    await expectRefusal('RELEASE_MISMATCH', /none of the 1 trusted keys signed/);
  });

  it('the end of a release that is pinned here', async () => {
    await install('1.1.0');
    await on.client.run('add', 'sales@1.0.0');
    on.repository.releases.delete('sales--v1.0.0');
    await rm(on.client.path('.waymark/objects'), { recursive: true });

    await expectRefusal('RELEASE_VANISHED', /^release sales--v1.0.0 is installed here/);
  });
});

describe('key compromise and rotation: sync', () => {
  const { on, install, expectRefusal } = useInstalled();

  /** Version 2 of the root, with new keys for every role, signed as given. */
  const rotate = async (previous = on.repository.org) => {
    const next = await makeOrgKeys();
    const [first] = on.repository.roots;
    const keyrings = { previous: previous.keyring, next: next.keyring };
    const document = JSON.parse(first?.body.toString() ?? '');
    const root = await rotateRoot(document, on.repository.rootTerms, next.keys, keyrings);
    return {
      next,
      root: { body: Buffer.from(root.body), signature: Buffer.from(root.signature, 'base64') },
    };
  };

  it('follows a root that old and new keys sign', async () => {
    await install();
    const { next, root } = await rotate();
    on.repository.roots.push(root);
    on.repository.org = next;

    const { exitCode } = await on.client.run('sync');

    expect(exitCode).toBe(0);
    expect(JSON.parse(await on.client.read('waymark.lock')).rootVersion).toBe(2);
  });

  it('refuses a root that the old key did not sign', async () => {
    await install();
    const { next, root } = await rotate(await makeOrgKeys());
    on.repository.roots.push(root);
    on.repository.org = next;

    await expectRefusal('ROOT_INVALID', /none of the 1 trusted keys signed/);
  });

  it('refuses a root that skips a version', async () => {
    await install();
    const { root } = await rotate();
    on.server.tampering.root = (version) =>
      version <= 3 ? (version === 2 ? on.repository.roots[0] : root) : undefined;

    await expectRefusal('ROOT_INVALID', /root version 1 does not follow version 1/);
  });

  it('refuses what the replaced keys sign', async () => {
    await install();
    const { root } = await rotate();
    on.repository.roots.push(root);

    await expectRefusal('SIGNATURE_INVALID', /^index: none of the 1 trusted keys signed/);
  });
});
