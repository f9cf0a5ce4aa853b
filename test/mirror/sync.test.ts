import { readdir } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ZERO_OID } from '../../src/model/names.ts';
import { publishVersion } from '../../src/release/publish.ts';
import { processesOf } from '../support/children.ts';
import { makeRepository, runGit, type TestRepository } from '../support/git.ts';
import { type HttpBackend, serveHttpBackend } from '../support/http-backend.ts';
import { openMirror, PINNED_NAME, type TestMirror } from '../support/mirror.ts';
import { plugin, skill, smallRegistry } from '../support/registry.ts';
import { zeroBomb } from '../support/zero-bomb.ts';

const MAIN = 'refs/heads/main';

let upstream: TestRepository;
let server: HttpBackend;
let test: TestMirror;

beforeEach(async () => {
  upstream = await makeRepository(smallRegistry());
  server = await serveHttpBackend(upstream.path);
  test = await openMirror({ url: server.url });
});

afterEach(async () => {
  await test.close();
  await server.close();
  await upstream.remove();
});

const served = () => test.org.runtime.maybeView?.published.commit;
const refs = () => test.org.runtime.refs.list('refs/');

describe('a sync', () => {
  it('serves what the upstream has', async () => {
    await test.sync();

    expect(served()).toBe(upstream.head);
    expect(await test.upstream()).toMatchObject({ head: upstream.head, lastError: null });
    expect(await refs()).toEqual(
      new Map([
        [MAIN, upstream.head],
        ['refs/upstream/heads/main', upstream.head],
      ]),
    );
  });

  it('follows the next commits, whichever branch they are on', async () => {
    await upstream.commit(
      { 'plugins/ops/skills/page.yaml': skill('page') },
      { branch: 'trunk', from: upstream.head },
    );
    const trunk = await upstream.git('rev-parse', 'trunk');
    await test.close();
    test = await openMirror({ url: server.url, branch: 'trunk' });
    await test.sync();
    expect(served()).toBe(trunk);

    const next = await upstream.commit(
      { 'plugins/ops/skills/call.yaml': skill('call') },
      { branch: 'trunk' },
    );
    await test.sync();

    expect(served()).toBe(next);
  });

  it('asks for the refs alone when nothing is new', async () => {
    await test.sync();
    server.asked.length = 0;

    await test.sync();

    expect(server.asked.map((line) => line.replace(/\?.*/, ''))).toEqual([
      'GET /registry.git/info/refs',
      'POST /registry.git/git-upload-pack',
    ]);
    expect(served()).toBe(upstream.head);
  });

  it('reaches the address that was checked, and asks no resolver', async () => {
    await test.close();
    test = await openMirror({ url: server.url.replace('127.0.0.1', PINNED_NAME) });

    await test.sync();

    expect(served()).toBe(upstream.head);
  });

  it('says in the audit log what moved main', async () => {
    await test.sync();

    const entries = await test.org.stores.audit.list('acme', 0, 100);

    expect(entries).toContainEqual(
      expect.objectContaining({
        actor: 'system:mirror',
        action: 'mirror.promote',
        resource: MAIN,
        after: upstream.head,
      }),
    );
  });

  it('brings no tag that is of no release', async () => {
    await upstream.git('tag', 'v1', 'main');
    await upstream.git('tag', '-a', '-m', 'not ours', 'sales--v1.0.0', 'main');

    await test.sync();

    expect([...(await refs()).keys()]).toEqual([
      MAIN,
      'refs/upstream/heads/main',
      'refs/upstream/tags/sales--v1.0.0',
    ]);
    expect(await test.org.stores.publications.releases('acme')).toEqual([]);
    expect(test.org.logged).toContain('upstream tag ignored');
  });

  it('takes back a release of ours that was lost here', async () => {
    await test.sync();
    await publishVersion(test.org.publishing, { plugin: 'sales', version: '1.0.0' });
    const tag = 'refs/tags/sales--v1.0.0';
    await upstream.git('fetch', '-q', test.org.runtime.repo, `${tag}:${tag}`);
    const oid = await test.org.runtime.refs.read(tag);
    await test.org.runtime.refs.updateRef({ ref: tag, oldOid: oid!, newOid: ZERO_OID });
    await test.org.runtime.refresh();
    expect(test.org.runtime.diagnostics).toMatchObject([{ code: 'REL_TAG_MOVED' }]);

    await test.sync();

    expect(await test.org.runtime.refs.read(tag)).toBe(oid);
    expect(test.org.runtime.diagnostics).toEqual([]);
  });
});

describe('a commit that does not compile', () => {
  const broken = { 'plugins/sales/plugin.yaml': plugin('nonsense: 1') };

  it('is not followed, and told with its line', async () => {
    await test.sync();
    const good = upstream.head;
    const bad = await upstream.commit(broken);

    await test.sync();

    expect(served()).toBe(good);
    expect(await test.org.runtime.refs.read(MAIN)).toBe(good);
    expect(await test.conditions()).toMatchObject([
      {
        kind: 'broken-commit',
        ref: MAIN,
        old: good,
        new: bad,
        diagnostics: [{ path: 'plugins/sales/plugin.yaml', line: 4 }],
      },
    ]);
  });

  it('is followed by the commit that mends it', async () => {
    await test.sync();
    await upstream.commit(broken);
    await test.sync();
    const mended = await upstream.commit({ 'plugins/sales/plugin.yaml': plugin() });

    await test.sync();

    expect(served()).toBe(mended);
    expect(await test.conditions()).toEqual([]);
    const actions = (await test.org.stores.audit.list('acme', 0, 100)).map(({ action }) => action);
    expect(actions.filter((action) => action.startsWith('upstream-condition'))).toEqual([
      'upstream-condition.raise',
      'upstream-condition.clear',
    ]);
  });

  it('may be the first one', async () => {
    await upstream.commit(broken);

    await test.sync();

    expect(served()).toBeUndefined();
    expect(() => test.org.runtime.view).toThrow('see how it follows its upstream');
    expect(await test.conditions()).toMatchObject([{ kind: 'broken-commit', old: ZERO_OID }]);
  });
});

describe('an upstream that gives nothing', () => {
  const failing = async () => {
    await expect(test.sync()).rejects.toThrow();
    const { lastError } = await test.upstream();
    return lastError?.reason;
  };

  it('leaves the last good state served, and is told', async () => {
    await test.sync();
    const { lastSuccessAt } = await test.upstream();
    await server.close();
    test.org.nowMs += 60_000;

    expect(await failing()).toBe('unreachable');

    expect(served()).toBe(upstream.head);
    const { lastAttemptAt, ...after } = await test.upstream();
    expect(after).toMatchObject({ head: upstream.head, lastSuccessAt });
    expect(Date.parse(lastAttemptAt!)).toBe(test.org.nowMs);
  });

  it.each([
    ['redirected', 302, { location: 'http://127.0.0.1:1/elsewhere' }],
    ['not-found', 404, {}],
    ['credentials-refused', 403, {}],
    ['unreachable', 500, {}],
  ])('is %s when it answers %i', async (reason, status, headers) => {
    server.intercept = (_request, response) => {
      response.writeHead(status, headers).end();
      return true;
    };

    expect(await failing()).toBe(reason);
    expect(server.asked).toHaveLength(1);
  });

  it('is branch-missing without the branch', async () => {
    await upstream.git('branch', '-m', 'main', 'trunk');

    expect(await failing()).toBe('branch-missing');
  });

  it('is address-refused when its host is not allowed any more', async () => {
    const { upstreams } = test.org.stores;
    const { org: _org, version, ...settings } = await test.upstream();
    const elsewhere = { ...settings, url: 'http://127.0.0.2/registry.git' };
    await upstreams.replace('acme', elsewhere, version, {
      at: '',
      tenant: 'acme',
      actor: 'x',
      action: 'x',
      resource: 'x',
    });

    expect(await failing()).toBe('address-refused');
  });

  it('is damaged when an object does not pass fsck', async () => {
    const tree = await upstream.git('rev-parse', 'main^{tree}');
    const commit = `tree ${tree}\nauthor Ada <ada> x\ncommitter Ada <ada> x\n\nBad\n`;
    const oid = await runGit(
      upstream.path,
      ['hash-object', '-t', 'commit', '-w', '--literally', '--stdin'],
      commit,
    );
    await upstream.git('update-ref', MAIN, oid);

    expect(await failing()).toBe('damaged');
    expect(await refs()).toEqual(new Map());
  });
});

describe('a bomb upstream', () => {
  it('is refused while it inflates', async () => {
    const bomb = zeroBomb(2048);
    let posts = 0;
    // The first one lists the refs, the second one is the fetch.
    server.intercept = ({ method }, response) => {
      if (method !== 'POST' || ++posts < 2) return false;
      response.setHeader('content-type', 'application/x-git-upload-pack-result');
      response.write('000dpackfile\n');
      for (let at = 0; at < bomb.length; at += 65_000) response.write(band(bomb, at));
      response.end('0000');
      return true;
    };

    await expect(test.sync()).rejects.toMatchObject({ reason: 'damaged' });

    expect(await refs()).toEqual(new Map());
  });

  /** A packet of the protocol, on the band that carries the pack. */
  function band(pack: Buffer, at: number): Buffer {
    const piece = pack.subarray(at, at + 65_000);
    const length = (piece.length + 5).toString(16).padStart(4, '0');
    return Buffer.concat([Buffer.from(`${length}\x01`, 'latin1'), piece]);
  }
});

describe('credentials over http', () => {
  const login = { username: 'waymark', password: 'canary-3f7a91' };

  beforeEach(async () => {
    await test.close();
    test = await openMirror({ url: server.url, username: 'waymark', secretRef: 'upstream' });
    server.login = login;
  });

  it('come from the secret store', async () => {
    await test.putSecret('upstream', `${login.password}\n`);

    await test.sync();

    expect(served()).toBe(upstream.head);
  });

  it.each([
    ['credentials-refused', 'wrong-password'],
    ['secret-unusable', 'two\nlines'],
  ])('are %s when the secret is %j', async (reason, value) => {
    await test.putSecret('upstream', value);

    await expect(test.sync()).rejects.toThrow();

    expect((await test.upstream()).lastError?.reason).toBe(reason);
  });

  it('are secret-missing until there is one, and nobody is asked', async () => {
    await expect(test.sync()).rejects.toThrow();

    expect((await test.upstream()).lastError).toEqual({
      reason: 'secret-missing',
      message: 'there is no secret upstream: store it, then sync',
    });
    expect(server.asked).toEqual([]);
  });

  it('are no argument of any process', async () => {
    await test.putSecret('upstream', login.password);
    const seen: number[][] = [];
    const look = async () => {
      seen.push(await processesOf(login.password), await processesOf('git', server.url));
    };
    server.intercept = ({ headers }, response) => {
      if (headers.authorization === undefined) return false;
      void look().finally(() => response.writeHead(503).end());
      return true;
    };

    await expect(test.sync()).rejects.toThrow();

    expect(seen).toEqual([[], expect.arrayContaining([expect.any(Number)])]);
  });

  it('stand nowhere but in the request', async () => {
    server.login = { ...login, password: 'another' };
    await test.putSecret('upstream', login.password);

    const failure = await test.sync().catch((error: unknown) => error);

    const { stores, logged } = test.org;
    const told = [await test.upstream(), await stores.audit.list('acme', 0, 100), logged];
    expect(JSON.stringify(told)).not.toContain(login.password);
    expect(JSON.stringify(failure, Object.getOwnPropertyNames(failure))).not.toContain(
      login.password,
    );
    expect(await readdir(test.scratchDir)).toEqual([]);
  });
});
