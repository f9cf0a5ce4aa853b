import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  checkReleaseTag,
  composeTagMessage,
  composeTagPayload,
  parseTag,
  type TagBlock,
} from '../../src/signing/tag.ts';
import { execute, type Gpg, openGpg } from '../support/gpg.ts';
import { makeOrgKeys, type TestOrg } from '../support/org-keys.ts';

const oid = (digit: string) => digit.repeat(40);
const digest = `sha256:${'d'.repeat(64)}`;
const plugin = {
  id: 'sales',
  version: '1.4.0',
  commit: oid('1'),
  tree: oid('2'),
  shared: { 'objects/policies/tone.yaml': oid('3') },
  contentDigest: digest,
};
const block: TagBlock = {
  apiVersion: 'waymark/v1',
  orgUid: 'org-1',
  repoUid: 'repo-1',
  release: 'sales--v1.4.0',
  seq: 37,
  plugins: [plugin],
};
const tagger = { name: 'Ada', email: 'ada@acme.example', at: '2026-11-02T09:00:00Z' };
const notes = 'Faster quotes\n\n---\n\nand *fewer* clicks';

let org: TestOrg;
let gpg: Gpg;
let expected: Parameters<typeof checkReleaseTag>[1];

beforeAll(async () => {
  org = await makeOrgKeys();
  gpg = await openGpg();
  expected = { name: 'sales--v1.4.0', orgUid: 'org-1', repoUid: 'repo-1', keys: [org.releaseKey] };
});
afterAll(() => gpg.close());

function payloadOf({
  name = 'sales--v1.4.0',
  object = oid('1'),
  block: stated = block,
  message = composeTagMessage(notes, stated),
} = {}): string {
  return composeTagPayload({ name, object, tagger, message });
}

async function tagOf(parts: Parameters<typeof payloadOf>[0] = {}, signer = org): Promise<Buffer> {
  const payload = payloadOf(parts);
  return Buffer.from(payload + (await signer.keyring.signTagPayload(payload)));
}

const withPlugin = (change: object): TagBlock => ({
  ...block,
  plugins: [{ ...plugin, ...change }],
});

describe('parseTag', () => {
  it('gives back what was composed', async () => {
    expect(parseTag(await tagOf())).toEqual({
      name: 'sales--v1.4.0',
      object: oid('1'),
      type: 'commit',
      tagger: 'Ada <ada@acme.example> 1793610000 +0000',
      notes,
      block,
      signedPayload: payloadOf(),
      signature: expect.stringMatching(/^-----BEGIN PGP SIGNATURE-----\n/) as string,
    });
  });

  it('reads a tag without notes and without a signature', () => {
    const payload = payloadOf({ message: composeTagMessage(' \n', block) });

    expect(parseTag(Buffer.from(payload))).toMatchObject({ notes: '', block, signature: '' });
  });

  it('gives back any notes and any object ids', () => {
    const hex = fc.string({
      unit: fc.constantFrom('0', '1', '7', '9', 'e', 'f'),
      minLength: 40,
      maxLength: 40,
    });
    const line = fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('---', '--- ', '...'));
    fc.assert(
      fc.property(fc.array(line), hex, (lines, commit) => {
        const text = lines.join('\n').replaceAll('\0', '').replaceAll('-----BEGIN ', '');
        const stated = withPlugin({ commit, tree: `${'1'.repeat(38)}e5` });
        const payload = payloadOf({ message: composeTagMessage(text, stated) });

        const parsed = parseTag(Buffer.from(payload));

        expect(parsed.notes).toBe(text.replaceAll('\r\n', '\n').trim());
        expect(parsed.block).toEqual(stated);
      }),
    );
  });

  it.each([
    ['no block behind its notes', payloadOf({ message: 'just notes\n' })],
    ['the tag has other headers', payloadOf().replace('type commit\n', '')],
    ['the tag has other headers', payloadOf().replace('\n\n', '\nevil yes\n\n')],
    ['block is no YAML', payloadOf({ message: '---\n{' })],
    ['block is no YAML', payloadOf({ message: '---\na: &a [1]\nb: &b [*a, *a]\nc: [*b, *b]\n' })],
    ['block is missing', payloadOf({ message: '---\ntext\n' })],
  ])('refuses a tag with %s', (message, text) => {
    expect(() => parseTag(Buffer.from(text))).toThrow(message);
  });

  it.each([
    ['apiVersion is not waymark/v1', { ...block, apiVersion: 'v2' }],
    ['orgUid is missing', { ...block, orgUid: 7 }],
    ['repoUid is missing', { ...block, repoUid: '' }],
    ['release is missing', { ...block, release: null }],
    ['seq is no whole number from 1', { ...block, seq: 0 }],
    ['seq is no whole number from 1', { ...block, seq: '37' }],
    ['plugins is empty', { ...block, plugins: [] }],
    ['plugins is empty', { ...block, plugins: 'sales' }],
    ['plugins[0] is no map', { ...block, plugins: ['sales'] }],
    ['plugins names a plugin twice', { ...block, plugins: [plugin, plugin] }],
    ['plugins[0].id is no plugin id', withPlugin({ id: '../x' })],
    ['plugins[0].version is missing', withPlugin({ version: 1.4 })],
    ['plugins[0].commit is no object id', withPlugin({ commit: 'main' })],
    ['plugins[0].tree is no object id', withPlugin({ tree: undefined })],
    ['plugins[0].serverTree is no object id', withPlugin({ serverTree: 'x' })],
    ['plugins[0].contentDigest is no digest', withPlugin({ contentDigest: 'x' })],
    ['plugins[0].serverDigest is no digest', withPlugin({ serverDigest: 'x' })],
    ['plugins[0].shared is no map', withPlugin({ shared: ['x'] })],
    ['plugins[0].shared.a is no object id', withPlugin({ shared: { a: 'x' } })],
  ])('refuses a block whose %s', (message, stated) => {
    const payload = payloadOf({ block: stated as TagBlock });

    expect(() => parseTag(Buffer.from(payload))).toThrow(`the tag's ${message}`);
  });

  it('refuses bytes that are not UTF-8, and a tag over 1 MiB', () => {
    expect(() => parseTag(Buffer.of(0xff))).toThrow('not UTF-8');
    expect(() => parseTag(Buffer.alloc(1_048_577))).toThrow('larger than 1048576 bytes');
  });
});

describe('composeTagMessage', () => {
  it.each(['-----BEGIN PGP SIGNATURE-----', 'x\n-----BEGIN SSH SIGNATURE-----', 'a\0b'])(
    'refuses notes that would end the signed text: %j',
    (text) => {
      expect(() => composeTagMessage(text, block)).toThrow(
        expect.objectContaining({ code: 'VAL_FAILED' }),
      );
    },
  );
});

describe('composeTagPayload', () => {
  it('lets no name add a header', () => {
    const payload = composeTagPayload({
      name: 'sales--v1.4.0',
      object: oid('1'),
      tagger: { ...tagger, name: 'Eve\nobject <x>', email: 'e\n@x>' },
      message: composeTagMessage('', block),
    });

    expect(parseTag(Buffer.from(payload)).tagger).toBe('Eveobject x <e@x> 1793610000 +0000');
  });
});

describe('checkReleaseTag', () => {
  const check = async (raw: Promise<Buffer> | Buffer) => checkReleaseTag(await raw, expected);
  const refusal = (reason: string) => ({
    ok: false,
    error: expect.stringContaining(reason) as string,
  });

  it('answers the block of a tag that is ours', async () => {
    expect(await check(tagOf())).toEqual({ ok: true, value: block });
  });

  it('answers the block of a named release of several plugins', async () => {
    const name = 'release/2026-11';
    const stated = { ...block, release: name, plugins: [plugin, { ...plugin, id: 'ops' }] };

    const answer = await checkReleaseTag(await tagOf({ name, block: stated }), {
      ...expected,
      name,
    });

    expect(answer).toEqual({ ok: true, value: stated });
  });

  it('refuses a tag object that was copied to another name', async () => {
    const raw = await tagOf();

    expect(await checkReleaseTag(raw, { ...expected, name: 'sales--v1.5.0' })).toEqual(
      refusal('the tag says that it is sales--v1.4.0, and stands at sales--v1.5.0'),
    );
  });

  it('refuses a tag whose header alone was renamed', async () => {
    const raw = (await tagOf({ name: 'sales--v1.5.0' })).toString();

    const renamed = Buffer.from(raw.replace('tag sales--v1.5.0', 'tag sales--v1.4.0'));

    expect(await check(renamed)).toEqual(refusal('none of the 1 trusted keys'));
  });

  it('refuses a tag that was copied from another org or repository', async () => {
    const raw = await tagOf();

    expect(await checkReleaseTag(raw, { ...expected, orgUid: 'org-2' })).toEqual(
      refusal('made for another org'),
    );
    expect(await checkReleaseTag(raw, { ...expected, repoUid: 'repo-2' })).toEqual(
      refusal('made for another repository'),
    );
  });

  it('refuses a key that is not of the release role', async () => {
    expect(await check(tagOf({}, await makeOrgKeys()))).toEqual(refusal('none of the 1 trusted'));
  });

  it('accepts a retired release key that is still listed', async () => {
    const old = await makeOrgKeys();

    const answer = await checkReleaseTag(await tagOf({}, old), {
      ...expected,
      keys: [org.releaseKey, old.releaseKey],
    });

    expect(answer.ok).toBe(true);
  });

  it('refuses a tag without a signature', async () => {
    expect(await check(Buffer.from(payloadOf()))).toEqual(refusal('the tag is not signed'));
  });

  it('refuses a tag whose signature is not readable', async () => {
    const raw = `${payloadOf()}-----BEGIN PGP SIGNATURE-----\n\nnonsense\n`;

    expect(await check(Buffer.from(raw))).toEqual(refusal('no OpenPGP signature'));
  });

  it('refuses every altered byte of what was signed', async () => {
    const raw = await tagOf();

    for (let at = 0; at < payloadOf().length; at += 7) {
      const altered = Buffer.from(raw);
      altered[at]! ^= 1;
      expect(await check(altered)).toMatchObject({ ok: false });
    }
  });

  it.each([
    ['states the release', { release: 'sales--v1.3.0' }],
    ['states other plugins', { plugins: [{ ...plugin, id: 'ops' }] }],
    ['states other plugins', { plugins: [{ ...plugin, version: '1.3.0' }] }],
    ['states other plugins', { plugins: [plugin, { ...plugin, id: 'ops' }] }],
  ])('refuses a tag that %s than its name', async (reason, change) => {
    expect(await check(tagOf({ block: { ...block, ...change } }))).toEqual(refusal(reason));
  });

  it('refuses a signed tag whose name is no release', async () => {
    const name = 'nightly';

    const answer = await checkReleaseTag(
      await tagOf({ name, block: { ...block, release: name } }),
      {
        ...expected,
        name,
      },
    );

    expect(answer).toEqual(refusal('states other plugins than its name does'));
  });

  it('refuses a tag of a tree or of no commit id', async () => {
    const payload = payloadOf().replace('type commit', 'type tree');
    const raw = payload + (await org.keyring.signTagPayload(payload));

    expect(await check(Buffer.from(raw))).toEqual(refusal('does not point at a commit'));
    expect(await check(tagOf({ object: 'HEAD' }))).toEqual(refusal('does not point at a commit'));
  });
});

describe('a release tag in a repository', () => {
  let repo: string;
  let head: string;

  const git = async (args: readonly string[], input = '') => {
    const env = {
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_GLOBAL: '/dev/null',
      GNUPGHOME: gpg.home,
      GIT_AUTHOR_NAME: 'Ada',
      GIT_AUTHOR_EMAIL: 'ada@acme.example',
      GIT_COMMITTER_NAME: 'Ada',
      GIT_COMMITTER_EMAIL: 'ada@acme.example',
    };
    return execute('git', ['-C', repo, ...args], input, env);
  };

  beforeAll(async () => {
    repo = await mkdtemp(path.join(os.tmpdir(), 'tag-'));
    await git(['init', '--quiet', '--initial-branch=main']);
    await writeFile(path.join(repo, 'file'), 'content');
    await git(['add', 'file']);
    await git(['commit', '--quiet', '--message=first']);
    head = (await git(['rev-parse', 'HEAD'])).stdout.toString().trim();
    await gpg.importKey(org.releaseKey);
  });
  afterAll(() => rm(repo, { recursive: true, force: true }));

  it('passes git mktag and git verify-tag, and comes back byte for byte', async () => {
    const raw = await tagOf({ object: head });
    const made = await git(['mktag', '--strict'], raw.toString());
    const tagOid = made.stdout.toString().trim();
    await git(['update-ref', 'refs/tags/sales--v1.4.0', tagOid]);

    const verified = await git(['verify-tag', '--raw', 'sales--v1.4.0']);
    const stored = (await git(['cat-file', 'tag', tagOid])).stdout;

    expect(made.stderr).toBe('');
    expect(verified.stderr).toContain(`VALIDSIG ${org.keyring.fingerprint('release')}`);
    expect(verified.code).toBe(0);
    expect(stored).toEqual(raw);
    expect(await check(stored)).toMatchObject({ ok: true });
  });

  const check = (raw: Buffer) => checkReleaseTag(raw, expected);

  it('is refused where git still verifies it: copied to another name', async () => {
    await git(['update-ref', 'refs/tags/sales--v9.9.9', 'refs/tags/sales--v1.4.0']);

    const stored = (await git(['cat-file', 'tag', 'sales--v9.9.9'])).stdout;

    expect((await git(['verify-tag', 'sales--v9.9.9'])).code).toBe(0);
    expect(await checkReleaseTag(stored, { ...expected, name: 'sales--v9.9.9' })).toMatchObject({
      ok: false,
    });
  });
});
