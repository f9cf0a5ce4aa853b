import type { ClientState, ClientStore } from './client.ts';

export interface StateWriter {
  /** Resolves once the report is durable. */
  save(state: ClientState): Promise<void>;
}

export function createStateWriter(
  _store: Pick<ClientStore, 'saveStates'>,
  _limits: { maxDelayMs?: number; maxBatch?: number } = {},
): StateWriter {
  throw new Error('not written yet');
}
