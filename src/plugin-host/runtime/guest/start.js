// @ts-check
// The first of Waymark's modules in the sandbox: the others, then the script.

import { AbortController } from './abort.js';
import { createDispatch } from './dispatch.js';
import { installGlobals } from './globals.js';
import { installTimers } from './timers.js';

/** @import { Ambient, Natives } from './types.ts' */

/**
 * @param {Natives} natives
 * @returns {{receive: (text: string) => void, fire: (timer: number) => void}}
 */
export function start(natives) {
  const { parse, stringify } = JSON;
  /** All jobs are done before anything else enters: whoever entered last is who runs. @type {Ambient | undefined} */
  let current;
  const ambient = {
    /**
     * @param {Ambient | undefined} call
     * @param {() => void} work
     */
    enter(call, work) {
      current = call;
      work();
    },
    current: () => current,
  };
  const callSync = (/** @type {string} */ name, /** @type {unknown} */ params) => {
    const { ok, result, error } = parse(natives.callSync(name, stringify(params)));
    if (ok) return result;
    throw Object.assign(new Error(error.message), error);
  };
  const send = (
    /** @type {string} */ kind,
    /** @type {number} */ id,
    /** @type {string} */ text,
  ) => (kind === 'answer' ? natives.answer(id, text) : natives.ask(id, text));

  const { waymark, serve, receive } = createDispatch({ send, callSync, ambient, AbortController });
  const fire = installTimers({ natives, ambient });
  installGlobals({ waymark, natives, callSync });

  void load(serve, natives);
  return { receive, fire };
}

/**
 * @param {(table: unknown) => void} serve
 * @param {Natives} natives
 */
async function load(serve, natives) {
  try {
    const script = 'index.js';
    serve((await import(script)).default);
    natives.loaded();
  } catch (error) {
    natives.failed(reasonOf(error).slice(0, 1000));
  }
}

/** @param {any} error */
function reasonOf(error) {
  try {
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  } catch {
    return 'it threw what cannot be read';
  }
}
