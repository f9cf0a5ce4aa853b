import { readdir } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { makeRepository, type TestRepository } from '../support/git.ts';
import { openMirror, PINNED_NAME, type TestMirror } from '../support/mirror.ts';
import { smallRegistry } from '../support/registry.ts';
import { type Sshd, startSshd } from '../support/sshd.ts';

/** An ed25519 key that no server of the tests has. */
const publicPartOfAnother = 'AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f';

const sshd = await startSshd();
const title = 'an upstream over ssh';

if (sshd) describe(title, () => suite(sshd));
else describe.skip(`${title} (sshd is not installed)`);

function suite(sshd: Sshd): void {
  const { host, port, user, knownHosts, privateKey, strangersKey } = sshd;
  let upstream: TestRepository;
  let test: TestMirror;

  beforeAll(async () => {
    upstream = await makeRepository(smallRegistry());
  });
  afterAll(async () => {
    await sshd.stop();
    await upstream.remove();
  });

  beforeEach(async () => {
    const url = `ssh://${user}@${host}:${port}${upstream.path}`;
    test = await openMirror({ url, secretRef: 'deploy-key', knownHosts });
  });
  afterEach(() => test.close());

  it('is followed with the private key of the secret store', async () => {
    await test.putSecret('deploy-key', privateKey);

    await test.sync();

    expect(test.org.runtime.view.published.commit).toBe(upstream.head);
  });

  it('is followed with a key that lost its last newline', async () => {
    await test.putSecret('deploy-key', privateKey.trimEnd());

    await test.sync();

    expect((await test.upstream()).lastError).toBeNull();
  });

  it('is reached at the address that was checked, under its own name', async () => {
    await test.close();
    const named = knownHosts.replace(host, PINNED_NAME);
    const url = `ssh://${user}@${PINNED_NAME}:${port}${upstream.path}`;
    test = await openMirror({ url, secretRef: 'deploy-key', knownHosts: named });
    await test.putSecret('deploy-key', privateKey);

    await test.sync();

    expect(test.org.runtime.view.published.commit).toBe(upstream.head);
  });

  it.each([
    ['a key that it does not know', strangersKey],
    ['no key at all', 'not a key'],
  ])('is credentials-refused with %s', async (_what, key) => {
    await test.putSecret('deploy-key', key);

    await expect(test.sync()).rejects.toMatchObject({ reason: 'credentials-refused' });
  });

  it('is host-key-refused when its key is another than the one that was given', async () => {
    await test.close();
    const other = `${knownHosts.split(' ').slice(0, 2).join(' ')} ${publicPartOfAnother}\n`;
    const url = `ssh://${user}@${host}:${port}${upstream.path}`;
    test = await openMirror({ url, secretRef: 'deploy-key', knownHosts: other });
    await test.putSecret('deploy-key', privateKey);

    await expect(test.sync()).rejects.toMatchObject({ reason: 'host-key-refused' });
  });

  it('is not-found when there is no repository', async () => {
    await test.close();
    const url = `ssh://${user}@${host}:${port}/nowhere.git`;
    test = await openMirror({ url, secretRef: 'deploy-key', knownHosts });
    await test.putSecret('deploy-key', privateKey);

    await expect(test.sync()).rejects.toMatchObject({ reason: 'not-found' });
  });

  it('leaves no private key behind', async () => {
    await test.putSecret('deploy-key', privateKey);
    await test.sync();
    await test.putSecret('deploy-key', strangersKey);
    await expect(test.sync()).rejects.toThrow();

    expect(await readdir(test.scratchDir)).toEqual([]);
  });
}
