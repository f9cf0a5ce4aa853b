import type { Capability } from './manifest.ts';

const CAPABILITIES = {
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

export type HookEventType = keyof typeof CAPABILITIES;

/** The events of `hook.handle`, and the capability that each needs. */
export const HOOK_CAPABILITIES: Readonly<Record<string, Capability>> = CAPABILITIES;
