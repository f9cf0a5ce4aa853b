/** Runs something after a while; the answer calls it off. */
export type After = (delayMs: number, run: () => void) => () => void;

/** Does not keep the process alive. */
export const after: After = (delayMs, run) => {
  const timer = setTimeout(run, delayMs).unref();
  return () => clearTimeout(timer);
};
