import { setTimeout } from 'node:timers/promises';
import { startGuest } from './plugin-guests.ts';
import { residentMib } from './process-figures.ts';

export const GUESTS = 50;
const SETTLE_MS = 1000;

// A process of its own: what another bench left behind would count as a guest's.
process.once('message', () => void measure().then((each) => process.send!(each)));

/** MiB of resident memory that each of many guests takes. */
async function measure(): Promise<number> {
  const first = await startGuest();
  await first.call('tool.call', {}, { deadlineMs: 10_000 });
  const before = residentMib(process.pid);
  const guests = [];
  for (let i = 0; i < GUESTS; i++) {
    const guest = await startGuest();
    await guest.call('tool.call', { i }, { deadlineMs: 10_000 });
    guests.push(guest);
  }
  await setTimeout(SETTLE_MS);
  const each = (residentMib(process.pid) - before) / GUESTS;
  for (const guest of [first, ...guests]) guest.close();
  return each;
}
