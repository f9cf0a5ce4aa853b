import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Push, type PushedRef, type PushGate, quarantineEnv } from '../../src/git/gate.ts';
import { openObjectPool } from '../../src/git/object-pool.ts';
import { WaymarkError } from '../../src/model/errors.ts';
import { ZERO_OID } from '../../src/model/names.ts';
import { childrenOf, processesOf } from '../support/children.ts';
import {
  gitOutput,
  makeRepository,
  runGit,
  type TestRepository,
  temporaryFolder,
} from '../support/git.ts';
import { type GitServer, gateWith, serveGit } from '../support/git-server.ts';
import { zeroBomb } from '../support/zero-bomb.ts';

let repository: TestRepository;
let folder: string;
let work: string;
const closing: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  repository = await makeRepository({ 'registry.yaml': 'first' });
  folder = await temporaryFolder('waymark-push-');
  work = join(folder, 'work');
  await runGit(folder, ['clone', '-q', repository.path, work]);
});

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  await repository.remove();
  await rm(folder, { recursive: true });
});

async function serve(gate?: PushGate): Promise<GitServer> {
  const server = await serveGit(repository.path, gate);
  closing.push(() => server.close());
  await runGit(work, ['remote', 'set-url', 'origin', server.url]);
  return server;
}

async function commit(content: string | Buffer = 'second'): Promise<string> {
  await writeFile(join(work, 'registry.yaml'), content);
  await runGit(work, ['commit', '-q', '-a', '-m', 'Change']);
  return await runGit(work, ['rev-parse', 'HEAD']);
}

const push = (...refs: string[]) =>
  gitOutput(work, ['push', 'origin', ...(refs.length > 0 ? refs : ['main'])]);
const served = (ref = 'refs/heads/main') =>
  repository.git('for-each-ref', '--format=%(objectname)', ref);

describe('a push', () => {
  it('is shown to the gate before any ref moves, and received with the refs that moved', async () => {
    const seen: { push: Push; head: string; applied?: readonly PushedRef[] }[] = [];
    await serve(
      gateWith({
        async check(push) {
          seen.push({ push, head: await served() });
          return { accept: true, messages: [] };
        },
        async received(push, applied) {
          seen.push({ push, head: await served(), applied });
        },
      }),
    );
    const pushed = await commit();

    await push();

    const update = { ref: 'refs/heads/main', old: repository.head, new: pushed };
    expect(seen).toMatchObject([
      { push: { actor: 'user:ada', updates: [update] }, head: repository.head },
      { push: { updates: [update] }, head: pushed, applied: [update] },
    ]);
  });

  it('lets the gate read its objects, which nobody else sees yet', async () => {
    const pool = openObjectPool(repository.path);
    const seen: unknown[] = [];
    const pushed = await commit('in quarantine');
    const blob = await runGit(work, ['rev-parse', 'HEAD:registry.yaml']);
    await serve(
      gateWith({
        async check(push) {
          const quarantine = openObjectPool(repository.path, { env: quarantineEnv(push) });
          seen.push(String(await quarantine.readBlob(blob)));
          seen.push((await quarantine.readCommit(repository.head)).oid);
          seen.push(await pool.find(pushed));
          quarantine.close();
          return { accept: true, messages: [] };
        },
      }),
    );

    await push();

    expect(seen).toEqual(['in quarantine', repository.head, undefined]);
    expect((await pool.readCommit(pushed)).oid).toBe(pushed);
    pool.close();
  });

  it('shows the messages of an accepted push to its author', async () => {
    await serve(gateWith({ check: async () => ({ accept: true, messages: ['a warning'] }) }));
    await commit();

    expect((await push()).stderr).toMatch(/remote: a warning/);
  });

  it('does not end before it is received', async () => {
    const order: string[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    const server = await serve(
      gateWith({
        async received() {
          order.push('receiving');
          await promise;
          order.push('received');
        },
      }),
    );
    const pushed = await commit();

    const pushing = push().then(() => order.push('told'));
    await expect.poll(() => order).toEqual(['receiving']);
    expect(await served()).toBe(pushed);
    resolve();
    await pushing;

    expect(order).toEqual(['receiving', 'received', 'told']);
    expect(server.failures).toEqual([]);
  });

  it('is told to its author even when the gate fails to receive it', async () => {
    const fault = new Error('no database');
    const server = await serve(gateWith({ received: () => Promise.reject(fault) }));
    const pushed = await commit();

    await push();

    expect(await served()).toBe(pushed);
    expect(server.failures).toEqual([fault]);
  });

  it('of several refs is received with those that git took', async () => {
    const received: PushedRef[] = [];
    await serve(
      gateWith({
        received: async (_push, applied) => {
          received.push(...applied);
        },
      }),
    );
    const pushed = await commit();
    const newer = await repository.commit({ 'registry.yaml': 'overtaken' });

    await expect(push('+main', 'main:refs/heads/topic')).rejects.toThrow('remote rejected');

    expect(received).toEqual([{ ref: 'refs/heads/topic', old: ZERO_OID, new: pushed }]);
    expect(await served()).toBe(newer);
  });

  it('larger than git buffers comes in chunks', async () => {
    await serve(gateWith());
    const pushed = await commit(randomBytes(3_000_000));

    await gitOutput(work, ['-c', 'http.postBuffer=65536', 'push', 'origin', 'main']);

    expect(await served()).toBe(pushed);
  });

  it('stands in the reflog under the name of who pushed', async () => {
    await serve(gateWith());
    await commit();

    await push();

    expect(await repository.git('reflog', '-1', '--format=%gn %ge', 'main')).toBe(
      'user:ada user:ada',
    );
  });
});

describe('a refused push', () => {
  it('shows every message to its author and changes nothing', async () => {
    const received: unknown[] = [];
    await serve({
      check: async () => ({
        accept: false,
        messages: ['plugins/x.yaml:3:5 unknown key', 'two\nlines', '\u001b[31mred\u0007'],
      }),
      received: async (push) => {
        received.push(push);
      },
    });
    const pushed = await commit();

    const refusal: Error = await push().then(
      () => new Error('it was accepted'),
      (error: Error) => error,
    );

    expect(refusal.message).toMatch(/remote: plugins\/x\.yaml:3:5 unknown key/);
    expect(refusal.message).toMatch(/remote: two +\nremote: lines/);
    expect(refusal.message).toMatch(/remote: \ufffd\[31mred\ufffd/);
    expect(refusal.message).toMatch(/pre-receive hook declined/);
    expect(await served()).toBe(repository.head);
    expect(received).toEqual([]);
    await expect(repository.git('cat-file', '-e', pushed)).rejects.toThrow();
  });

  it('says why, when the gate threw a sentence for the author', async () => {
    const server = await serve(
      gateWith({
        check: () => Promise.reject(new WaymarkError('PERM_DENIED', 'main needs a publisher')),
      }),
    );
    await commit();

    await expect(push()).rejects.toThrow('remote: main needs a publisher');
    expect(server.failures).toMatchObject([{ code: 'PERM_DENIED' }]);
  });

  it('says nothing of a fault of the server', async () => {
    const server = await serve(
      gateWith({ check: () => Promise.reject(new Error('password hunter2 refused by db-7')) }),
    );
    await commit();

    const refusal = push();

    await expect(refusal).rejects.toThrow('remote: Waymark failed to check this push');
    await expect(refusal).rejects.not.toThrow('hunter2');
    expect(server.failures).toHaveLength(1);
    expect(await served()).toBe(repository.head);
  });

  it('is what every push without a gate is', async () => {
    await serve();
    await commit();

    await expect(push()).rejects.toThrow('pushes go through Waymark');
  });

  it.each([
    ['a force-push', ['+HEAD~0:main']],
    ['a deletion', [':main']],
    ['a push to a hidden ref', ['HEAD:refs/internal/keep/x']],
  ])('is %s, whatever the gate says', async (_what, refs) => {
    await serve(gateWith());
    await runGit(work, ['commit', '-q', '--amend', '-m', 'Rewritten']);

    await expect(push(...refs)).rejects.toThrow('remote rejected');
    expect(await served()).toBe(repository.head);
    expect(await served('refs/internal')).toBe('');
  });

  it('is a pack over the limit, and the server lives', async () => {
    await repository.git('config', 'receive.maxInputSize', '100000');
    const server = await serve(gateWith());
    await commit(randomBytes(2_000_000));

    await expect(push()).rejects.toThrow(/maximum allowed size|unpacker error|abnormal exit/);

    await runGit(work, ['reset', '-q', '--hard', 'HEAD~1']);
    const pushed = await commit('small');
    await push();
    expect(await served()).toBe(pushed);
    expect(server.failures).toEqual([]);
  });

  it('is a small pack that unpacks to 2 GB, soon and without the memory for it', async () => {
    const server = await serve(gateWith());
    const pack = zeroBomb(2048);
    const command = `${ZERO_OID} ${'b'.repeat(40)} refs/heads/bomb\0 report-status`;
    const line = `${(command.length + 4).toString(16).padStart(4, '0')}${command}0000`;
    const startedAt = performance.now();

    const answer = await fetch(`${server.url}/git-receive-pack`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-git-receive-pack-request' },
      body: new Uint8Array(Buffer.concat([Buffer.from(line), pack])),
    });
    const text = await answer.text().catch(() => 'cut off');

    expect(pack.length).toBeLessThan(5_000_000);
    expect(text).toMatch(/unpack (?!ok)|cut off/);
    expect(performance.now() - startedAt).toBeLessThan(60_000);
    expect(await served('refs/heads/bomb')).toBe('');
    expect(await repository.git('count-objects', '-v')).toMatch('garbage: 0');
  });
});

describe('a push that is cut off', () => {
  it('runs to its end when the client leaves during the check', async () => {
    const { promise: checked, resolve: verdict } = Promise.withResolvers<void>();
    const { promise: received, resolve } = Promise.withResolvers<readonly PushedRef[]>();
    const { promise: checking, resolve: onCheck } = Promise.withResolvers<void>();
    await serve({
      async check() {
        onCheck();
        await checked;
        return { accept: true, messages: ['nobody reads this'] };
      },
      received: async (_push, applied) => resolve(applied),
    });
    const pushed = await commit();
    const client = spawn('git', ['push', '-q', 'origin', 'main'], {
      cwd: work,
      stdio: 'ignore',
      detached: true,
    });
    await checking;

    process.kill(-(client.pid as number), 'SIGKILL');
    await once(client, 'close');
    verdict();

    expect(await received).toMatchObject([{ new: pushed }]);
    expect(await served()).toBe(pushed);
  });

  it('by a killed git leaves no lock in the way of the next one', async () => {
    const { promise: checking, resolve: onCheck } = Promise.withResolvers<void>();
    const { promise: checked, resolve: verdict } = Promise.withResolvers<void>();
    await serve(
      gateWith({
        async check() {
          onCheck();
          await checked;
          return { accept: true, messages: [] };
        },
      }),
    );
    const pushed = await commit();
    const first = push().catch(() => {}); // or curl tries again by itself
    await checking;
    const lock = join(repository.path, 'refs/heads/main.lock');
    await writeFile(lock, '');
    await utimes(lock, Date.now() / 1000 - 31, Date.now() / 1000 - 31);

    for (const pid of await childrenOf(repository.path, 'receive-pack')) {
      process.kill(pid, 'SIGKILL');
    }
    verdict();
    await first;
    await push();

    expect(await served()).toBe(pushed);
  });

  it.each([
    ['push.gate-passed', 'nothing'],
    ['push.accepted', 'all or nothing'],
    ['push.received', 'all'],
  ])('by a server killed at %s has done %s, and can be pushed again', async (point, done) => {
    const url = await serverProcess(`${point}=kill`);
    await runGit(work, ['remote', 'set-url', 'origin', url]);
    const pushed = await commit();

    await expect(push()).rejects.toThrow();

    // Git itself lives on for a moment: it is settled when no process has the repository open.
    await expect.poll(() => processesOf('receive-pack', repository.path)).toEqual([]);
    const head = await served();
    const outcomes = {
      nothing: [repository.head],
      'all or nothing': [repository.head, pushed],
      all: [pushed],
    };
    expect(outcomes[done as keyof typeof outcomes]).toContain(head);
    await repository.git('fsck', '--strict');
    await serve(gateWith());
    await push();
    expect(await served()).toBe(pushed);
  });

  async function serverProcess(failpoints: string): Promise<string> {
    const script = new URL('../support/git-server-process.ts', import.meta.url).pathname;
    const child = spawn(process.execPath, [script, repository.path, failpoints], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [url] = await once(createInterface({ input: child.stdout }), 'line');
    return url as string;
  }
});
