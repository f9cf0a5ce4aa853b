import { stat } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sha256Hex } from '../../src/model/digest.ts';
import { checkRecipientKey } from '../../src/signing/recipient.ts';
import { makeClient, type TestClient } from '../support/client.ts';
import { type FakeRepository, HOUR_MS, makeFakeRepository } from '../support/fake-repository.ts';
import { type FakeServer, startFakeServer } from '../support/fake-server.ts';

describe('waymark enrol', () => {
  let repository: FakeRepository;
  let server: FakeServer;
  let client: TestClient;
  const rootSha256 = (): string => sha256Hex(repository.roots[0]?.body ?? '');

  beforeEach(async () => {
    repository = await makeFakeRepository();
    server = await startFakeServer(repository);
    client = await makeClient({
      WAYMARK_URL: server.url,
      WAYMARK_ORG: 'acme',
      WAYMARK_TOKEN: 'wmk_1_s',
    });
  });
  afterEach(async () => {
    await client.remove();
    await server.close();
  });

  it('stores the client, readable by its owner alone, and says what was pinned', async () => {
    const { exitCode, stdout } = await client.run(
      'enrol',
      '--name',
      'laptop',
      '--channel',
      'stable',
    );

    expect(exitCode).toBe(0);
    expect(stdout).toContain('enrolled laptop (0192-client) in acme, channel stable\n');
    expect(stdout).toContain(`root 1: sha256 ${rootSha256()}\n`);
    expect((await stat(client.path('.waymark/client.json'))).mode & 0o777).toBe(0o600);
    expect((await stat(client.path('.waymark'))).mode & 0o777).toBe(0o700);
    expect(await client.read('.waymark/.gitignore')).toBe('*\n');
  });

  it('sends a public key that bundles can be sealed to, and keeps the private one', async () => {
    await client.run('enrol', '--name', 'laptop', '--label', 'pool=ci');

    const [sent] = server.enrolments;
    expect(sent).toMatchObject({ name: 'laptop', labels: { pool: 'ci' }, channel: 'rolling' });
    const { fingerprint } = await checkRecipientKey(String(sent?.['publicKey']));
    const stored = JSON.parse(await client.read('.waymark/client.json'));
    expect(stored.fingerprint).toBe(fingerprint);
    expect(stored.privateKey).toContain('PRIVATE KEY');
    expect(JSON.stringify(server.enrolments)).not.toContain('PRIVATE KEY');
  });

  it('sends no key with --no-encryption', async () => {
    const { stdout } = await client.run('enrol', '--no-encryption');

    expect(stdout).toContain('no key: bundles come unencrypted\n');
    expect(server.enrolments[0]).not.toHaveProperty('publicKey');
  });

  it("does not store the enroller's key", async () => {
    await client.run('enrol');

    expect(JSON.stringify(await client.files())).not.toContain('wmk_1_s');
  });

  it('takes the root that it was told to expect', async () => {
    const { exitCode } = await client.run('enrol', '--root-sha256', `sha256:${rootSha256()}`);

    expect(exitCode).toBe(0);
  });

  it('refuses any other, before the server learns of the client', async () => {
    const { exitCode, stderr } = await client.run('enrol', '--root-sha256', '0'.repeat(64));

    expect(exitCode).toBe(4);
    expect(stderr).toContain(`ROOT_MISMATCH: root: its digest is ${rootSha256()}, you expect 000`);
    expect(server.enrolments).toEqual([]);
    expect(await client.files()).toEqual({});
  });

  it("refuses another organisation's root", async () => {
    const { exitCode, stderr } = await client.run('enrol', '--org', 'other');

    expect(exitCode).toBe(4);
    expect(stderr).toContain('ROOT_MISMATCH: root: it is the one of acme, not of other');
  });

  it('refuses a root that its own key did not sign', async () => {
    const stranger = await makeFakeRepository();
    const signature = stranger.roots[0]?.signature ?? Buffer.alloc(0);
    server.tampering.root = () => ({
      body: repository.roots[0]?.body ?? Buffer.alloc(0),
      signature,
    });

    const { exitCode, stderr } = await client.run('enrol');

    expect(exitCode).toBe(4);
    expect(stderr).toContain('ROOT_INVALID');
  });

  it('refuses an expired root', async () => {
    client.nowMs += 2000 * HOUR_MS;

    expect((await client.run('enrol')).exitCode).toBe(4);
    expect(server.enrolments).toEqual([]);
  });

  it('refuses a second enrolment without --again', async () => {
    await client.run('enrol');

    const second = await client.run('enrol');
    const again = await client.run('enrol', '--again');

    expect(second.exitCode).toBe(2);
    expect(again.exitCode).toBe(0);
  });

  it.each([
    ['WAYMARK_URL', "a server's address"],
    ['WAYMARK_ORG', 'an org'],
    ['WAYMARK_TOKEN', 'an API key'],
  ])('says how to give %s', async (setting, what) => {
    delete client.env[setting];

    const { exitCode, stderr } = await client.run('enrol');

    expect(exitCode).toBe(2);
    expect(stderr).toContain(`this needs ${what}: give it with`);
  });
});
