// @ts-check

import releaseSync from '@jitl/quickjs-wasmfile-release-sync';
import { newQuickJSWASMModuleFromVariant, newVariant } from 'quickjs-emscripten-core';

/** @import { QuickJSContext, QuickJSFFI, QuickJSHandle, QuickJSRuntime, QuickJSSyncVariant, QuickJSWASMModule } from 'quickjs-emscripten-core' */

/** Its types are CommonJS's, what is loaded is not. */
const variant = /** @type {QuickJSSyncVariant} */ (/** @type {unknown} */ (releaseSync));

/** What only Waymark's own modules may import. */
const OWN = 'waymark:';
const SCRIPT = 'index.js';

/**
 * @param {object} options
 * @param {WebAssembly.Module} options.module
 * @param {WebAssembly.Memory} options.memory
 * @param {number} options.stackKb
 * @param {() => boolean} options.isOver asked often while guest code runs; true stops it, uncatchably
 */
export async function openEngine({ module, memory, stackKb, isOver }) {
  const options = { wasmModule: module, wasmMemory: memory };
  const quickjs = await newQuickJSWASMModuleFromVariant(newVariant(variant, options));
  const runtime = quickjs.newRuntime();
  runtime.setMaxStackSize(stackKb * 1024);
  runtime.setInterruptHandler(isOver);
  const context = runtime.newContext();
  return { context, hasJobs: () => runtime.hasPendingJob(), runJobs: jobRunner(quickjs, runtime) };
}

/**
 * `executePendingJobs` reads its answer through a view of the memory that a growth detaches, and
 * then makes a context for every growth: hence the call beneath it.
 *
 * @param {QuickJSWASMModule} quickjs
 * @param {QuickJSRuntime} runtime
 * @returns {(atMost: number) => void}
 */
function jobRunner(quickjs, runtime) {
  const ffi = /** @type {QuickJSFFI} */ (quickjs.getFFI());
  const { rt, memory } = /** @type {any} */ (runtime);
  const lastContext = memory.newMutablePointerArray(1).value.ptr;
  return (atMost) => {
    const outcome = ffi.QTS_ExecutePendingJob(rt.value, atMost, lastContext);
    // A number of jobs, or what no handler caught: an interruption, the end of memory. Both are
    // known from elsewhere.
    ffi.QTS_FreeValuePointerRuntime(rt.value, outcome);
  };
}

/**
 * Starts the guest's side of the wire, which loads the script.
 *
 * @param {QuickJSContext} context
 * @param {{modules: Readonly<Record<string, string>>, script: string, natives: QuickJSHandle}} code
 *   `modules`: Waymark's own by file name, and what scripts may import by its specifier
 * @returns {QuickJSHandle} the function that takes in what the host says
 */
export function startGuest(context, { modules, script, natives }) {
  const sources = new Map(Object.entries(modules)).set(SCRIPT, script);
  context.runtime.setModuleLoader(
    (name) =>
      sources.get(name) ?? { error: new Error(`there is no module ${name.replace('!', '')}`) },
    resolve,
  );
  const started = context.evalCode(`export { start } from '${OWN}start.js'`, `${OWN}main`, {
    type: 'module',
  });
  const namespace = context.unwrapResult(started);
  const start = context.getProp(namespace, 'start');
  return context.unwrapResult(context.callFunction(start, context.undefined, natives));
}

/**
 * @param {string} base
 * @param {string} name
 * @returns {string} what is no key of any source where the importer may not have it
 */
function resolve(base, name) {
  if (base.startsWith(OWN)) return name.startsWith('./') ? `${OWN}${name.slice(2)}` : name;
  return name.startsWith('waymark/') ? name : `!${name}`;
}
