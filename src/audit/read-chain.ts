import { setImmediate } from 'node:timers/promises';
import type { AuditStore, ChainedEntry } from './entry.ts';

const PART = 500;

/** A tenant's entries up to its head of now, in parts, with room for other requests between them. */
export async function* readChain(
  audit: Pick<AuditStore, 'list' | 'head'>,
  tenant: string,
): AsyncGenerator<ChainedEntry[]> {
  const { sequence: end } = (await audit.head(tenant)) ?? { sequence: 0 };
  for (let last = 0; last < end; ) {
    const part = await audit.list(tenant, last, Math.min(PART, end - last));
    if (part.length === 0) return;
    yield part;
    last = part.at(-1)!.sequence;
    // An embedded database answers without ever waiting.
    await setImmediate();
  }
}
