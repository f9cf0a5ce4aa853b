import { type Push, type PushedRef, quarantineEnv } from '../git/gate.ts';
import { type ObjectPool, openObjectPool } from '../git/object-pool.ts';
import type { Permission } from '../identity/roles.ts';
import { type Diagnostic, formatDiagnostic } from '../model/diagnostic.ts';
import { WaymarkError } from '../model/errors.ts';
import { ZERO_OID } from '../model/names.ts';
import { acceptTag, type TagReader } from '../release/accept-tag.ts';
import type { Protection } from './protection.ts';
import { judgeRef } from './push-rules.ts';
import { findPushedSecrets } from './pushed-secrets.ts';
import { describeUnsigned, findUnsigned } from './signed-commits.ts';

/** What the gate needs to know of the org that is pushed to. */
export interface PushedOrg {
  repo: string;
  isMirror: boolean;
  protection: Protection;
  /** Armored keys of the org itself, which signs what it commits for people. */
  releaseKeys: readonly string[];
  /** Empty when the commit's tree compiles. */
  checkCommit(commit: string, pool: ObjectPool): Promise<readonly Diagnostic[]>;
  /** What of the commit's own roles is not this pusher's to give. */
  findHandedOut(
    commit: string,
    permissions: ReadonlySet<Permission>,
    pool: ObjectPool,
  ): Promise<readonly string[]>;
  tagReader(): TagReader;
}

/** More would scroll the first ones away, which are the ones to mend first. */
const MOST_MESSAGES = 1000;

/** Everything that is wrong with a push, in lines for its author; empty when it may go ahead. */
export async function checkPush(
  org: PushedOrg,
  push: Push,
  permissions: ReadonlySet<Permission>,
): Promise<string[]> {
  const pool = openObjectPool(org.repo, { env: quarantineEnv(push), size: 1 });
  try {
    const messages: string[] = [];
    for (const update of push.updates) {
      for (const message of await checkUpdate(org, { push, pool }, update, permissions)) {
        messages.push(message);
      }
    }
    if (messages.length <= MOST_MESSAGES) return messages;
    const left = messages.length - MOST_MESSAGES;
    return [...messages.slice(0, MOST_MESSAGES), `and ${left} more errors`];
  } finally {
    pool.close();
  }
}

async function checkUpdate(
  org: PushedOrg,
  { push, pool }: { push: Push; pool: ObjectPool },
  update: PushedRef,
  permissions: ReadonlySet<Permission>,
): Promise<string[]> {
  const { isMirror, protection } = org;
  const state = { isMirror, isProtected: protection.isByRequest };
  const rule = judgeRef(update, permissions, state);
  if ('refused' in rule) return [rule.refused];
  try {
    switch (rule.check) {
      case 'branch':
        return await checkSecrets(org, { push, pool }, update);
      case 'main':
        return [
          ...(await org.checkCommit(update.new, pool)).map(formatDiagnostic),
          ...(await org.findHandedOut(update.new, permissions, pool)),
          ...(await checkSigned(org, { push, pool }, update)),
          ...(await checkSecrets(org, { push, pool }, update)),
        ];
      case 'release':
        return await checkTag(org.tagReader(), pool, rule.name, update.new);
    }
  } catch (error) {
    if (error instanceof WaymarkError) return [error.message];
    throw error;
  }
}

async function checkSigned(
  { repo, protection, releaseKeys }: PushedOrg,
  { push, pool }: { push: Push; pool: ObjectPool },
  { old, new: head }: PushedRef,
): Promise<string[]> {
  if (!protection.signedCommits) return [];
  const keys = [...protection.signers, ...releaseKeys];
  const env = quarantineEnv(push);
  const unsigned = await findUnsigned(
    { repo, pool, env },
    { head, after: old === ZERO_OID ? undefined : old },
    keys,
  );
  return unsigned.length > 0 ? [describeUnsigned(unsigned)] : [];
}

async function checkSecrets(
  { repo }: PushedOrg,
  { push, pool }: { push: Push; pool: ObjectPool },
  { new: head }: PushedRef,
): Promise<string[]> {
  if (head === ZERO_OID) return [];
  const found = await findPushedSecrets({ repo, pool, env: quarantineEnv(push) }, head);
  return found.map(formatDiagnostic);
}

async function checkTag(reader: TagReader, pool: ObjectPool, name: string, oid: string) {
  const found = await pool.find(oid);
  if (found?.type !== 'tag') return [`${name} is no annotated tag: publish it as a release`];
  const result = await acceptTag({ ...reader, readTag: (id) => pool.readTag(id) }, name, oid);
  return result.ok ? [] : [`${name} is no release of this organisation: ${result.error}`];
}
