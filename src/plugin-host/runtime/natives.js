// @ts-check

/** @import { QuickJSContext, QuickJSHandle, VmFunctionImplementation } from 'quickjs-emscripten-core' */

/**
 * Copies a string out of the guest, whose length is read before.
 *
 * @param {QuickJSContext} context
 * @param {QuickJSHandle | undefined} handle
 * @param {number} limit in UTF-16 units
 * @returns {string | undefined} nothing when it is longer
 */
export function takeString(context, handle, limit) {
  if (!handle || context.typeof(handle) !== 'string') throw new TypeError('a string is needed');
  const length = context.getProp(handle, 'length').consume((value) => context.getNumber(value));
  return length <= limit ? context.getString(handle) : undefined;
}

/**
 * What is slow or impossible in the engine itself: bytes, and calls that need no round trip.
 *
 * @param {QuickJSContext} context
 * @param {{limit: number, callSync: (name: string, params: string) => string}} options
 *   `limit`: of any text or bytes that cross, in units
 * @returns {Record<string, VmFunctionImplementation<QuickJSHandle>>}
 */
export function byteNatives(context, { limit, callSync }) {
  const text = (/** @type {QuickJSHandle | undefined} */ handle) => {
    const taken = takeString(context, handle, limit);
    if (taken === undefined) throw new RangeError(`more than ${limit} characters`);
    return taken;
  };
  const bytes = (/** @type {QuickJSHandle} */ handle) =>
    context.getArrayBuffer(handle).consume(({ value: view }) => {
      if (view.length > limit) throw new RangeError(`more than ${limit} bytes`);
      return Buffer.from(view);
    });
  const buffer = (/** @type {Uint8Array} */ given) =>
    context.newArrayBuffer(new Uint8Array(given).buffer);

  return {
    callSync: (name, params) => context.newString(callSync(text(name), text(params))),
    encodeUtf8: (value) => buffer(new TextEncoder().encode(text(value))),
    decodeUtf8: (value, fatal, ignoreBOM) => {
      const options = { fatal: isTrue(context, fatal), ignoreBOM: isTrue(context, ignoreBOM) };
      return context.newString(new TextDecoder('utf-8', options).decode(bytes(value)));
    },
    toBase64: (value) => context.newString(bytes(value).toString('base64')),
    fromBase64: (value) => buffer(Buffer.from(text(value), 'base64')),
  };
}

/**
 * @param {QuickJSContext} context
 * @param {QuickJSHandle | undefined} handle
 */
const isTrue = (context, handle) => handle !== undefined && context.dump(handle) === true;

/**
 * @param {QuickJSContext} context
 * @param {Record<string, VmFunctionImplementation<QuickJSHandle>>} functions
 * @returns {QuickJSHandle}
 */
export function nativeObject(context, functions) {
  const object = context.newObject();
  for (const [name, run] of Object.entries(functions)) {
    context.newFunction(name, run).consume((handle) => context.setProp(object, name, handle));
  }
  return object;
}
