import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { acceptCondition } from '../../src/mirror/conditions.ts';
import { pushReleases } from '../../src/mirror/releases.ts';
import { publishVersion } from '../../src/release/publish.ts';
import { makeRepository, type TestRepository } from '../support/git.ts';
import { type HttpBackend, serveHttpBackend } from '../support/http-backend.ts';
import { openMirror, type TestMirror, takePushes } from '../support/mirror.ts';
import { smallRegistry } from '../support/registry.ts';

const TAG = 'refs/tags/sales--v1.0.0';
const login = { username: 'waymark', password: 'the-password' };

let upstream: TestRepository;
let server: HttpBackend;
let test: TestMirror;

beforeEach(async () => {
  upstream = await makeRepository(smallRegistry());
  await takePushes(upstream);
  server = await serveHttpBackend(upstream.path);
  server.login = login;
  test = await openMirror({ url: server.url, username: 'waymark', secretRef: 'upstream' });
  await test.putSecret('upstream', login.password);
  await test.sync();
  test.ordered.length = 0;
});

afterEach(async () => {
  await test.close();
  await server.close();
  await upstream.remove();
});

const publish = async (version = '1.0.0') => {
  await publishVersion(test.org.publishing, { plugin: 'sales', version });
  return (await test.org.runtime.refs.read(`refs/tags/sales--v${version}`))!;
};
const push = () => pushReleases(test.org.runtime, test.deps, new AbortController().signal);
const tagsUpstream = () => upstream.git('for-each-ref', '--format=%(refname)', 'refs/tags/');

describe('a sync', () => {
  it('has releases pushed that were made here, once', async () => {
    await publish();

    test.mirror.hint();
    await test.mirror.settled();
    test.mirror.hint();
    await test.mirror.settled();

    expect(test.ordered).toEqual(['push-releases']);
  });

  it('has them pushed again when somebody asks for it, or another is made', async () => {
    await publish();
    await test.sync();
    await test.sync();
    await publish('1.1.0');
    test.mirror.hint();
    await test.mirror.settled();

    expect(test.ordered).toEqual(Array(3).fill('push-releases'));
  });

  it('orders nothing for an upstream without credentials', async () => {
    await test.close();
    server.login = undefined;
    test = await openMirror({ url: server.url });
    await test.sync();
    await publish();

    await test.sync();

    expect(test.ordered).toEqual([]);
  });
});

describe('pushReleases', () => {
  it('brings the signed tag to the upstream as it is', async () => {
    const oid = await publish();

    await push();

    expect(await upstream.git('rev-parse', TAG)).toBe(oid);
    await test.sync();
    expect(test.ordered).toEqual([]);
    expect(await test.conditions()).toEqual([]);
  });

  it('asks for nothing more when all are there', async () => {
    await publish();
    await push();
    server.asked.length = 0;

    await push();

    expect(server.asked.join('\n')).not.toContain('git-receive-pack');
  });

  it('never overwrites a tag of the upstream', async () => {
    await publish();
    await upstream.git('tag', '-a', '-m', 'theirs', 'sales--v1.0.0', 'main');
    const theirs = await upstream.git('rev-parse', TAG);

    await push();

    expect(await upstream.git('rev-parse', TAG)).toBe(theirs);
  });

  it('does not bring back what was removed over there', async () => {
    await publish();
    await push();
    await test.sync();
    await upstream.git('tag', '-d', 'sales--v1.0.0');
    await test.sync();
    await push();
    expect(await tagsUpstream()).toBe('');
    const [vanished] = await test.conditions();
    const acting = { org: 'acme', actor: 'user:ada', requestId: 'r' };
    await acceptCondition(vanished!.id, acting, test.deps);
    await test.sync();

    await push();

    expect(await tagsUpstream()).toBe('');
    expect(await test.conditions()).toEqual([]);
    expect(await test.org.runtime.refs.read(TAG)).toBeDefined();
  });

  it('keeps for people to see that the credentials may only read', async () => {
    await publish();
    await upstream.git('config', 'http.receivepack', 'false');

    await push();

    expect((await test.upstream()).lastWriteError).toMatchObject({
      what: 'release',
      reason: 'credentials-refused',
    });
  });

  it('keeps for people to see that the upstream takes no such tag', async () => {
    await publish();
    await upstream.git('config', 'receive.maxInputSize', '1');

    await push();

    expect((await test.upstream()).lastWriteError).toMatchObject({ what: 'release' });
    expect(await tagsUpstream()).toBe('');
  });

  it('fails when the upstream is away, to be tried again', async () => {
    await publish();
    await server.close();

    await expect(push()).rejects.toMatchObject({ reason: 'unreachable' });
  });
});
