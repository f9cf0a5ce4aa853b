import { once } from 'node:events';
import { createInProcessQueue } from '../../src/queue/in-process.ts';
import { openWork } from './work.ts';

/** A worker process: says when a run has begun, writes when it is told to, and says what came of it. */
const [file = '', lockMs = ''] = process.argv.slice(2);

const work = await openWork({
  file,
  queue: createInProcessQueue(1),
  lockMs: Number(lockMs),
  async during({ epoch }) {
    console.log(`began ${epoch}`);
    await once(process.stdin, 'data');
  },
  onWritten: (isWritten) => console.log(isWritten ? 'written' : 'overtaken'),
});
// A worker's own timers keep no process alive.
process.stdin.resume();
work.jobs.start();
