import type { HealthStatus } from './contract/read-lifecycle.ts';

/** How an integration was found at one time. */
export interface HealthNote {
  /** RFC 3339. */
  at: string;
  status: HealthStatus;
  latencyMs: number;
  message: string | null;
}

/** So many are kept of each. */
export const HISTORY = 50;

export interface IntegrationHealthStore {
  /** The newest first. */
  history(org: string, integration: string): Promise<HealthNote[]>;
  /** The newest of each, by name. */
  latest(org: string): Promise<ReadonlyMap<string, HealthNote>>;
  /** Forgets all but the last `HISTORY`. */
  note(org: string, integration: string, note: HealthNote): Promise<void>;
  /** Forgets all of it. */
  forget(org: string, integration: string): Promise<void>;
}
