import { ChainCheck, type ChainReport } from '../model/audit-chain.ts';
import type { Checkpoint } from '../signing/checkpoint.ts';
import type { CheckpointStore } from './checkpoints.ts';
import type { AuditStore } from './entry.ts';
import { readChain } from './read-chain.ts';

/** A chain as this server finds it, held against its newest checkpoint. */
export async function verifyChain(
  stores: { audit: AuditStore; checkpoints: CheckpointStore },
  tenant: string,
): Promise<ChainReport & { checkpoint: Checkpoint | null }> {
  // Before the chain: a later one would vouch for entries that are not read.
  const checkpoint = (await stores.checkpoints.latest(tenant)) ?? null;
  const check = new ChainCheck({ tenant, kept: checkpoint ? [checkpoint] : [] });
  for await (const part of readChain(stores.audit, tenant)) {
    for (const entry of part) check.add(entry);
  }
  return { ...check.finish(), checkpoint };
}
