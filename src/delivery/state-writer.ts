import type { ClientState, ClientStore } from './client.ts';

export interface StateWriter {
  /** Resolves once the report is durable; rejects when its batch could not be stored. */
  save(state: ClientState): Promise<void>;
}

interface Waiting {
  state: ClientState;
  resolve: () => void;
  reject: (error: unknown) => void;
}

/**
 * Groups the reports of a few milliseconds into one transaction: what a client
 * waits for is one disk flush, and a thousand clients can share it.
 *
 * @param limits a batch goes out after `maxDelayMs`, or at `maxBatch` reports
 * @see docs/spec/delivery.md, "Client state"
 */
export function createStateWriter(
  store: Pick<ClientStore, 'saveStates'>,
  { maxDelayMs = 5, maxBatch = 500 }: { maxDelayMs?: number; maxBatch?: number } = {},
): StateWriter {
  let waiting: Waiting[] = [];
  let timer: NodeJS.Timeout | undefined;
  // One batch at a time: of two reports of one client, the later must land later.
  let previous = Promise.resolve();

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    const batch = waiting;
    waiting = [];
    previous = previous.then(() => saveBatch(store, batch));
  }

  return {
    save(state) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      waiting.push({ state, resolve, reject });
      if (waiting.length >= maxBatch) flush();
      else timer ??= setTimeout(flush, maxDelayMs);
      return promise;
    },
  };
}

async function saveBatch(
  store: Pick<ClientStore, 'saveStates'>,
  batch: readonly Waiting[],
): Promise<void> {
  try {
    await store.saveStates(batch.map(({ state }) => state));
    for (const { resolve } of batch) resolve();
  } catch (error) {
    for (const { reject } of batch) reject(error);
  }
}
