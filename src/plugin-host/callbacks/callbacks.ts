import type { Logger } from '../../audit/logger.ts';
import type { Clock } from '../../model/clock.ts';
import { WaymarkError } from '../../model/errors.ts';
import type { OutboundPolicy } from '../../outbound/guard.ts';
import type { BindingSecrets } from './binding-secrets.ts';
import type { CallRecord, CallRecords, Guest, OpenCall } from './call-records.ts';
import { httpCallbacks } from './http.ts';
import { kvCallbacks } from './kv.ts';
import type { KvStore } from './kv-store.ts';
import { logCallbacks } from './log.ts';
import { modelCallbacks } from './model.ts';
import type { ModelPort } from './model-port.ts';
import type { Params } from './params.ts';
import { answerPure, pureNames } from './pure.ts';
import { readCallbacks } from './read.ts';
import type { ReadPort } from './read-port.ts';
import { type SecretDeps, secretCallbacks } from './secrets.ts';

export interface CallbackDeps {
  records: CallRecords;
  outbound: OutboundPolicy;
  kv: KvStore;
  secrets: BindingSecrets;
  log: Logger;
  clock: Clock;
  read: ReadPort;
  /** Without it no org has a model. */
  model?: ModelPort;
  /** Of the contract's schema checker. */
  checkValue: SecretDeps['checkValue'];
}

/**
 * What a guest may ask of its host.
 *
 * @throws {WaymarkError} what the guest is told
 * @see docs/spec/plugin-host.md, "Callbacks"
 */
export type Callbacks = (
  guest: Guest,
  name: string,
  params: Readonly<Record<string, unknown>>,
) => Promise<unknown>;

type Callback = (record: CallRecord, params: Params, signal: AbortSignal) => Promise<unknown>;

/** Of one guest at a time: its own loop could ask for more than anybody can answer. */
const MOST_UNDER_WAY = 64;

export function createCallbacks(deps: CallbackDeps): Callbacks {
  const pure = pureNames.map((name): [string, Callback] => [
    name,
    async (_record, params) => answerPure(name, params),
  ]);
  const callbacks = new Map<string, Callback>([
    ...pure,
    ...Object.entries<Callback>({
      ...httpCallbacks(deps),
      ...logCallbacks(deps.log),
      ...kvCallbacks(deps.kv),
      ...secretCallbacks(deps),
      ...readCallbacks(deps.read),
      ...modelCallbacks(deps),
    }),
  ]);
  const underWay = new WeakMap<Guest, number>();

  return async (guest, name, params) => {
    const callback = callbacks.get(name);
    if (!callback) {
      throw new WaymarkError('PLG_METHOD_UNSUPPORTED', `the host has no callback ${name}`);
    }
    const call = deps.records.get(guest, params['host_callback_id']);
    const before = underWay.get(guest) ?? 0;
    if (before >= MOST_UNDER_WAY) {
      throw new WaymarkError('PLG_BUSY', `at most ${MOST_UNDER_WAY} callbacks at a time`);
    }
    underWay.set(guest, before + 1);
    try {
      return await whileOpen(call, callback(call.record, params, call.signal));
    } finally {
      underWay.set(guest, underWay.get(guest)! - 1);
    }
  };
}

/** Until the call has ended: what comes later is nobody's any more. */
async function whileOpen({ signal }: OpenCall, work: Promise<unknown>): Promise<unknown> {
  const { promise: ended, reject } = Promise.withResolvers<never>();
  const end = () => reject(signal.reason as Error);
  signal.addEventListener('abort', end, { once: true });
  try {
    return await Promise.race([work, ended]);
  } finally {
    signal.removeEventListener('abort', end);
  }
}
