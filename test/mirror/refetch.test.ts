import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { refetchUpstream } from '../../src/mirror/refetch.ts';
import { parseAllowList } from '../../src/outbound/address.ts';
import { makeRepository, type TestRepository } from '../support/git.ts';
import { type HttpBackend, serveHttpBackend } from '../support/http-backend.ts';
import { openMirror, type TestMirror } from '../support/mirror.ts';
import { smallRegistry } from '../support/registry.ts';

const { signal } = new AbortController();

let upstream: TestRepository;
let fresh: TestRepository;
let server: HttpBackend;
let test: TestMirror;

beforeEach(async () => {
  upstream = await makeRepository(smallRegistry());
  await upstream.git('tag', '-a', 'sales--v1.0.0', '-m', 'First');
  await upstream.git('branch', 'draft');
  fresh = await makeRepository();
  server = await serveHttpBackend(upstream.path);
  test = await openMirror({ url: server.url });
});
afterEach(async () => {
  await test.close();
  await server.close();
  await fresh.remove();
  await upstream.remove();
});

function refetch(org: string): Promise<boolean> {
  const { upstreams } = test.org.stores;
  const outbound = { allow: parseAllowList('127.0.0.1') };
  const vault = { read: async () => undefined };
  const deps = { upstreams, outbound, vault, scratchDir: test.scratchDir };
  return refetchUpstream(org, fresh.path, deps, signal);
}

describe('refetchUpstream', () => {
  it('brings the followed branch and the releases, where a sync keeps them', async () => {
    expect(await refetch('acme')).toBe(true);

    expect(await fresh.git('for-each-ref', '--format=%(refname)')).toBe(
      ['refs/upstream/heads/main', 'refs/upstream/tags/sales--v1.0.0'].join('\n'),
    );
    expect(await fresh.git('rev-parse', 'refs/upstream/heads/main')).toBe(upstream.head);
  });

  it('brings nothing for an org without an upstream', async () => {
    expect(await refetch('globex')).toBe(false);

    expect(await fresh.git('for-each-ref')).toBe('');
    expect(server.asked).toEqual([]);
  });

  it('fails when the upstream is gone', async () => {
    await server.close();

    await expect(refetch('acme')).rejects.toMatchObject({ name: 'RemoteError' });
  });
});
