import { type Clock, toTime } from '../model/clock.ts';
import { WaymarkError } from '../model/errors.ts';
import type { OutboundPolicy } from '../outbound/guard.ts';
import type { ProviderSettings } from './provider/settings.ts';
import { checkSettings, type UpstreamRequest } from './settings.ts';
import {
  auditedUpstream,
  type Condition,
  type Upstream,
  type UpstreamSettings,
  type UpstreamStore,
} from './upstream.ts';

/** An upstream and what waits for a person, as its org's people see them. */
export interface ShownUpstream {
  url: string;
  branch: string;
  credentials: { secretRef: string; username: string | null } | null;
  knownHosts: string | null;
  provider: ProviderSettings | null;
  version: number;
  head: string | null;
  lastAttemptAt: string | null;
  lastSuccessAt: string | null;
  lastError: Upstream['lastError'];
  lastWriteError: Upstream['lastWriteError'];
  conditions: readonly Omit<Condition, 'org'>[];
}

interface Acting {
  org: string;
  actor: string;
  requestId: string;
  /** The version that the caller has seen; undefined for whichever is stored. */
  ifMatch: number | undefined;
}

interface Deps {
  upstreams: UpstreamStore;
  outbound: OutboundPolicy;
  clock: Clock;
}

/** @throws {WaymarkError} `RES_NOT_FOUND` for a hosted org */
export async function showUpstream(upstreams: UpstreamStore, org: string): Promise<ShownUpstream> {
  const { username, secretRef, org: _org, ...shown } = await getUpstream(upstreams, org);
  const conditions = await upstreams.conditions(org);
  return {
    ...shown,
    credentials: secretRef === null ? null : { secretRef, username },
    conditions: conditions.map(({ org: _owner, ...condition }) => condition),
  };
}

async function getUpstream(upstreams: UpstreamStore, org: string): Promise<Upstream> {
  const upstream = await upstreams.find(org);
  if (upstream) return upstream;
  throw new WaymarkError('RES_NOT_FOUND', `${org} is hosted here: it has no upstream`);
}

/**
 * Changes the fields that are given. What was fetched stays: another repository
 * behind the same branch is a force-push.
 *
 * @throws {WaymarkError} `RES_NOT_FOUND`, `RES_VERSION_CONFLICT`, `VAL_FAILED`, `UPSTREAM_REFUSED`
 */
export async function changeUpstream(
  change: Partial<UpstreamRequest>,
  { org, actor, requestId, ifMatch }: Acting,
  { upstreams, outbound, clock }: Deps,
): Promise<void> {
  const stored = await getUpstream(upstreams, org);
  const settings = await checkSettings({ ...requestOf(stored), ...change }, outbound);
  const entry = {
    at: toTime(clock()),
    tenant: org,
    actor,
    action: 'upstream.set',
    resource: org,
    before: auditedUpstream(stored),
    after: auditedUpstream(settings),
    requestId,
  };
  const isCurrent = ifMatch === undefined || ifMatch === stored.version;
  if (!isCurrent || !(await upstreams.replace(org, settings, stored.version, entry))) {
    throw new WaymarkError('RES_VERSION_CONFLICT', 'the upstream has changed: read it, then retry');
  }
}

function requestOf({ username, secretRef, ...settings }: UpstreamSettings): UpstreamRequest {
  const credentials = secretRef === null ? null : { secretRef, ...(username && { username }) };
  const { url, branch, knownHosts, provider } = settings;
  return { url, branch, credentials, knownHosts, provider };
}
