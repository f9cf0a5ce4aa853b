import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { beforeEach, describe, expect, it } from 'vitest';
import { createInProcessQueue } from '../../src/queue/in-process.ts';
import { temporaryFolder } from '../support/git.ts';
import { isFull } from './site.ts';
import { addSteps, changesOf, openWork, type Work } from './work.ts';

const ROUNDS = isFull ? 20 : 2;
const LOCK_MS = 60_000;

/** Fault 10 of docs/spec/reliability.md. */
describe('a worker that is stopped past its lock, then continued', () => {
  let folder: string;
  let file: string;
  let work: Work;
  let frozen: ChildProcess | undefined;
  let lines: Interface;
  let isAhead: boolean;
  let taken: PromiseWithResolvers<void>;

  beforeEach(async () => {
    folder = await temporaryFolder('waymark-frozen-');
    file = join(folder, 'waymark.db');
    isAhead = false;
    taken = Promise.withResolvers();
    work = await openWork({
      file,
      queue: createInProcessQueue(1),
      lockMs: LOCK_MS,
      clock: () => Date.now() + (isAhead ? 2 * LOCK_MS : 0),
      during: async () => {},
      onWritten: () => taken.resolve(),
    });
    return async () => {
      frozen?.kill('SIGKILL');
      await work.close();
      await rm(folder, { recursive: true, force: true });
    };
  });

  function startFrozen(): ChildProcess {
    const script = join(import.meta.dirname, 'job-worker.ts');
    const args = [script, file, String(LOCK_MS)];
    frozen = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    lines = createInterface({ input: frozen.stdout! });
    return frozen;
  }

  const nextLine = async () => ((await once(lines, 'line')) as [string])[0];

  it.each(Array.from({ length: ROUNDS }, (_, i) => i))(
    'changes nothing by what it still writes (%d)',
    async () => {
      const orgs = await addSteps(work, 1);
      const child = startFrozen();
      expect(await nextLine()).toBe('began 1');
      child.kill('SIGSTOP');

      isAhead = true;
      work.jobs.start();
      await taken.promise;
      const said = nextLine();
      child.kill('SIGCONT');
      child.stdin!.write('go on\n');

      expect(await said).toBe('overtaken');
      expect(await changesOf(work, orgs)).toEqual([1]);
      expect(await work.stores.quarantines.find(orgs[0]!)).toMatchObject({ reason: 'epoch 2' });
      await work.jobs.stop();
      expect(await work.stores.jobs.countByState()).toEqual({ done: 1 });
    },
  );
});
