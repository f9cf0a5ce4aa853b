import { Router } from 'express';
import { refuseOthers } from './route.ts';

/** Whether this process can serve, and what of it is not as it should be, one sentence each. */
export type Readiness = () => Promise<{ isReady: boolean; degraded: readonly string[] }>;

/** Outside the route table: a probe has no credential, and no flood may make it fail. */
export function healthRouter(readiness: Readiness): Router {
  const router = Router();
  router.get('/healthz', (_request, response) => {
    response.json({ status: 'alive' });
  });
  router.get('/readyz', async (_request, response) => {
    const { isReady, degraded } = await readiness();
    const status = isReady ? (degraded.length > 0 ? 'degraded' : 'ready') : 'unavailable';
    if (!isReady) response.status(503).set('Retry-After', '5');
    response.json({ status, degraded });
  });
  router.all(['/healthz', '/readyz'], refuseOthers(['GET']));
  return router;
}
