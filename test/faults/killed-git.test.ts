import { access, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import { processesOf } from '../support/children.ts';
import { type Attempt, audited, auditLength, deeds, fsck, refOf } from './deeds.ts';
import { isFull, makeSite, type Site } from './site.ts';

const MAIN = 'refs/heads/main';
const LEASE_MS = 30_000;

/** Git runs this while it holds the lock of every ref that it is about to move. */
const HOLD = `#!/bin/sh
[ "$1" = prepared ] || exit 0
touch held
while [ -e hold ]; do sleep 0.05; done
`;

/** Fault 3 of docs/spec/reliability.md. */
describe('a push whose git was killed with the lock in its hands', () => {
  let site: Site;
  let attempt: Attempt;

  beforeEach(async () => {
    site = await makeSite();
    attempt = await deeds.push(site, 1);
    return () => site.remove();
  });

  it('has moved nothing, and leaves a lock that is honoured for as long as it may be held', async () => {
    const before = await refOf(site, MAIN);
    await killWithLock();

    await expect(attempt.run()).rejects.toThrow();

    expect(await refOf(site, MAIN)).toBe(before);
  });

  it('does not stand in the way of the next push once the lease is over', async () => {
    const entriesBefore = auditLength(site);
    await killWithLock();
    await passLease();

    await attempt.run();

    await expectDone(entriesBefore);
  });

  it('nor does it when the next one came too early', async () => {
    const entriesBefore = auditLength(site);
    await killWithLock();
    await attempt.run().catch(() => {});
    await passLease();

    await attempt.run();

    await expectDone(entriesBefore);
  });

  it('nor when the server was killed with it, and the lock outlived its start', async () => {
    const entriesBefore = auditLength(site);
    await killWithLock('server too');
    await site.serve();
    await attempt.run().catch(() => {});
    await passLease();

    await attempt.run();

    await expectDone(entriesBefore);
  });

  it('nor when the server was killed with it, and started later', async () => {
    const entriesBefore = auditLength(site);
    await killWithLock('server too');
    await passLease();
    await site.serve();

    await attempt.run();

    await expectDone(entriesBefore);
  });

  it('does not stand in the way of a yank, which is the server’s own', async () => {
    const yank = await deeds.yank(site, 1);
    const entriesBefore = auditLength(site);
    await killWithLock();
    await passLease();

    await yank.run();

    expect(await yank.isServed()).toBe(true);
    expect(audited(site, entriesBefore)).toHaveLength(1);
    await fsck(site);
  });

  const lock = (): string => join(site.repo, `${MAIN}.lock`);

  async function killWithLock(what: 'git' | 'server too' = 'git'): Promise<void> {
    const hook = join(site.repo, 'hooks/reference-transaction');
    const hold = join(site.repo, 'hold');
    await writeFile(hold, '');
    await writeFile(hook, HOLD, { mode: 0o755 });
    const pushing = attempt.run().catch(() => {});
    await expect.poll(() => exists(join(site.repo, 'held'))).toBe(true);
    await rm(hook);
    if (what === 'server too') await site.server.kill('SIGKILL');
    for (const pid of await processesOf('receive-pack', site.repo)) kill(pid);
    await rm(hold);
    await pushing;
    expect(await exists(lock())).toBe(true);
  }

  /** In small counts the locks are made old instead: of the ref, and of HEAD, which names it. */
  async function passLease(): Promise<void> {
    if (isFull) return wait(LEASE_MS + 1000);
    const then = (Date.now() - LEASE_MS - 1000) / 1000;
    for (const path of await readdir(site.repo, { recursive: true })) {
      if (path.endsWith('.lock')) await utimes(join(site.repo, path), then, then);
    }
  }

  async function expectDone(entriesBefore: number): Promise<void> {
    expect(await attempt.isServed()).toBe(true);
    const after = await refOf(site, MAIN);
    expect(audited(site, entriesBefore)).toEqual([{ resource: MAIN, after }]);
    expect(await exists(lock())).toBe(false);
    await fsck(site);
  }
});

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    // It ended by itself meanwhile.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
