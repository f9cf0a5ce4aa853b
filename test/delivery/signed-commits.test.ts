import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { describeUnsigned, findUnsigned } from '../../src/delivery/signed-commits.ts';
import { writeCommit } from '../../src/git/write.ts';
import { gitOutput, runGit, temporaryFolder } from '../support/git.ts';
import { type GitServer, serveGit } from '../support/git-server.ts';
import { actorWith, makeTestOrg, type TestOrg } from '../support/org.ts';
import { registryYaml } from '../support/registry.ts';
import { makeSigningAuthor, type SigningAuthor, signedBy } from '../support/signing-author.ts';

let ada: SigningAuthor;
let mallory: SigningAuthor;
let org: TestOrg;
let folder: string;
let work: string;
let server: GitServer;

beforeAll(async () => {
  [ada, mallory] = await Promise.all([makeSigningAuthor('Ada'), makeSigningAuthor('Mallory')]);
});
afterAll(() => Promise.all([ada.close(), mallory.close()]));

beforeEach(async () => {
  org = await makeTestOrg();
  await org.commit({ 'registry.yaml': registryYaml(signedBy('ada', ada.publicKey)) });
  folder = await temporaryFolder('waymark-author-');
  work = join(folder, 'work');
  await runGit(folder, ['clone', '-q', org.repository.path, work]);
  server = await serveGit(org.repository.path, org.runtime.gate(actorWith('publisher')));
});
afterEach(async () => {
  await server.close();
  await org.remove();
  await rm(folder, { recursive: true });
});

async function commit(text: string, ...flags: string[]): Promise<string> {
  await writeFile(join(work, 'README.md'), text);
  await runGit(work, ['add', '--all']);
  await runGit(work, ['commit', '-q', '-m', 'Change', ...flags]);
  return await runGit(work, ['rev-parse', 'HEAD']);
}

const push = () =>
  gitOutput(work, ['push', server.url, 'main']).then(
    () => 'accepted',
    (error: Error) => /remote: (.*\S)/.exec(error.message)?.[1],
  );

const main = () => org.runtime.refs.read('refs/heads/main');

describe('pushing to a main that takes signed commits only', () => {
  it('accepts what a signer signed with git and gpg', async () => {
    await ada.signIn(work);
    const pushed = await commit('signed');

    expect(await push()).toBe('accepted');
    expect(await main()).toBe(pushed);
  });

  it('refuses a commit without a signature, also below one that has it', async () => {
    const bare = await commit('bare');
    await ada.signIn(work);
    await commit('signed');

    expect(await push()).toBe(describeUnsigned([bare]));
    expect(await main()).toBe(org.repository.head);
  });

  it('refuses the signature of somebody who is no signer', async () => {
    await mallory.signIn(work);
    const pushed = await commit('signed by another');

    expect(await push()).toBe(describeUnsigned([pushed]));
  });

  it('refuses a signature that was taken from another commit', async () => {
    await ada.signIn(work);
    await commit('signed');
    const text = await runGit(work, ['cat-file', 'commit', 'HEAD']);
    const forged = await runGit(
      work,
      ['hash-object', '-w', '-t', 'commit', '--stdin'],
      `${text.replace('\n\nChange', '\n\nAnother change')}\n`,
    );
    await runGit(work, ['reset', '-q', '--hard', forged]);

    expect(await push()).toBe(describeUnsigned([forged]));
  });

  it('is judged by the signers before the push, not by those that it names', async () => {
    await mallory.signIn(work);
    const spec = signedBy('mallory', mallory.publicKey);
    await writeFile(join(work, 'registry.yaml'), registryYaml(spec));
    const pushed = await commit('takes over');

    expect(await push()).toBe(describeUnsigned([pushed]));
  });
});

describe('findUnsigned', () => {
  it('takes what the org signs for people', async () => {
    const { tree } = await org.runtime.pool.readCommit(org.repository.head);
    const who = { name: 'Waymark', email: 'waymark@waymark.invalid', atSec: 1_772_366_400 };
    const at = new Date(who.atSec * 1000);
    const head = await writeCommit({
      repo: org.repository.path,
      tree,
      parents: [org.repository.head],
      message: 'Made for Ada',
      author: who,
      committer: who,
      sign: (payload) => org.runtime.keyring.signTagPayload(payload, at),
    });

    const range = { head, after: org.repository.head };
    const { repo, pool } = org.runtime;

    expect(await findUnsigned({ repo, pool }, range, org.runtime.releaseKeys)).toEqual([]);
    expect(await findUnsigned({ repo, pool }, range, [ada.publicKey])).toEqual([head]);
  });

  it('passes over a key that is none', async () => {
    await ada.signIn(work);
    const head = await commit('signed');
    await push();
    const broken = '-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nnonsense\n';
    const range = { head, after: org.repository.head };

    expect(await findUnsigned(org.runtime, range, [broken, ada.publicKey])).toEqual([]);
    expect(await findUnsigned(org.runtime, range, [broken])).toEqual([head]);
  });
});

describe('describeUnsigned', () => {
  it('names the first few', () => {
    const oids = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((letter) => letter.repeat(40));

    expect(describeUnsigned(oids)).toContain('eeeeeeeeeeee and 2 more: sign with git commit -S');
  });
});
