// @ts-check

/** What `AbortSignal` needs of the DOM's events, and no more. */
export class EventTarget {
  /** @type {Map<string, Map<Function, boolean>>} */
  #listeners = new Map();

  /**
   * @param {string} type
   * @param {any} listener
   * @param {{once?: boolean}} [options]
   */
  addEventListener(type, listener, options) {
    const listeners = this.#listeners.get(type) ?? new Map();
    this.#listeners.set(type, listeners.set(listener, options?.once === true));
  }

  /**
   * @param {string} type
   * @param {any} listener
   */
  removeEventListener(type, listener) {
    this.#listeners.get(type)?.delete(listener);
  }

  /** @param {Event} event */
  dispatchEvent(event) {
    event.target = this;
    const handler = /** @type {any} */ (this)[`on${event.type}`];
    const listeners = [...(this.#listeners.get(event.type) ?? [])];
    for (const [listener, isOnce] of [...(handler ? [[handler, false]] : []), ...listeners]) {
      if (isOnce) this.removeEventListener(event.type, listener);
      try {
        if (typeof listener === 'function') listener.call(this, event);
        else listener.handleEvent(event);
      } catch (error) {
        globalThis.console?.error(error);
      }
    }
    return true;
  }
}

export class Event {
  /** @type {EventTarget | null} */
  target = null;

  /** @param {string} type */
  constructor(type) {
    this.type = type;
  }
}

export class DOMException extends Error {
  /**
   * @param {string} [message]
   * @param {string} [name]
   */
  constructor(message = '', name = 'Error') {
    super(message);
    this.name = name;
  }
}

/** @type {(signal: AbortSignal, reason: unknown) => void} */
let abort;

export class AbortSignal extends EventTarget {
  aborted = false;
  /** @type {unknown} */
  reason = undefined;
  /** @type {((event: Event) => void) | null} */
  onabort = null;

  static {
    abort = (signal, reason) => {
      if (signal.aborted) return;
      signal.aborted = true;
      signal.reason = reason ?? new DOMException('This operation was aborted', 'AbortError');
      signal.dispatchEvent(new Event('abort'));
    };
  }

  throwIfAborted() {
    if (this.aborted) throw this.reason;
  }

  /** @param {unknown} [reason] */
  static abort(reason) {
    const signal = new AbortSignal();
    abort(signal, reason);
    return signal;
  }

  /** @param {number} ms */
  static timeout(ms) {
    const signal = new AbortSignal();
    const reason = new DOMException('The operation was aborted due to timeout', 'TimeoutError');
    setTimeout(() => abort(signal, reason), ms);
    return signal;
  }

  /** @param {Iterable<AbortSignal>} signals */
  static any(signals) {
    const combined = new AbortSignal();
    for (const signal of signals) {
      if (signal.aborted) abort(combined, signal.reason);
      else signal.addEventListener('abort', () => abort(combined, signal.reason), { once: true });
    }
    return combined;
  }
}

export class AbortController {
  signal = new AbortSignal();

  /** @param {unknown} [reason] */
  abort(reason) {
    abort(this.signal, reason);
  }
}
