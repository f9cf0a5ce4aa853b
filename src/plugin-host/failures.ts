import { WaymarkError } from '../model/errors.ts';
import type { Binding } from './binding.ts';
import type { Outcome } from './breaker.ts';
import { ContractViolation } from './contract/contract-violation.ts';
import { PluginFault } from './contract/fault.ts';

const FAULTS: ReadonlySet<string> = new Set([
  'PLG_TIMEOUT',
  'PLG_OUT_OF_MEMORY',
  'PLG_BAD_RESPONSE',
]);

/** What a failed call says of the server part. A crash is told by the end of its runtime. */
export function outcomeOf(error: unknown): Outcome {
  if (error instanceof PluginFault) return 'answered';
  if (error instanceof WaymarkError && FAULTS.has(error.code)) return 'fault';
  return 'unsent';
}

/** Whether a version that could not be loaded will not load a second time either. */
export const isOfThisVersion = (error: unknown): boolean =>
  error instanceof ContractViolation ||
  error instanceof PluginFault ||
  (error instanceof WaymarkError && error.code === 'PLG_FAILED');

export const isLost = (error: unknown): boolean =>
  error instanceof WaymarkError && error.code === 'PLG_RESTARTED';

/**
 * Whether a binding was not asked at all, since the org has the plugin on for its
 * namespaces and integrations, and has no configuration of its own that suits it.
 */
export const isUnconfigured = (error: unknown, { scope }: Pick<Binding, 'scope'>): boolean =>
  scope === 'org' && error instanceof WaymarkError && error.code === 'VAL_FAILED';

/** For `lastError`, which the org's admins see: a bug of the host is in its log alone. */
export const tellOf = (error: unknown): string =>
  error instanceof WaymarkError || error instanceof PluginFault
    ? `${error.code}: ${error.message}`
    : 'internal error';
