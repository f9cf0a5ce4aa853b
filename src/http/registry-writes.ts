import type { Committing, EditResult, ProposeChange } from '../changes/commit-edit.ts';
import type { OrgRuntime } from '../delivery/runtime.ts';
import type { OrgRuntimes } from '../delivery/runtimes.ts';
import type { Clock } from '../model/clock.ts';
import { WaymarkError } from '../model/errors.ts';
import { versionOf } from '../model/version-of.ts';
import { type Answer, type Call, textVersionOf } from './route.ts';
import { noSuchOrg } from './tenant.ts';

/** What a write to git needs. */
export interface RegistryWriteDeps {
  runtimes: Pick<OrgRuntimes, 'find'>;
  propose: ProposeChange;
  clock: Clock;
}

/** @throws {WaymarkError} `RES_NOT_FOUND` */
export function getRuntime(runtimes: Pick<OrgRuntimes, 'find'>, org: string): OrgRuntime {
  const runtime = runtimes.find(org);
  if (!runtime) throw noSuchOrg(org);
  return runtime;
}

/** On behalf of the caller. */
export function committingOf(
  { org, caller, requestId }: Pick<Call, 'org' | 'caller' | 'requestId'>,
  { runtimes, propose, clock }: RegistryWriteDeps,
): Committing {
  const { actor, makers = [], permissions } = caller;
  const runtime = getRuntime(runtimes, org);
  return { runtime, actor, makers, permissions, requestId, clock, propose };
}

/** Undefined: what was asked for is done. */
export function proposedBy(result: EditResult): Answer | undefined {
  if ('commit' in result) return undefined;
  return { status: 202, body: result, headers: { Location: result.change.url } };
}

/** @throws {WaymarkError} `RES_VERSION_CONFLICT` for another than `If-Match` names */
export function checkIfMatch({ request }: Pick<Call, 'request'>, before: object): void {
  const wanted = textVersionOf(request);
  if (wanted === undefined || wanted === versionOf(before)) return;
  throw new WaymarkError('RES_VERSION_CONFLICT', 'it has changed: read it, then retry');
}
