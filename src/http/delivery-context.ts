import type { Deliveries } from '../delivery/deliveries.ts';
import type { Asker } from '../delivery/resolve.ts';
import { parseSelector, type Selector } from '../delivery/selector.ts';
import type { OrgDelivery } from '../delivery/service.ts';
import type { Caller } from '../identity/caller.ts';
import { seesEverything } from '../identity/roles.ts';
import { noSuchOrg } from './tenant.ts';

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
