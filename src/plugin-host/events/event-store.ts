import type { BindingRef } from '../contract/wire.ts';
import type { HookEvent } from './event.ts';

/** That one binding was told of one event, and what came of it. */
export interface HookDelivery extends BindingRef {
  org: string;
  eventId: string;
  outcome: 'done' | 'failed';
  at: string;
  durationMs: number;
  /** For the log and the database alone. */
  error: string | null;
}

/**
 * What has happened. Events are written by the stores of their causes, in one
 * transaction with them and with the job that tells the bindings.
 */
export interface EventStore {
  /** Those that some binding may not have heard of, the oldest first. */
  unsettled(org: string, limit: number): Promise<HookEvent[]>;
  deliveries(org: string, eventIds: readonly string[]): Promise<HookDelivery[]>;
  /** Told twice, the later outcome stands. */
  addDelivery(delivery: HookDelivery): Promise<void>;
  /** Every binding has heard of them. */
  settle(org: string, eventIds: readonly string[], at: string): Promise<void>;
  /** How many some binding may not have heard of, and when the oldest happened. */
  backlog(org: string): Promise<{ waiting: number; oldestAt: string | null }>;
  /**
   * Removes what was settled before. Of what is told of once and for all the
   * event stays, and who heard of it goes. Answers how many events.
   */
  sweep(before: string): Promise<number>;
}

/** The job that tells an org's bindings. */
export const HOOKS = { kind: 'hooks', key: '' } as const;
