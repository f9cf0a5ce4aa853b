import { type Request, Router } from 'express';
import type { ManagementAuth } from '../identity/management.ts';
import { WaymarkError } from '../model/errors.ts';
import { clientAddressIn } from './client-address.ts';

/**
 * `/v0/management`: for whoever has the management key, by `Authorization` or `X-Management-Key`.
 *
 * @param below what they then meet
 */
export function managementRouter(auth: ManagementAuth, below?: Router): Router {
  const router = Router({ caseSensitive: true });
  router.use((request, response, next) => {
    auth.check(clientAddressIn(response), keyIn(request));
    next();
  });
  if (below) router.use(below);
  router.use(() => {
    throw new WaymarkError('RES_NOT_FOUND', 'there is nothing at this address');
  });
  return router;
}

/** Two that differ are one wrong key. */
function keyIn(request: Request): string | undefined {
  const authorization = request.get('authorization');
  const given = [
    authorization === undefined ? [] : (/^bearer +(.*)$/i.exec(authorization)?.[1] ?? ''),
    request.get('x-management-key') ?? [],
  ].flat();
  const [key] = given;
  return given.some((other) => other !== key) ? '' : key;
}
