import type { AuditEntry } from '../../audit/entry.ts';
import type { BindingRef } from '../contract/wire.ts';
import type { WireEvent } from './event.ts';

/** One event on its way to one binding's receiver. */
export interface OutboxMessage extends BindingRef {
  org: string;
  eventId: string;
  event: WireEvent;
  /** `failed`: given up. */
  state: 'pending' | 'sent' | 'failed';
  /** Ended ones. */
  attempts: number;
  /** When a pending one is to be sent, or sent again. */
  dueAt: string;
  changedAt: string;
  /** Of the last attempt; null for one without an answer. */
  lastStatus: number | null;
  lastError: string | null;
}

export type OutboxKey = BindingRef & Pick<OutboxMessage, 'org' | 'eventId'>;

/** What an attempt came to. */
export type OutboxEnd = Pick<
  OutboxMessage,
  'state' | 'dueAt' | 'changedAt' | 'lastStatus' | 'lastError'
>;

/** How the sending for one binding goes. */
export interface OutboxSummary {
  pending: number;
  sent: number;
  failed: number;
  /** Of those that are pending. */
  nextAttemptAt: string | null;
  /** Of the message that was last tried. */
  lastStatus: number | null;
  lastError: string | null;
  /** Since its receiver said that it is gone for good. */
  suspendedSince: string | null;
}

/** What an org's receivers have not been told. */
export interface OutboxBacklog {
  pending: number;
  /** Given up, and not swept yet. */
  failed: number;
  /** Bindings whose receivers are gone for good. */
  suspended: number;
  /** When that happened of which a receiver waits longest to hear. */
  oldestAt: string | null;
}

/** Messages that must not be lost. One that is pending has a job that sends it. */
export interface OutboxStore {
  /** Leaves one that is there as it is. Its job looks for it at `jobAt`. */
  add(message: OutboxMessage, jobAt: string): Promise<void>;
  /** Takes a pending one that is due for an attempt. It is due again at `until`, should nothing end it. */
  claim(key: OutboxKey, now: string, until: string): Promise<OutboxMessage | undefined>;
  /** Counts an attempt; one that stays pending has its job at `dueAt`. */
  finish(key: OutboxKey, end: OutboxEnd): Promise<void>;
  /** The longest due first. */
  listDue(org: string, now: string, limit: number): Promise<OutboxMessage[]>;
  /** When the next of the pending ones is. */
  nextDue(org: string): Promise<string | undefined>;
  summary(org: string, binding: BindingRef): Promise<OutboxSummary>;
  /** Gives up what is pending for the binding. It lasts while its URL is the one of this digest. */
  suspend(org: string, binding: BindingRef, urlDigest: string, since: string): Promise<void>;
  /** The URL that the binding is suspended for, by its digest. */
  suspendedUrl(org: string, binding: BindingRef): Promise<string | undefined>;
  /** False of one that is not suspended: nothing is written then. */
  resume(org: string, binding: BindingRef, entry?: AuditEntry): Promise<boolean>;
  backlog(org: string): Promise<OutboxBacklog>;
  /** Sent or given up before. Answers how many. */
  sweep(before: string): Promise<number>;
}

/** The job that sends what is due of an org. */
export const OUTBOX = { kind: 'outbox', key: '' } as const;
