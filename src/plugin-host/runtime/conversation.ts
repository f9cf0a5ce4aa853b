import type { ErrorCode } from '../../model/errors.ts';
import { WaymarkError } from '../../model/errors.ts';
import { PluginFault } from '../contract/fault.ts';
import type { WireMethod } from '../contract/wire.ts';
import { CALLBACKS_IN_FLIGHT } from './guest/dispatch.js';
import { BadMessage, type GuestMessage, parseMessage } from './parse-message.ts';
import type { CallTerms, RuntimeEnd, RuntimeHost } from './runtime.ts';

/** How one guest is reached, whatever it runs in. */
export interface Line {
  post(text: string): void;
  /** Stops the guest where it stands. */
  cut(): void;
  /** The call that the guest is busy with, where that can be known; 0 for none. */
  busyWith?(): number;
}

export interface ConversationOptions {
  line: Line;
  host: RuntimeHost;
  /** How long after its deadline a call may still be answered before it costs the guest its life. */
  graceMs: number;
}

interface Pending {
  resolve(result: unknown): void;
  reject: (error: Error) => void;
  /** Takes its timers and listeners away. */
  forget: () => void;
}

const codeByCause: Record<RuntimeEnd['cause'], ErrorCode> = {
  closed: 'PLG_RESTARTED',
  timeout: 'PLG_TIMEOUT',
  memory: 'PLG_OUT_OF_MEMORY',
  crash: 'PLG_HANDLER_ERROR',
  'bad-answer': 'PLG_BAD_RESPONSE',
};

/** What a guest may say only of what the host asked: its host answers as if it had found out itself. */
const HOSTS_OWN: ReadonlySet<string> = new Set<ErrorCode>([
  'PLG_METHOD_UNSUPPORTED',
  'PLG_BAD_RESPONSE',
]);

/** The host's side of the wire with one guest: calls and their deadlines, callbacks, the end. */
export class Conversation {
  readonly ended: Promise<RuntimeEnd>;
  readonly #line: Line;
  readonly #host: RuntimeHost;
  readonly #graceMs: number;
  readonly #pending = new Map<number, Pending>();
  readonly #hasEnded: (end: RuntimeEnd) => void;
  #end: RuntimeEnd | undefined;
  #nextId = 1;
  /** Callbacks that are not answered yet. */
  #serving = 0;

  constructor({ line, host, graceMs }: ConversationOptions) {
    this.#line = line;
    this.#host = host;
    this.#graceMs = graceMs;
    const { promise, resolve } = Promise.withResolvers<RuntimeEnd>();
    this.ended = promise;
    this.#hasEnded = resolve;
  }

  /** As `PluginRuntime.call`. */
  call(method: WireMethod, params: object, { deadlineMs, signal }: CallTerms): Promise<unknown> {
    if (this.#end) return Promise.reject(lost(this.#end));
    const id = this.#nextId++;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const cancel = () => this.#post({ method: '$cancel', params: { id } });
    const stopWaiting = this.#await(id, method, deadlineMs, reject, cancel);
    signal?.addEventListener('abort', cancel);
    const forget = () => {
      stopWaiting();
      signal?.removeEventListener('abort', cancel);
    };
    this.#pending.set(id, { resolve, reject, forget });
    this.#post({ id, method, params, deadlineMs });
    if (signal?.aborted) cancel();
    return promise;
  }

  /** One JSON text of the guest. */
  receive(text: string): void {
    if (this.#end) return;
    let message: GuestMessage;
    try {
      message = parseMessage(text);
    } catch (error) {
      if (!(error instanceof BadMessage)) throw error;
      this.end({ cause: 'bad-answer', message: `a message is refused: ${error.message}` });
      return;
    }
    if (message.kind === 'callback') void this.#serve(message);
    else this.#settle(message);
  }

  /** The answer to one call is refused, the guest lives on. */
  refuse(id: number, reason: string): void {
    this.#take(id)?.reject(new WaymarkError('PLG_BAD_RESPONSE', `the plugin's answer ${reason}`));
  }

  /**
   * The guest is no more. Without `guilty` every call is: nobody can tell which it was.
   */
  end({ cause, message }: RuntimeEnd, guilty?: number): void {
    if (this.#end) return;
    const end = { cause, message };
    this.#end = end;
    this.#line.cut();
    for (const [id, { reject, forget }] of this.#pending) {
      forget();
      const isGuilty = guilty === undefined || guilty === id;
      reject(isGuilty ? fallen(end) : lost(end));
    }
    this.#pending.clear();
    this.#hasEnded(end);
  }

  #await(
    id: number,
    method: WireMethod,
    deadlineMs: number,
    reject: (error: Error) => void,
    cancel: () => void,
  ): () => void {
    const overdue = () => {
      const message = `${method} did not end within ${deadlineMs} ms, nor when it was cancelled`;
      this.end({ cause: 'timeout', message }, this.#line.busyWith?.() ?? id);
    };
    const late = () => {
      cancel();
      reject(new WaymarkError('PLG_TIMEOUT', `${method} took longer than ${deadlineMs} ms`));
      timer = afterPoll(overdue, this.#graceMs);
    };
    let timer = afterPoll(late, deadlineMs);
    return () => timer.clear();
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    pending?.forget();
    return pending;
  }

  #settle(message: Exclude<GuestMessage, { kind: 'callback' }>): void {
    const pending = this.#take(message.id);
    if (message.kind === 'result') pending?.resolve(message.result);
    else {
      const { code, message: text } = message.fault;
      const isHosts = HOSTS_OWN.has(code);
      pending?.reject(isHosts ? new WaymarkError(code as ErrorCode, text) : message.fault);
    }
  }

  async #serve({ id, method, params }: Extract<GuestMessage, { kind: 'callback' }>): Promise<void> {
    // The guest's own side queues what is more: this one has got round it.
    if (this.#serving >= CALLBACKS_IN_FLIGHT) {
      const message = `it has more than ${CALLBACKS_IN_FLIGHT} callbacks at once`;
      this.end({ cause: 'bad-answer', message });
      return;
    }
    this.#serving += 1;
    try {
      const result = (await this.#host.callback(method, params)) ?? null;
      this.#post({ id, ok: true, result });
    } catch (error) {
      this.#post({ id, ok: false, error: toWire(error) });
    } finally {
      this.#serving -= 1;
    }
  }

  #post(message: object): void {
    if (!this.#end) this.#line.post(JSON.stringify(message));
  }
}

/**
 * A timer that lets waiting messages go first: after a long turn of this process
 * an answer may have come in time and not been read.
 */
function afterPoll(work: () => void, ms: number): { clear(): void } {
  let immediate: NodeJS.Immediate | undefined;
  const timer = setTimeout(() => {
    immediate = setImmediate(work);
  }, ms);
  return {
    clear() {
      clearTimeout(timer);
      clearImmediate(immediate);
    },
  };
}

const fallen = ({ cause, message }: RuntimeEnd) =>
  // How it crashed is for the log alone.
  new WaymarkError(codeByCause[cause], cause === 'crash' ? 'the plugin crashed' : message);
const lost = ({ message }: RuntimeEnd) =>
  new WaymarkError('PLG_RESTARTED', `the plugin was stopped: ${message}`);

export function toWire(error: unknown): object {
  if (error instanceof PluginFault) {
    const { code, message, isRetryable, httpStatus, details } = error;
    return { code, message, retryable: isRetryable, http_status: httpStatus, details };
  }
  if (error instanceof WaymarkError) {
    const { code, message, facts } = error;
    return { code, message, details: facts.details };
  }
  // A bug's message may name hosts, paths or keys: the guest is not told.
  return { code: 'INTERNAL', message: 'internal error' };
}
