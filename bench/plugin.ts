import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { PluginRuntime } from '../src/plugin-host/runtime/runtime.ts';
import { type Figure, figure } from './figure.ts';
import { startBuiltin, startGuest } from './plugin-guests.ts';
import { requestsBesideKills } from './plugin-kills.ts';
import { median, quantile, timed } from './sample.ts';

const PARAMS = { name: 'echo', arguments: { text: 'x'.repeat(200) } };
const TERMS = { deadlineMs: 10_000 };
const WARM_UP = 500;
const CALLS = 5000;
const COLD_STARTS = 15;
const IN_FLIGHT = 50;
const bench = 'plugin';

/** What a call to a server part in its sandbox costs, and what one that is killed costs others. */
export async function benchPlugin(): Promise<Figure[]> {
  const guest = await startGuest();
  const echo = startEcho();
  try {
    return [
      ...roundTrips(await roundTripsOf(guest), await yardsticks(echo)),
      await coldStart(),
      figure({
        bench,
        metric: 'memory of each of 50 guests',
        unit: 'MiB',
        atMost: 15,
        value: await memoryOfEach(),
      }),
      figure({
        bench,
        metric: `calls with ${IN_FLIGHT} in flight`,
        unit: 'calls/s',
        atLeast: 5000,
        value: await callsPerSec(guest),
      }),
      await besideKills(guest),
      ...(await requestsBesideKills()),
    ];
  } finally {
    guest.close();
    echo.close();
  }
}

type Caller = Pick<PluginRuntime, 'call'>;

async function roundTripsOf(caller: Caller, calls = CALLS): Promise<number[]> {
  const call = () => caller.call('tool.call', PARAMS, TERMS);
  for (let i = 0; i < WARM_UP; i++) await call();
  const times: number[] = [];
  for (let i = 0; i < calls; i++) times.push(await timed(call));
  return times;
}

interface Yardstick {
  name: string;
  times: readonly number[];
}

async function yardsticks(echo: Caller): Promise<Yardstick[]> {
  const builtin = startBuiltin();
  try {
    return [
      { name: 'bare worker echo', times: await roundTripsOf(echo) },
      { name: 'in-process call', times: await roundTripsOf(builtin) },
    ];
  } finally {
    builtin.close();
  }
}

function roundTrips(guest: readonly number[], yardsticks: readonly Yardstick[]): Figure[] {
  const atMost = { 0.5: 0.25, 0.99: 3 };
  return ([0.5, 0.99] as const).flatMap((q) =>
    yardsticks.map(({ name, times }) =>
      figure({
        bench,
        metric: `round trip, p${q * 100}`,
        unit: 'ms',
        value: quantile(guest, q),
        yardstick: { name, value: quantile(times, q), unit: 'ms' },
        atMost: atMost[q],
      }),
    ),
  );
}

async function coldStart(): Promise<Figure> {
  const times: number[] = [];
  for (let i = 0; i < COLD_STARTS; i++) {
    const started = performance.now();
    const guest = await startGuest();
    await guest.call('tool.call', PARAMS, TERMS);
    times.push(performance.now() - started);
    guest.close();
    await guest.ended;
  }
  const metric = 'cold start to the first answer, median';
  return figure({ bench, metric, unit: 'ms', value: median(times), atMost: 300 });
}

async function memoryOfEach(): Promise<number> {
  const child = fork(fileURLToPath(new URL('plugin-memory-process.ts', import.meta.url)));
  child.send('measure');
  const [each] = (await once(child, 'message')) as [number];
  child.kill();
  return each;
}

async function callsPerSec(guest: Caller): Promise<number> {
  let left = CALLS * 2;
  const lane = async () => {
    while (left-- > 0) await guest.call('tool.call', PARAMS, TERMS);
  };
  const elapsedMs = await timed(() => Promise.all(Array.from({ length: IN_FLIGHT }, lane)));
  return (CALLS * 2 * 1000) / elapsedMs;
}

/** The p99 of one guest while another loops, is killed and started anew, again and again. */
async function besideKills(guest: Caller): Promise<Figure> {
  const alone = quantile(await roundTripsOf(guest), 0.99);
  let isOver = false;
  const killing = (async () => {
    while (!isOver) {
      const victim = await startGuest();
      await victim.call('plugin.health', {}, TERMS).catch(() => {});
    }
  })();
  const beside = quantile(await roundTripsOf(guest, CALLS * 4), 0.99);
  isOver = true;
  await killing;
  return figure({
    bench,
    metric: 'round trip beside a guest killed in a loop, p99',
    unit: 'ms',
    value: beside,
    yardstick: { name: 'alone', value: alone, unit: 'ms' },
    ratio: beside / alone,
    atMost: 1.2,
  });
}

/** The least that any thread costs. */
function startEcho(): Caller & { close(): void } {
  const echoes = `const { parentPort } = require('node:worker_threads');
    parentPort.on('message', (text) => parentPort.postMessage(text));`;
  const worker = new Worker(echoes, { eval: true });
  return {
    async call(_method, params) {
      worker.postMessage(JSON.stringify(params));
      const [text] = (await once(worker, 'message')) as [string];
      return JSON.parse(text) as unknown;
    },
    close: () => void worker.terminate(),
  };
}
