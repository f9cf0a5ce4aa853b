// @ts-check

/** @import { Ambient, AmbientStore, Natives } from './types.ts' */
/** @typedef {{run: Function, args: unknown[], repeatMs: number | undefined, owner: Ambient | undefined}} Timer */

/**
 * `setTimeout` and its like, by the thread's timers.
 *
 * @param {{natives: Pick<Natives, 'setTimer' | 'clearTimer'>, ambient: AmbientStore}} port
 * @returns {(id: number) => void} what to call when one has run out
 */
export function installTimers({ natives, ambient }) {
  /** @type {Map<number, Timer>} */
  const timers = new Map();
  let nextId = 1;

  /**
   * @param {unknown} run
   * @param {unknown} ms
   * @param {unknown[]} args
   * @param {boolean} repeats
   */
  function set(run, ms, args, repeats) {
    if (typeof run !== 'function') throw new TypeError('a timer needs a function');
    const id = nextId++;
    const afterMs = Math.max(Number(ms) || 0, 1);
    natives.setTimer(id, afterMs);
    timers.set(id, {
      run,
      args,
      repeatMs: repeats ? afterMs : undefined,
      owner: ambient.current(),
    });
    return id;
  }
  const clear = (/** @type {unknown} */ id) => {
    if (timers.delete(Number(id))) natives.clearTimer(Number(id));
  };

  Object.assign(globalThis, {
    setTimeout: (
      /** @type {unknown} */ run,
      /** @type {unknown} */ ms,
      /** @type {unknown[]} */ ...args
    ) => set(run, ms, args, false),
    setInterval: (
      /** @type {unknown} */ run,
      /** @type {unknown} */ ms,
      /** @type {unknown[]} */ ...args
    ) => set(run, ms, args, true),
    clearTimeout: clear,
    clearInterval: clear,
    queueMicrotask: (/** @type {() => void} */ run) => void Promise.resolve().then(run),
  });

  return (id) => {
    const timer = timers.get(id);
    if (!timer) return;
    const { run, args, repeatMs, owner } = timer;
    if (repeatMs === undefined) timers.delete(id);
    else natives.setTimer(id, repeatMs);
    ambient.enter(owner, () => {
      try {
        run(...args);
      } catch (error) {
        // Nobody waits for it: as a page does, the console is told and life goes on.
        globalThis.console?.error(error);
      }
    });
  };
}
