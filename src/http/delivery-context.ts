import type { BundleCache } from '../delivery/bundle-cache.ts';
import type { ClientStore } from '../delivery/client.ts';
import type { Deliveries } from '../delivery/deliveries.ts';
import type { Asker } from '../delivery/resolve.ts';
import { parseSelector, type Selector } from '../delivery/selector.ts';
import type { OrgDelivery } from '../delivery/service.ts';
import type { StateWriter } from '../delivery/state-writer.ts';
import { waitForChange, waitOf } from '../delivery/watch.ts';
import type { Authenticator } from '../identity/authenticate.ts';
import type { Caller } from '../identity/caller.ts';
import { seesEverything } from '../identity/roles.ts';
import type { Clock } from '../model/clock.ts';
import type { ArtifactStore } from '../registry/artifacts.ts';
import { matchesEtag, type PreparedAnswer, writePrepared } from './delivery-answer.ts';
import type { Call } from './route.ts';
import { noSuchOrg } from './tenant.ts';

export interface DeliveryRouteDeps {
  deliveries: Deliveries;
  clients: ClientStore;
  states: StateWriter;
  bundles: BundleCache;
  artifacts: ArtifactStore;
  authenticator: Pick<Authenticator, 'invalidate'>;
  clock: Clock;
}

/** Where every delivery route begins. */
export const BASE = '/:orgId/delivery';

export const read = { method: 'get', permission: 'delivery:read' } as const;

/** Answers now, or with `Prefer: wait` and a matching ETag when it changes. */
export async function answerOrWait(
  { deliveries }: DeliveryRouteDeps,
  call: Call,
  compose: () => Promise<PreparedAnswer>,
): Promise<undefined> {
  const { request, response, org } = call;
  let prepared = await compose();
  const waitSec = waitOf(request.get('prefer'));
  const has = request.headers['if-none-match'];
  const isSame = () => matchesEtag(has, prepared.headers['ETag'] ?? '""');
  const untilMs = Date.now() + (waitSec ?? 0) * 1000;
  while (waitSec !== undefined && isSame()) {
    const leftSec = (untilMs - Date.now()) / 1000;
    const { runtime } = deliveryOf(deliveries, org);
    const leave = (end: () => void) => void response.once('close', end);
    if (leftSec <= 0 || !(await waitForChange(runtime, leftSec, leave))) break;
    prepared = await compose();
  }
  if (!response.destroyed) writePrepared(request, response, prepared);
}

/** Whose grants a caller has, and which rollout bucket it is in. */
export const askerOf = (caller: Caller): Asker => ({
  id: caller.id,
  user: caller.user,
  teams: caller.teams,
  seesAll: caller.isSiteAdmin || seesEverything(caller.grantRoles),
});

export function deliveryOf(deliveries: Deliveries, slug: string): OrgDelivery {
  const delivery = deliveries.find(slug);
  if (!delivery) throw noSuchOrg(slug);
  return delivery;
}

/** The query's selector, else the enrolment's channel, else rolling. */
export const selectorOf = (query: URLSearchParams, caller: Caller): Selector =>
  parseSelector(query, caller.client?.channel ?? null);

export const seesDiagnostics = (caller: Caller): boolean => caller.permissions.has('registry:read');
