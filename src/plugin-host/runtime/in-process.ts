import { AsyncLocalStorage } from 'node:async_hooks';
import { HARD_KILL_MS } from '../../registry/server-manifest/limits.ts';
import { Conversation } from './conversation.ts';
import { createDispatch } from './guest/dispatch.js';
import type { Ambient, MethodTable, Waymark } from './guest/types.ts';
import { pureCalls } from './pure-calls.js';
import type { PluginRuntime, RuntimeHost } from './runtime.ts';

/** A server part that is Waymark's own: its methods, given the way to its host. */
export type BuiltinMethods = (waymark: Waymark) => MethodTable;

/**
 * Runs trusted methods in this process, as if they were far away: JSON is all
 * that crosses, deadlines and errors are those of the other runtimes. Only what
 * computes without an end cannot be stopped.
 */
export function startInProcess(
  methods: BuiltinMethods,
  { host, graceMs = HARD_KILL_MS }: { host: RuntimeHost; graceMs?: number },
): PluginRuntime {
  const storage = new AsyncLocalStorage<Ambient | undefined>();
  const guest = createDispatch({
    send: (_kind, _id, text) => queueMicrotask(() => conversation.receive(text)),
    callSync: (name, params) => callPure(name, params as Readonly<Record<string, unknown>>),
    ambient: {
      enter: (call, work) => storage.run(call, work),
      current: () => storage.getStore(),
    },
    AbortController,
  });
  guest.serve(methods(guest.waymark));
  const line = { post: (text: string) => queueMicrotask(() => guest.receive(text)), cut() {} };
  const conversation = new Conversation({ line, host, graceMs });
  return {
    call: (...asked) => conversation.call(...asked),
    memoryBytes: () => 0,
    ended: conversation.ended,
    close: () => conversation.end({ cause: 'closed', message: 'it was closed' }, 0),
  };
}

function callPure(name: string, params: Readonly<Record<string, unknown>>): unknown {
  const run = Object.hasOwn(pureCalls, name) ? pureCalls[name] : undefined;
  if (run) return run(params);
  throw Object.assign(new Error(`there is no ${name}`), { code: 'PLG_METHOD_UNSUPPORTED' });
}
