import { catalogueRoutes } from './delivery-catalogue-routes.ts';
import { clientRoutes } from './delivery-client-routes.ts';
import type { DeliveryRouteDeps } from './delivery-context.ts';
import { documentRoutes, trustRoutes } from './delivery-document-routes.ts';
import { downloadRoutes } from './delivery-download-routes.ts';
import type { Route } from './route.ts';

/** Everything under `/v1/orgs/:orgId/delivery`. @see docs/spec/delivery.md */
export const deliveryRoutes = (deps: DeliveryRouteDeps): Route[] => [
  ...catalogueRoutes(deps),
  ...documentRoutes(deps),
  ...trustRoutes(deps),
  ...downloadRoutes(deps),
  ...clientRoutes(deps),
];
