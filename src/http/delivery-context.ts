import type { BundleCache } from '../delivery/bundle-cache.ts';
import type { ClientStore } from '../delivery/client.ts';
import type { Deliveries } from '../delivery/deliveries.ts';
import type { Asker } from '../delivery/resolve.ts';
import { parseSelector, type Selector } from '../delivery/selector.ts';
import type { OrgDelivery } from '../delivery/service.ts';
import type { StateWriter } from '../delivery/state-writer.ts';
import { waitOf } from '../delivery/watch.ts';
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
  const { runtime } = deliveryOf(deliveries, org);
  // Not by the wall clock: one that goes back a day would make it wait a day.
  const untilMs = performance.now() + (waitOf(request.get('prefer')) ?? 0) * 1000;
  const leaving = new AbortController();
  response.once('close', () => leaving.abort());
  for (;;) {
    const view = runtime.maybeView;
    const prepared = await compose();
    const leftSec = (untilMs - performance.now()) / 1000;
    const isSame = matchesEtag(request.headers['if-none-match'], prepared.headers['ETag'] ?? '""');
    // What changed while it was composed would wake nobody up.
    const hasChanged = () => runtime.maybeView !== view;
    if (isSame && leftSec > 0) {
      const wait = () => deliveries.watchers.wait(runtime, leftSec, leaving.signal);
      if (hasChanged() || (await wait())) continue;
    }
    if (!response.destroyed) writePrepared(request, response, prepared);
    return;
  }
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
