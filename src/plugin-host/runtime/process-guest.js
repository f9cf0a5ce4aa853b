// @ts-check
// What a trusted server part's own process runs: the same side of the wire as in the sandbox.

import './process-lockdown.js';
import { AsyncLocalStorage } from 'node:async_hooks';
import { registerHooks } from 'node:module';
import { Socket } from 'node:net';
import { BOOTED, createFrameReader, FAILED, frame, LOADED } from './frames.js';
import { createCodec } from './guest/bytes.js';
import { createConsole } from './guest/console.js';
import { createDispatch } from './guest/dispatch.js';
import { createFetch } from './guest/fetch.js';
import { isTooDeep, JSON_DEPTH } from './json-depth.js';
import { pureCalls } from './pure-calls.js';

/** @import { Ambient, MessageKind } from './guest/types.ts' */

const FROM_HOST = 3;
const TO_HOST = 4;

const output = new Socket({ fd: TO_HOST, readable: false, writable: true });
const say = (/** @type {string} */ text) => void output.write(frame(text));

/** @type {AsyncLocalStorage<Ambient | undefined>} */
const storage = new AsyncLocalStorage();
let answerBytes = 0;

const guest = createDispatch({
  send,
  callSync,
  ambient: { enter: (call, work) => storage.run(call, work), current: () => storage.getStore() },
  AbortController,
});

/** @type {(kind: MessageKind, id: number, text: string) => void} */
function send(kind, id, text) {
  const size = Buffer.byteLength(text);
  const fault = size > answerBytes ? `is larger than ${answerBytes} bytes` : depthFault(text);
  if (!fault) return say(text);
  if (kind === 'callback') throw new RangeError(`a callback ${fault}`);
  const error = { code: 'PLG_BAD_RESPONSE', message: `the plugin's answer ${fault}` };
  return say(JSON.stringify({ id, ok: false, error }));
}

/** @param {string} text */
const depthFault = (text) => (isTooDeep(text) ? `nests deeper than ${JSON_DEPTH} levels` : '');

/**
 * @param {string} name
 * @param {any} params
 */
function callSync(name, params) {
  const run = Object.hasOwn(pureCalls, name) ? pureCalls[name] : undefined;
  if (run) return run(params);
  throw Object.assign(new Error(`there is no ${name}`), { code: 'PLG_METHOD_UNSUPPORTED' });
}

function installGlobals() {
  const { waymark } = guest;
  const codec = createCodec({
    encodeUtf8: (text) => new TextEncoder().encode(text).buffer,
    decodeUtf8: (bytes, fatal, ignoreBOM) =>
      new TextDecoder('utf-8', { fatal, ignoreBOM }).decode(bytes),
    toBase64: (bytes) => Buffer.from(bytes).toString('base64'),
    fromBase64: (text) => new Uint8Array(Buffer.from(text, 'base64')).buffer,
  });
  const globals = { waymark, console: createConsole(waymark), ...createFetch({ waymark, codec }) };
  Object.assign(globalThis, globals);
}

/**
 * The bytes that were checked, not those that lie on the disk by now.
 *
 * @param {{url: string, script: string, answerBytes: number}} order
 */
async function load(order) {
  answerBytes = order.answerBytes;
  const { url, script: source } = order;
  const known = { url, format: 'module', source, shortCircuit: true };
  registerHooks({
    resolve: (specifier, context, next) => (specifier === url ? known : next(specifier, context)),
    load: (wanted, context, next) => (wanted === url ? known : next(wanted, context)),
  });
  installGlobals();
  try {
    guest.serve((await import(url)).default);
    say(LOADED);
  } catch (error) {
    say(`${FAILED}${String(error).slice(0, 1000)}`);
  }
}

let hear = (/** @type {string} */ text) => {
  hear = guest.receive;
  void load(JSON.parse(text));
};
// A bug that nobody awaits ends a call at most, as in the sandbox.
process.on('uncaughtException', (error) => globalThis.console.error(error));

const input = new Socket({ fd: FROM_HOST, readable: true, writable: false });
input.on('end', () => process.exit());
input.on(
  'data',
  createFrameReader({
    limitBytes: Number.MAX_SAFE_INTEGER,
    read: (text) => hear(text),
    tooLong: () => {},
  }),
);
say(BOOTED);
