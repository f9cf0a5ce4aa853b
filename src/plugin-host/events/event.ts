import { v7 as newId } from 'uuid';
import type { Capability } from '../../registry/server-manifest/manifest.ts';

/** Everything that hooks can hear of, and the capability that a server part must have to. */
export const EVENT_TYPES = {
  'approval.created': 'approval_hook',
  'approval.recorded': 'approval_hook',
  'document.ready': 'document_hook',
  'release.created': 'release_hook',
  'release.published': 'release_hook',
  'release.deprecated': 'release_hook',
  'release.blocked': 'release_hook',
  'release.yanked': 'release_hook',
  'promotion.requested': 'promotion_hook',
  'promotion.decided': 'promotion_hook',
  'promotion.completed': 'promotion_hook',
  'deployment.started': 'deploy_hook',
  'deployment.finished': 'deploy_hook',
  'rollback.started': 'deploy_hook',
  'rollback.finished': 'deploy_hook',
  'rollout.stage_changed': 'deploy_hook',
  'drift.detected': 'deploy_hook',
} as const satisfies Record<string, Capability>;
export type EventType = keyof typeof EVENT_TYPES;

/** Something that happened in an org, as it is stored with what brought it about. */
export interface HookEvent {
  /** UUIDv7: a hook that is called twice knows it by this. */
  id: string;
  org: string;
  type: EventType;
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
  type: EventType;
  timestamp: string;
  orgId: string;
  /** Of the binding that hears of it. */
  namespaceId: string | null;
  departmentId: string | null;
  data: HookEvent['data'];
}
