import type { Logger } from '../../audit/logger.ts';
import type { Clock } from '../../model/clock.ts';
import type { OutboundPolicy } from '../../outbound/guard.ts';
import type { BindingSecrets } from './binding-secrets.ts';
import type { CallRecords, Guest } from './call-records.ts';
import type { KvStore } from './kv-store.ts';
import type { ModelPort } from './model-port.ts';
import type { ReadPort } from './read-port.ts';

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
  /** Of the contract's schema checker: what is wrong with a value. */
  checkValue(schema: unknown, value: unknown): Promise<readonly { message: string }[]>;
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
