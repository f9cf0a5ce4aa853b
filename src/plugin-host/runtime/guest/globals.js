// @ts-check

import { AbortController, AbortSignal, DOMException, Event, EventTarget } from './abort.js';
import { createCodec } from './bytes.js';
import { createConsole } from './console.js';
import { createCrypto } from './crypto.js';
import { createEncoding } from './encoding.js';
import { createFetch } from './fetch.js';
import { structuredClone } from './structured-clone.js';
import { createUrl } from './url.js';

/** @import { Natives, Waymark } from './types.ts' */

/**
 * What a script finds beside ES2023.
 *
 * @param {object} port
 * @param {Waymark} port.waymark
 * @param {Natives} port.natives
 * @param {(name: string, params: object) => any} port.callSync
 */
export function installGlobals({ waymark, natives, callSync }) {
  const codec = createCodec(natives);
  const startedMs = Date.now();
  const globals = {
    console: createConsole(waymark),
    ...createEncoding(codec),
    ...createUrl(callSync),
    ...createFetch({ waymark, codec }),
    crypto: createCrypto({ callSync, codec }),
    performance: { now: () => Date.now() - startedMs, timeOrigin: startedMs },
    structuredClone,
    AbortController,
    AbortSignal,
    DOMException,
    Event,
    EventTarget,
    waymark: Object.freeze(waymark),
  };
  for (const [name, value] of Object.entries(globals)) {
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });
  }
}
