import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { reportValidation } from '../../src/mirror/status.ts';
import { makeRepository, type TestRepository } from '../support/git.ts';
import { type HttpBackend, serveHttpBackend } from '../support/http-backend.ts';
import { openMirror, type TestMirror } from '../support/mirror.ts';
import { type ProviderServer, startProvider } from '../support/provider-server.ts';
import { makeProvider } from '../support/records.ts';
import { plugin, registryYaml, smallRegistry } from '../support/registry.ts';
import { makeSigningAuthor, signedBy } from '../support/signing-author.ts';

let upstream: TestRepository;
let server: HttpBackend;
let provider: ProviderServer;
let test: TestMirror;

beforeEach(async () => {
  upstream = await makeRepository(smallRegistry());
  server = await serveHttpBackend(upstream.path);
  provider = await startProvider('gitea');
  const { apiUrl } = provider;
  const settings = makeProvider({ kind: 'gitea', apiUrl, project: 'team/registry' });
  test = await openMirror({ url: server.url, provider: settings });
  await test.putSecret('api-token', provider.token);
  await test.sync();
});

afterEach(async () => {
  await test.close();
  await server.close();
  await provider.close();
  await upstream.remove();
  expect(provider.faults).toEqual([]);
});

const report = (commit: string, more = {}) =>
  reportValidation(test.org.runtime, commit, { ...test.deps, ...more });
const said = () => provider.statuses.map(({ state, description }) => `${state}: ${description}`);
const refuse = (status: number) => {
  provider.intercept = (_operation, response) => {
    response.writeHead(status).end('{}');
    return true;
  };
};

async function proposed(files: Parameters<TestRepository['commit']>[0]): Promise<string> {
  const commit = await upstream.commit(files, { branch: 'proposed', from: upstream.head });
  await test.sync();
  return commit;
}

describe('reportValidation', () => {
  it('says of a commit that compiles: pending, then success', async () => {
    await report(upstream.head);

    expect(said()).toEqual(['pending: checking', 'success: the registry is valid']);
    expect(provider.statuses[1]).toMatchObject({ commit: upstream.head, name: 'waymark/validate' });
  });

  it('says of one that does not compile where and why', async () => {
    const broken = await proposed({ 'plugins/sales/plugin.yaml': plugin('nonsense: 1') });

    await report(broken);

    expect(said()[1]).toMatch(/^failure: plugins\/sales\/plugin\.yaml:\d+:\d+ .*nonsense/);
  });

  it('says how many errors there are beside the first', async () => {
    const broken = await proposed({
      'plugins/sales/plugin.yaml': plugin('nonsense: 1'),
      'plugins/ops/plugin.yaml': plugin('nonsense: 1'),
    });

    await report(broken);

    expect(said()[1]).toMatch(/^failure: 2 errors: plugins\/ops\/plugin\.yaml:/);
  });

  it('says that a commit is not signed where the registry asks for it', async () => {
    const author = await makeSigningAuthor('ada@example.com');
    const { publicKey } = author;
    await author.close();
    await upstream.commit({ 'registry.yaml': registryYaml(signedBy('ada', publicKey)) });
    await test.sync();
    const unsigned = await proposed({ 'plugins/sales/README.md': 'Hello.\n' });

    await report(unsigned);

    expect(said()[1]).toMatch(/^failure: .*sign/);
  });

  it('says where more is said', async () => {
    await report(upstream.head, { publicUrl: 'https://waymark.example' });

    expect(provider.statuses.map(({ targetUrl }) => targetUrl)).toEqual(
      Array(2).fill('https://waymark.example'),
    );
  });

  it('says nothing of a commit that is gone', async () => {
    await report('1'.repeat(40));

    expect(provider.asked).toEqual([]);
  });

  it('keeps a refusal for people to see, and does not try again', async () => {
    refuse(403);

    await report(upstream.head);

    expect((await test.upstream()).lastWriteError).toEqual({
      what: 'status',
      reason: 'credentials-refused',
      message: 'the provider: the token may not do this',
    });
    expect(test.org.logged).toContain('this could not be written upstream');
  });

  it('fails when the provider is away, and is whole when it is tried again', async () => {
    refuse(503);
    await expect(report(upstream.head)).rejects.toMatchObject({ reason: 'failed' });
    expect((await test.upstream()).lastWriteError?.reason).toBe('failed');
    provider.intercept = () => false;

    await report(upstream.head);

    expect(said().at(-1)).toBe('success: the registry is valid');
    expect((await test.upstream()).lastWriteError).toBeNull();
  });

  it('leaves what is wrong with something else as it is', async () => {
    const fault = { what: 'release', reason: 'push-refused', message: 'no' } as const;
    await test.deps.upstreams.saveWriteError('acme', fault);

    await report(upstream.head);

    expect((await test.upstream()).lastWriteError).toEqual(fault);
  });

  it('names the secret that is missing', async () => {
    await report(upstream.head, { vault: { read: async () => undefined } });

    expect((await test.upstream()).lastWriteError).toMatchObject({ reason: 'secret-missing' });
  });
});
