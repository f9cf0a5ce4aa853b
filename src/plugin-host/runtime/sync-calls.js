// @ts-check

import { receiveMessageOnPort } from 'node:worker_threads';
import { needsSecret, pureCalls, urlCalls } from './pure-calls.js';

/** @import { MessagePort } from 'node:worker_threads' */

/** Which cell of the shared state the host wakes this thread by. */
export const ANSWERED = 2;
const LONGEST_MS = 5000;
const known = new Map(Object.entries({ ...pureCalls, ...urlCalls }));

/**
 * Calls that are answered before they return. All are computed in this thread,
 * but what takes a secret: for that the thread stands still until the host has answered.
 *
 * @param {{port: MessagePort, state: Int32Array<SharedArrayBuffer>}} host
 * @returns {(name: string, params: string) => string} JSON of `{ok, result}` or `{ok, error}`
 */
export function createSyncCalls({ port, state }) {
  return (name, text) => {
    const params = JSON.parse(text);
    const run = known.get(name);
    if (run && name === 'host.crypto.hmac' && needsSecret(params)) return ask(port, state, params);
    try {
      if (!run)
        throw Object.assign(new Error(`there is no ${name}`), { code: 'PLG_METHOD_UNSUPPORTED' });
      return JSON.stringify({ ok: true, result: run(params) });
    } catch (error) {
      const { code = 'VAL_FAILED', message } = /** @type {any} */ (error);
      return JSON.stringify({ ok: false, error: { code, message } });
    }
  };
}

/**
 * @param {MessagePort} port
 * @param {Int32Array<SharedArrayBuffer>} state
 * @param {unknown} params
 */
function ask(port, state, params) {
  Atomics.store(state, ANSWERED, 0);
  port.postMessage(JSON.stringify(params));
  Atomics.wait(state, ANSWERED, 0, LONGEST_MS);
  const received = receiveMessageOnPort(port);
  if (received) return /** @type {string} */ (received.message);
  const error = { code: 'PLG_TIMEOUT', message: 'the host did not answer' };
  return JSON.stringify({ ok: false, error });
}
