// @ts-check
// The guest's side of the wire, the same in every runtime. In the sandbox a script may break
// whatever it finds here: it then harms itself alone, since the host trusts no word of it.

/** @import { DispatchPort, GuestCall, MethodTable, WaitingCallback, Waymark } from './types.ts' */

const { parse, stringify } = JSON;

/** More wait in the guest's own memory. The worker refuses what comes on top. */
export const CALLBACKS_IN_FLIGHT = 16;
const CODE_CHARS = 100;
const MESSAGE_CHARS = 2000;
const DETAILS_CHARS = 64 * 1024;

/**
 * @param {DispatchPort} port
 * @returns {{waymark: Waymark, serve: (table: unknown) => void, receive: (text: string) => void}}
 */
export function createDispatch({ send, callSync, ambient, AbortController }) {
  /** @type {MethodTable} */
  let methods = {};
  /** @type {Map<number, {abort(): void}>} */
  const calls = new Map();
  const callbacks = createCallbacks({ send, ambient });

  /** @param {{id: number, method: string, params: any, deadlineMs: number}} request */
  async function answer({ id, method, params, deadlineMs }) {
    const controller = new AbortController();
    calls.set(id, controller);
    const signal = /** @type {AbortSignal} */ (controller.signal);
    const text = await outcome(methods, method, params, { signal, deadlineMs });
    calls.delete(id);
    send('answer', id, `{"id":${id},${text}}`);
  }

  return {
    waymark: {
      call: (name, params) => callbacks.call(name, params),
      callSync: (name, params = {}) => callSync(name, callbacks.named(params)),
    },
    serve(table) {
      if (table === null || typeof table !== 'object') {
        throw new TypeError('the default export is no table of methods');
      }
      methods = /** @type {MethodTable} */ (table);
    },
    receive(text) {
      const message = parse(text);
      if (message.method === '$cancel') return calls.get(message.params.id)?.abort();
      if ('ok' in message) return callbacks.settle(message);
      const { id, params } = message;
      const callbackId = params?.host_callback_id ?? params?.context?.host_callback_id;
      return ambient.enter({ id, callbackId }, () => void answer(message));
    },
  };
}

/**
 * @param {MethodTable} methods
 * @param {string} method
 * @param {unknown} params
 * @param {GuestCall} call
 * @returns {Promise<string>} the answer's members, as JSON text
 */
async function outcome(methods, method, params, call) {
  let result;
  try {
    if (!Object.hasOwn(methods, method) || typeof methods[method] !== 'function') {
      return failure({ code: 'PLG_METHOD_UNSUPPORTED', message: `there is no ${method}` });
    }
    result = await methods[method](params, call);
  } catch (error) {
    return failure(envelope(error));
  }
  try {
    return `"ok":true,"result":${stringify(result) ?? 'null'}`;
  } catch (error) {
    const { message } = bug(error);
    return failure({ code: 'PLG_BAD_RESPONSE', message: `the result is not JSON: ${message}` });
  }
}

/** @param {object} error */
const failure = (error) => `"ok":false,"error":${stringify(error)}`;

/**
 * An error that says what its caller shall read; any other is a bug of the plugin.
 *
 * @param {any} error
 */
function envelope(error) {
  try {
    const { code, message, retryable, http_status, details } = error;
    if (typeof code !== 'string' || typeof message !== 'string') return bug(error);
    const facts = {
      code: code.slice(0, CODE_CHARS),
      message: message.slice(0, MESSAGE_CHARS),
      retryable: retryable === true,
      ...(typeof http_status === 'number' ? { http_status } : {}),
    };
    const text = details === undefined ? undefined : stringify(details);
    return text && text.length <= DETAILS_CHARS ? { ...facts, details: parse(text) } : facts;
  } catch {
    return bug(error);
  }
}

/** @param {unknown} text */
const clipped = (text) => String(text).slice(0, MESSAGE_CHARS);

/** @param {any} error */
function bug(error) {
  const code = 'PLG_HANDLER_ERROR';
  try {
    if (!(error instanceof Error)) return { code, message: clipped(String(error)) };
    const message = `${clipped(error.name)}: ${clipped(error.message)}`;
    return { code, message, details: { stack: clipped(error.stack) } };
  } catch {
    return { code, message: 'it threw what cannot be read' };
  }
}

/** @param {Pick<DispatchPort, 'send' | 'ambient'>} port */
function createCallbacks({ send, ambient }) {
  let nextId = 1;
  /** @type {Map<number, WaitingCallback>} */
  const sent = new Map();
  /** @type {WaitingCallback[]} */
  const queue = [];

  /** @param {Readonly<Record<string, unknown>>} params */
  const named = (params) => {
    const callbackId = ambient.current()?.callbackId;
    const isNamed = params['host_callback_id'] !== undefined || callbackId === undefined;
    return isNamed ? params : { ...params, host_callback_id: callbackId };
  };

  function sendNext() {
    while (queue.length > 0 && sent.size < CALLBACKS_IN_FLIGHT) {
      const next = /** @type {WaitingCallback} */ (queue.shift());
      try {
        send('callback', next.id, next.text);
        sent.set(next.id, next);
      } catch (error) {
        next.reject(error);
      }
    }
  }

  return {
    named,
    /**
     * @param {string} method
     * @param {Readonly<Record<string, unknown>>} [given]
     * @returns {Promise<unknown>}
     */
    call(method, given = {}) {
      const owner = ambient.current();
      const params = named(given);
      return new Promise((resolve, reject) => {
        const id = nextId++;
        queue.push({ id, text: stringify({ id, method, params }), owner, resolve, reject });
        sendNext();
      });
    },
    /** @param {{id: number, ok: boolean, result?: unknown, error?: any}} answer */
    settle({ id, ok, result, error }) {
      const asked = sent.get(id);
      if (!asked) return;
      sent.delete(id);
      ambient.enter(asked.owner, () => {
        sendNext();
        if (ok) asked.resolve(result);
        else asked.reject(Object.assign(new Error(error.message), error));
      });
    },
  };
}
