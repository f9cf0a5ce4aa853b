// @ts-check
// Plain JavaScript: stripping types would cost each sandbox 30 ms of its start and 5 MB.

import { constants, getPriority, setPriority } from 'node:os';
import { platform, threadCpuUsage } from 'node:process';
import { parentPort, workerData } from 'node:worker_threads';
import { CallBook } from './call-book.js';
import { cappedMemory } from './capped-memory.js';
import { openEngine, startGuest } from './engine.js';
import { byteNatives, nativeObject } from './natives.js';
import { createSyncCalls } from './sync-calls.js';

/** @import { QuickJSHandle } from 'quickjs-emscripten-core' */
/** @import { SandboxOrder, SandboxReport } from './sandbox.ts' */

const port = /** @type {NonNullable<typeof parentPort>} */ (parentPort);
const order = /** @type {SandboxOrder} */ (workerData);
const { limits } = order;
/** For the host to see while this thread is busy: the running call, and the memory in bytes. */
const state = new Int32Array(order.state);
/** How many jobs run between two looks at the clock: native ones never meet the interrupt handler. */
const JOBS_AT_ONCE = 1000;
const GIVES_WAY_MS = 100;
let hasGivenWay = false;

const report = (/** @type {SandboxReport} */ what) => port.postMessage(what);

/** Why no more guest code runs. @type {{cause: 'timeout' | 'memory' | 'crash', message: string} | undefined} */
let fault;
const slice = { fromUs: 0, limitMs: limits.loadMs };

const cpuUs = () => {
  const { user, system } = threadCpuUsage();
  return user + system;
};

/** Processor time, not the clock's: a busy machine is not the guest's fault. */
function isOver() {
  const usedMs = (cpuUs() - slice.fromUs) / 1000;
  if (usedMs > GIVES_WAY_MS) giveWay();
  if (!fault && usedMs > slice.limitMs) {
    fault = { cause: 'timeout', message: `it computed for more than ${slice.limitMs} ms at once` };
  }
  return fault !== undefined;
}

/** What computes at length lets others go first, for as long as it lives. */
function giveWay() {
  if (hasGivenWay) return;
  hasGivenWay = true;
  // Of this thread alone, on Linux; elsewhere it would be the whole server.
  if (platform !== 'linux') return;
  const { PRIORITY_BELOW_NORMAL, PRIORITY_LOW } = constants.priority;
  setPriority(Math.min(getPriority() + PRIORITY_BELOW_NORMAL, PRIORITY_LOW));
}

const memory = cappedMemory(limits.memoryMb, () => {
  fault ??= { cause: 'memory', message: `it needs more than ${limits.memoryMb} MiB` };
});
const engine = await openEngine({
  module: order.module,
  memory,
  stackKb: limits.stackKb,
  isOver,
});
const { context } = engine;

const noteMemory = () => Atomics.store(state, 1, memory.buffer.byteLength);

/**
 * Runs guest code and all the jobs that it leaves, on behalf of one call.
 *
 * @param {number} call
 * @param {() => void} work
 */
function enter(call, work) {
  if (fault) return;
  Atomics.store(state, 0, call);
  slice.fromUs = cpuUs();
  try {
    work();
    while (!isOver() && engine.hasJobs()) engine.runJobs(JOBS_AT_ONCE);
  } catch (error) {
    // The engine itself fell over, as when the thread's own stack ends: its heap is in no known state.
    fault ??= { cause: 'crash', message: String(error).slice(0, 500) };
  }
  noteMemory();
  if (fault) report({ kind: 'ended', ...fault, call });
  Atomics.store(state, 0, 0);
}

/**
 * @param {QuickJSHandle} guestFunction
 * @param {QuickJSHandle} value
 */
function callGuest(guestFunction, value) {
  const outcome = context.callFunction(guestFunction, context.undefined, value);
  value.dispose();
  // Only what cannot be caught comes out of it, and that is known from elsewhere.
  if (outcome.error && !isOver()) fault = { cause: 'crash', message: 'its side of the wire threw' };
  outcome.dispose();
}

const book = new CallBook({
  limits,
  isOver,
  say(text) {
    // Before the answer: whoever has it may ask at once what it took.
    noteMemory();
    port.postMessage(text);
  },
  report,
  fire: (timer, call) => enter(call, () => callGuest(fireTimer, context.newNumber(timer))),
});
const sync = createSyncCalls({ port: order.syncPort, state });

report({ kind: 'booted' });
/** @type {QuickJSHandle} */
let receive;
/** @type {QuickJSHandle} */
let fireTimer;
enter(0, () => {
  const natives = {
    ...book.natives(context),
    ...byteNatives(context, { limit: limits.answerBytes, callSync: sync }),
  };
  const guest = startGuest(context, { ...order.code, natives: nativeObject(context, natives) });
  receive = context.getProp(guest, 'receive');
  fireTimer = context.getProp(guest, 'fire');
});

port.on('message', (/** @type {string} */ text) => {
  slice.limitMs = limits.cpuSliceMs;
  enter(book.received(text), () => callGuest(receive, context.newString(text)));
  book.release();
});
