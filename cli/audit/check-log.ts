import { ChainCheck, type ChainedEntry, type ChainReport } from '../../src/model/audit-chain.ts';
import type { Checkpoint } from '../../src/signing/checkpoint.ts';
import { VerificationError } from '../errors.ts';
import { type Fields, parseFields } from '../trust/fields.ts';

/**
 * Recomputes the chain from its lines alone: nothing that a server says of it is believed.
 *
 * @param kept must be verified before
 * @throws {VerificationError} `DOCUMENT_INVALID`, `AUDIT_BROKEN` naming the first broken sequence
 */
export async function checkLog(
  lines: AsyncIterable<string>,
  tenant: string | undefined,
  kept: readonly Checkpoint[],
): Promise<ChainReport> {
  const check = new ChainCheck({ ...(tenant === undefined ? {} : { tenant }), kept });
  let line = 0;
  for await (const text of lines) {
    line += 1;
    check.add(parseEntry(text, `line ${line}`));
  }
  const report = check.finish();
  if (!report.ok) throw new VerificationError('AUDIT_BROKEN', describeBreak(report));
  return report;
}

function describeBreak({ firstBreak, gaps }: ChainReport): string {
  const stretches = gaps.map(({ from, to }) => (from === to ? `${from}` : `${from}–${to}`));
  const missing = stretches.length === 0 ? '' : `; missing: ${stretches.join(', ')}`;
  return `the audit log does not hold from entry ${firstBreak} on${missing}`;
}

/** All of its fields, since every one of them is hashed; only those that are used are looked at. */
function parseEntry(text: string, what: string): ChainedEntry {
  const fields = parseFields(Buffer.from(text), what);
  fields.count('sequence');
  for (const name of ['tenant', 'previousHash', 'hash']) fields.text(name);
  return JSON.parse(text) as ChainedEntry;
}

/** @throws {VerificationError} `DOCUMENT_INVALID` */
export function parseCheckpoint(body: Uint8Array): Checkpoint {
  return checkpointIn(parseFields(body, 'checkpoint'));
}

function checkpointIn(fields: Fields): Checkpoint {
  return {
    tenant: fields.text('tenant'),
    sequence: fields.count('sequence'),
    hash: fields.text('hash'),
    at: fields.text('at'),
    keyId: fields.text('keyId'),
    signature: fields.text('signature'),
  };
}
