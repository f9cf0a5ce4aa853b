// @ts-check

import { CALLBACKS_IN_FLIGHT } from './guest/dispatch.js';
import { isTooDeep, JSON_DEPTH } from './json-depth.js';
import { takeString } from './natives.js';

/** @import { QuickJSContext, QuickJSHandle, VmFunctionImplementation } from 'quickjs-emscripten-core' */
/** @import { PluginLimits } from '../../registry/server-manifest/limits.ts' */
/** @import { SandboxReport } from './sandbox.ts' */

const TIMERS = 1000;
const LONGEST_MS = 2 ** 31 - 1;
/** A body of 1 MiB in base64, and what stands around it. */
const CALLBACK_CHARS = 2 * 1024 * 1024;
/** Of all that one call asks, one after the other: what the host reads keeps it from all else. */
const CALL_CHARS = 32 * 1024 * 1024;
const REASON_CHARS = 2000;

/**
 * Whose turn it is: the calls that wait for an answer, what was asked and which
 * timers were set on their behalf. While no call waits, nothing of the guest runs.
 */
export class CallBook {
  /** How much was asked on behalf of each. @type {Map<number, number>} */
  #calls = new Map();
  /** By callback, the call that asked, and how much the host has to read of it. @type {Map<number, {call: number, chars: number}>} */
  #asked = new Map();
  /** Of them, what the host has not been told of yet. @type {string[]} */
  #unsaid = [];
  /** That the host is reading or answering. */
  #charsSaid = 0;
  /** @type {Map<number, {timer: NodeJS.Timeout, call: number}>} */
  #timers = new Map();
  /** Run out while no call waited. @type {(() => void)[]} */
  #held = [];
  #current = 0;
  #hasLoaded = false;
  #options;

  /**
   * @param {{
   *   limits: PluginLimits,
   *   isOver(): boolean,
   *   say: (text: string) => void,
   *   report: (what: SandboxReport) => void,
   *   fire(timer: number, call: number): void,
   * }} options
   */
  constructor(options) {
    this.#options = options;
  }

  /**
   * @param {string} text of the host
   * @returns {number} the call it is about
   */
  received(text) {
    const { id, method, params, ok } = JSON.parse(text);
    if (method === '$cancel') return this.#turn(params.id);
    if (ok === undefined) {
      this.#calls.set(id, 0);
      return this.#turn(id);
    }
    const { call, chars } = this.#asked.get(id) ?? { call: 0, chars: 0 };
    this.#asked.delete(id);
    this.#charsSaid -= chars;
    this.#sayMore();
    return this.#turn(call);
  }

  /** Runs the timers that had to wait for a call. */
  release() {
    for (const fire of this.#held.splice(0)) fire();
  }

  /**
   * @param {QuickJSContext} context
   * @returns {Record<string, VmFunctionImplementation<QuickJSHandle>>}
   */
  natives(context) {
    const number = (/** @type {QuickJSHandle | undefined} */ handle) =>
      handle && context.typeof(handle) === 'number' ? context.getNumber(handle) : 0;
    const string = (/** @type {QuickJSHandle | undefined} */ handle, /** @type {number} */ limit) =>
      takeString(context, handle, limit);
    return {
      answer: (id, text) =>
        this.#answer(number(id), string(text, this.#options.limits.answerBytes)),
      ask: (id, text) => this.#ask(number(id), string(text, CALLBACK_CHARS)),
      loaded: () => this.#loaded({ kind: 'loaded' }),
      failed: (reason) =>
        this.#loaded({
          kind: 'failed',
          message: string(reason, REASON_CHARS) ?? 'it does not load',
        }),
      setTimer: (id, ms) => this.#setTimer(number(id), number(ms)),
      clearTimer: (id) => this.#clearTimer(number(id)),
    };
  }

  /** @param {number} call */
  #turn(call) {
    this.#current = call;
    return call;
  }

  /** @param {SandboxReport} what */
  #loaded(what) {
    if (!this.#hasLoaded) this.#options.report(what);
    this.#hasLoaded = true;
  }

  /**
   * @param {number} id
   * @param {string | undefined} text
   */
  #answer(id, text) {
    if (this.#options.isOver() || !this.#calls.delete(id)) return;
    const { limits, report, say } = this.#options;
    const refuse = (/** @type {string} */ reason) => report({ kind: 'refused', call: id, reason });
    if (text === undefined || Buffer.byteLength(text) > limits.answerBytes) {
      refuse(`is larger than ${limits.answerBytes} bytes`);
    } else if (isTooDeep(text)) refuse(`nests deeper than ${JSON_DEPTH} levels`);
    else say(text);
  }

  /**
   * @param {number} id
   * @param {string | undefined} text
   */
  #ask(id, text) {
    if (text === undefined) throw new RangeError(`more than ${CALLBACK_CHARS} characters`);
    if (isTooDeep(text)) throw new RangeError(`more than ${JSON_DEPTH} levels`);
    // The guest's own side queues what is more. Whoever got round it shall not flood the host, nor
    // by asking under one id again and again: a second of that would hold the host up for minutes.
    if (this.#asked.size >= CALLBACKS_IN_FLIGHT || this.#asked.has(id)) {
      throw new RangeError('too many callbacks at once');
    }
    this.#count(text.length);
    this.#asked.set(id, { call: this.#current, chars: text.length });
    this.#unsaid.push(text);
    this.#sayMore();
  }

  /** @param {number} chars */
  #count(chars) {
    const asked = (this.#calls.get(this.#current) ?? 0) + chars;
    if (asked > CALL_CHARS) throw new RangeError(`more than ${CALL_CHARS} characters in one call`);
    if (this.#calls.has(this.#current)) this.#calls.set(this.#current, asked);
  }

  /** Much at once would keep the host from all else while it reads. */
  #sayMore() {
    for (let [text] = this.#unsaid; text !== undefined; [text] = this.#unsaid) {
      if (this.#charsSaid > 0 && this.#charsSaid + text.length > CALLBACK_CHARS) return;
      this.#charsSaid += text.length;
      this.#unsaid.shift();
      this.#options.say(text);
    }
  }

  /**
   * @param {number} id
   * @param {number} ms
   */
  #setTimer(id, ms) {
    if (this.#timers.size >= TIMERS) throw new RangeError(`more than ${TIMERS} timers`);
    const call = this.#current;
    const fire = () => {
      if (this.#calls.size === 0 && this.#hasLoaded) return void this.#held.push(fire);
      if (!this.#timers.delete(id)) return;
      this.#turn(call);
      this.#options.fire(id, call);
    };
    this.#clearTimer(id);
    this.#timers.set(id, { call, timer: setTimeout(fire, Math.min(Math.max(ms, 0), LONGEST_MS)) });
  }

  /** @param {number} id */
  #clearTimer(id) {
    clearTimeout(this.#timers.get(id)?.timer);
    this.#timers.delete(id);
  }
}
