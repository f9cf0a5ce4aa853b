import type { RouteHandler } from './route-tree.ts';

/** Which tier a handler asked for: `waymark plugin pack` writes it into the manifest. */
const tiers = new WeakMap<object, string>();

/** Stands for the route contract's wrapper: it is the host that counts. */
export function withRateLimitTier<H extends RouteHandler>(handler: H, tier: string): H {
  tiers.set(handler, tier);
  return handler;
}

export const rateTierOf = (handler: object): string | undefined => tiers.get(handler);
