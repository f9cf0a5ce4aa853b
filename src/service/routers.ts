import type { Stores } from '../database/stores.ts';
import type { Deliveries } from '../delivery/deliveries.ts';
import type { OrgRuntimes } from '../delivery/runtimes.ts';
import { createStateWriter } from '../delivery/state-writer.ts';
import { apiKeyRoutes } from '../http/api-key-routes.ts';
import { auditRoutes } from '../http/audit-routes.ts';
import { deliveryRoutes } from '../http/delivery-routes.ts';
import { gitRoutes } from '../http/git-routes.ts';
import { createOnce } from '../http/idempotency.ts';
import { keyRoutes } from '../http/key-routes.ts';
import { namespaceRoutes } from '../http/namespace-routes.ts';
import { orgRoutes } from '../http/org-routes.ts';
import { releaseRoutes } from '../http/release-routes.ts';
import { routesOf } from '../http/route.ts';
import type { Authenticator } from '../identity/authenticate.ts';
import { policyOf } from '../identity/org-policy.ts';
import type { Storage, Surroundings } from './storage.ts';

/** Whatever a table of routes may need; each takes its own part of it. */
export type Parts = Surroundings &
  Stores &
  Pick<Storage, 'artifacts' | 'bundles' | 'master'> & {
    runtimes: OrgRuntimes;
    deliveries: Deliveries;
    authenticator: Authenticator;
  };

export function routersOver(parts: Parts) {
  const { runtimes, clients, log } = parts;
  const orgs = {
    has: (slug: string) => runtimes.find(slug) !== undefined,
    slugs: () => runtimes.all().map(({ org }) => org.slug),
    policy: (slug: string) => {
      const view = runtimes.find(slug)?.maybeView;
      return view && policyOf(view.published.config);
    },
  };
  const api = [
    ...orgRoutes({ ...parts, lifecycle: runtimes }),
    ...apiKeyRoutes(parts),
    ...releaseRoutes(parts),
    ...keyRoutes(parts),
    ...namespaceRoutes(parts),
    ...auditRoutes(parts),
  ];
  const delivery = deliveryRoutes({ ...parts, states: createStateWriter(clients) });
  const git = gitRoutes({ findHome: (org) => runtimes.find(org), log });
  return [
    { at: '/api/v1', router: routesOf(api, { orgs, isEnveloped: true, once: createOnce(parts) }) },
    { at: '/v1/orgs', router: routesOf(delivery, { orgs, isEnveloped: false }) },
    { at: '/', router: routesOf(git, { orgs, isEnveloped: false }) },
  ];
}
