import { existsSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runGit } from '../../src/git/run.ts';
import { makeRepository, type TestRepository } from '../support/git.ts';

let repository: TestRepository;
beforeEach(async () => {
  repository = await makeRepository({ a: 'x' });
});
afterEach(() => repository.remove());

describe('runGit', () => {
  it('gives stdout for what stdin held', async () => {
    const oid = await runGit(repository.path, ['hash-object', '--stdin'], { input: 'x' });

    expect(oid.toString().trim()).toBe(await repository.git('rev-parse', 'main:a'));
  });

  it('fails with the exit code and what git said', async () => {
    await expect(runGit(repository.path, ['rev-parse', '--verify', 'none'])).rejects.toMatchObject({
      name: 'GitError',
      exitCode: 128,
      signal: null,
      stderr: expect.stringContaining('Needed a single revision'),
    });
  });

  it('knows nothing of the environment that the server runs in', async () => {
    process.env['GIT_AUTHOR_NAME'] = 'a canary';
    try {
      const env = await runGit(repository.path, ['-c', 'alias.env=!env', 'env']);

      expect(env.toString()).not.toMatch(/canary/);
      expect(env.toString()).toMatch(/^HOME=\/nonexistent$/m);
    } finally {
      delete process.env['GIT_AUTHOR_NAME'];
    }
  });

  it('ends a command that says too much', async () => {
    const run = runGit(repository.path, ['rev-parse', 'main'], { outputLimitBytes: 10 });

    await expect(run).rejects.toMatchObject({ stderr: 'more than 10 bytes of output' });
  });

  it('ends a command that takes too long', async () => {
    const run = runGit(repository.path, ['-c', 'alias.wait=!sleep 5', 'wait'], {
      timeoutSec: 0.1,
    });

    await expect(run).rejects.toMatchObject({ signal: 'SIGTERM', stderr: 'not done after 0.1 s' });
  });

  it('lets a command that takes too long remove its lock', async () => {
    const holdsLock = '!trap "rm $1; exit 1" TERM; touch $1; while :; do sleep 0.01; done; :';
    const lock = `${repository.path}/held.lock`;

    const run = runGit(repository.path, ['-c', `alias.hold=${holdsLock}`, 'hold', lock], {
      timeoutSec: 0.5,
    });

    await expect(run).rejects.toMatchObject({ signal: 'SIGTERM' });
    await expect.poll(() => existsSync(lock)).toBe(false);
  });

  it('ends a command that outgrows its memory', async () => {
    const run = runGit(
      repository.path,
      ['-c', 'core.bigFileThreshold=4g', 'hash-object', '--stdin'],
      {
        input: Buffer.alloc(80_000_000),
        limits: { addressSpaceBytes: 64_000_000 },
      },
    );

    await expect(run).rejects.toMatchObject({ name: 'GitError', exitCode: 128 });
  });
});
