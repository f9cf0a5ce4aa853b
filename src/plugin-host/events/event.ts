import { v7 as newId } from 'uuid';
import type { HookEventType } from '../../registry/server-manifest/hook-events.ts';

/** Something that happened in an org, as it is stored with what brought it about. */
export interface HookEvent {
  /** UUIDv7: a hook that is called twice knows it by this. */
  id: string;
  org: string;
  type: HookEventType;
  at: string;
  /** What it is about: it reaches the namespaces that cover one of them. */
  plugins: readonly string[];
  environments: readonly string[];
  data: Readonly<Record<string, unknown>>;
  /** What is told of once and for all: no second event of the org has the same. */
  mark: string | null;
}

export type NewEvent = Pick<HookEvent, 'org' | 'type' | 'at' | 'data'> & Partial<HookEvent>;

export const eventOf = (event: NewEvent): HookEvent => ({
  id: newId(),
  plugins: [],
  environments: [],
  mark: null,
  ...event,
});

/** As hooks and webhooks see it. */
export interface WireEvent {
  id: string;
  type: HookEventType;
  timestamp: string;
  orgId: string;
  /** Of the binding that hears of it. */
  namespaceId: string | null;
  departmentId: string | null;
  data: HookEvent['data'];
}
